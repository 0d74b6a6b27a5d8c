"""Bank files of others, where they lie beside the checkout: each read, held or refused, and its sums as indexed."""

import csv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from bankfiles import Entry, Survey, entries, survey
from prepay.money import to_minor

SAMPLES = Path(__file__).parents[3] / "shared" / "bank-samples"
FORMATS = ("camt.052", "camt.053", "camt.054", "bai2")
IN_MINOR_UNITS = ("bai2",)


def indexed() -> list[dict[str, str]]:
    with (SAMPLES / "INDEX.tsv").open(newline="") as index:
        return [row for row in csv.DictReader(index, delimiter="\t") if format_of(row) in FORMATS]


def format_of(row: dict[str, str]) -> str:
    return row["path"].split("/")[0]


def amounts(row: dict[str, str], column: str) -> Iterator[tuple[str, int]]:
    """`EUR 1.00 USD 2.00` as pairs of currency and minor units."""
    words = row[column].split()
    for currency, amount in zip(words[::2], words[1::2], strict=True):
        yield currency, int(amount) if format_of(row) in IN_MINOR_UNITS else to_minor(amount, currency)


def sums(found: Survey) -> tuple[int, dict[str, int], dict[str, int]]:
    credit = {currency: t.credit_minor for currency, t in found.totals.items() if t.credit_minor}
    debit = {currency: t.debit_minor for currency, t in found.totals.items() if t.debit_minor}
    return found.entries, credit, debit


class TestSamples:
    def test_are_read_as_indexed(self, capsys: pytest.CaptureFixture[str]) -> None:
        if not (SAMPLES / "INDEX.tsv").exists():
            pytest.skip(
                "no bank samples beside the checkout (../shared/bank-samples): 0 files of others read"
            )
        rows, outcomes, wrong = indexed(), Counter[tuple[str, str]](), []
        for row in rows:
            found = survey((SAMPLES / row["path"]).read_bytes())
            outcomes[format_of(row), found.outcome] += 1
            expected = (
                int(row["entries"]),
                dict(amounts(row, "credit_totals")),
                dict(amounts(row, "debit_totals")),
            )
            if sums(found) != expected:
                wrong.append((row["path"], expected, sums(found)))
            if found.outcome == "read" and not found.quarantined:
                parts = self._detailed_parts(row["path"])
                # Transactions that carry no amount leave a lump sum.
                assert parts in (int(row["tx_details"]), 0), row["path"]
        with capsys.disabled():
            self._print(outcomes)
        assert wrong == []

    def _detailed_parts(self, path: str) -> int:
        found = entries((SAMPLES / path).read_bytes())
        return sum(len(entry.parts) for entry in found if isinstance(entry, Entry) and entry.detailed)

    def _print(self, outcomes: Counter[tuple[str, str]]) -> None:
        print(f"\n{'bank files of others':22}{'files':>6}{'read':>6}{'held':>6}{'refused':>9}")
        for format in FORMATS:
            counts = [outcomes[format, outcome] for outcome in ("read", "held", "refused")]
            print(f"{format:22}{sum(counts):6}{counts[0]:6}{counts[1]:6}{counts[2]:9}")
