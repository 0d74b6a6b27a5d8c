"""Bank files of others, where they lie beside the checkout: each read, held or refused, and its sums as indexed."""

import re
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from bankfiles import Entry, Survey, entries
from bankfiles.answers import ANSWER_FORMATS
from tests.bankfiles.oracles import Row, by_camt053, by_mt940, difference
from tests.bankfiles.others import NEVER_READ, SAMPLES, Sample, read_all, samples, table

PAGE = Path(__file__).parents[2] / "docs" / "bank-formats.md"

pytestmark = pytest.mark.skipif(
    not (SAMPLES / "INDEX.tsv").exists(),
    reason="no bank samples beside the checkout (../shared/bank-samples): 0 files of others read",
)

STATEMENTS = {"mt940/zilverline_mt940__two_accounts.txt": 4}
"""Where the index counts otherwise: it passes over a `:20:` behind a control character."""


@pytest.fixture(scope="module")
def found() -> list[tuple[Sample, Survey]]:
    return read_all()


class TestSamples:
    def test_are_read_as_indexed(self, found: list[tuple[Sample, Survey]]) -> None:
        wrong = [
            (sample.path, told.outcome, told.reason)
            for sample, told in found
            if sample.format not in NEVER_READ and _told(told) != _indexed(sample)
        ]
        assert wrong == []

    def test_that_are_no_statements_are_refused(self, found: list[tuple[Sample, Survey]]) -> None:
        for sample, told in found:
            # A bank's answer to a payment file is none either, and is read.
            if sample.format in NEVER_READ and told.format not in ANSWER_FORMATS:
                assert (told.outcome, told.entries) == ("refused", 0), sample.path

    def test_lose_no_transaction_of_a_batch(self, found: list[tuple[Sample, Survey]]) -> None:
        for sample, told in found:
            if sample.format.startswith("camt") and told.outcome == "read" and not told.quarantined:
                parts, lumps = _parts_and_lumps(sample)
                given = int(sample.row["tx_details"])
                # Transactions that carry no amount, and one that stands for several, leave a lump sum.
                assert parts in (given, 0) or given - lumps <= parts < given, sample.path

    def test_are_counted_on_the_page_about_formats(
        self, found: list[tuple[Sample, Survey]], record_property: Callable[[str, object], None]
    ) -> None:
        counted = table(found)
        record_property("summary", f"bank files of others\n{counted}")
        assert counted in PAGE.read_text(), "put this table into docs/bank-formats.md:\n" + counted


class TestLibraries:
    def test_mt940_reads_the_same_but_for_what_the_page_names(self) -> None:
        assert _differences("mt94", by_mt940) == _named("mt-940")

    @pytest.mark.skipif(find_spec("camt053") is None, reason="camt053 is brought for one run by uv")
    def test_camt053_reads_the_same_but_for_what_the_page_names(self) -> None:
        assert _differences("camt", by_camt053) == _named("camt053")


def _told(told: Survey) -> tuple[int, int, dict[str, int], dict[str, int]]:
    credit = {currency: t.credit_minor for currency, t in told.totals.items() if t.credit_minor}
    debit = {currency: t.debit_minor for currency, t in told.totals.items() if t.debit_minor}
    return len(told.statements), told.entries, credit, debit


def _indexed(sample: Sample) -> tuple[int, int, dict[str, int], dict[str, int]]:
    statements = STATEMENTS.get(sample.path, int(sample.row["statements_or_PmtInf"]))
    return statements, sample.entries, sample.sums("credit_totals"), sample.sums("debit_totals")


def _parts_and_lumps(sample: Sample) -> tuple[int, int]:
    found = [entry for entry in entries(sample.data) if isinstance(entry, Entry)]
    parts = sum(len(entry.parts) for entry in found if entry.detailed)
    return parts, sum(entry.batch is not None and not entry.detailed for entry in found)


def _differences(prefix: str, oracle: Callable[[bytes], list[Row]]) -> dict[str, str]:
    told = {s.path: difference(s.data, oracle) for s in samples() if s.path.startswith(prefix)}
    return {path: how for path, how in told.items() if how}


def _named(library: str) -> dict[str, str]:
    """The rows of the page's table about a library: the file, and how it differs."""
    section = PAGE.read_text().partition(f"### `{library}`")[2].partition("\n#")[0]
    return dict(re.findall(r"^\| `([^`]+)` \| ([^|]+) \|", section, re.MULTILINE))
