"""The bank files of others, where they lie beside the checkout: what they hold, and how they are read."""

import csv
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bankfiles import Survey, survey
from prepay.money import CurrencyRefused, to_minor

SAMPLES = Path(__file__).parents[3] / "shared" / "bank-samples"
READ = ("camt.052", "camt.053", "camt.054", "mt940", "mt942", "bai2")
NEVER_READ = ("pain.001", "xsd")
"""No bank's answers: orders to a bank, and schemas."""
IN_MINOR_UNITS = ("bai2",)

_RAW = {"camt": rb"<(?:[\w.-]+:)?Ntry>", "mt94": rb"(?m)^\W*:61:", "bai2": rb"(?m)^16,"}


@dataclass(frozen=True)
class Sample:
    """A file, and what the index says of it, which a tolerant reader wrote that is none of ours."""

    path: str
    row: dict[str, str]

    @property
    def format(self) -> str:
        return self.path.split("/")[0]

    @property
    def data(self) -> bytes:
        return (SAMPLES / self.path).read_bytes()

    @property
    def entries(self) -> int:
        return int(self.row["entries"] or 0)

    def sums(self, column: str) -> dict[str, int]:
        """`EUR 1.00 USD 2.00` by currency in minor units; of currencies that are no more, none."""
        words, found = self.row[column].split(), {}
        for currency, amount in zip(words[::2], words[1::2], strict=True):
            try:
                minor = int(amount) if self.format in IN_MINOR_UNITS else to_minor(amount, currency)
            except CurrencyRefused:
                continue
            found[currency] = minor
        return {currency: minor for currency, minor in found.items() if minor}

    def raw_entries(self) -> int:
        """What looks like an entry, counted without a reader."""
        pattern = _RAW.get(self.format[:4])
        return len(re.findall(pattern, self.data)) if pattern else 0


def samples() -> Iterator[Sample]:
    with (SAMPLES / "INDEX.tsv").open(newline="") as index:
        for row in csv.DictReader(index, delimiter="\t"):
            yield Sample(row["path"], row)


@dataclass
class Outcomes:
    """What became of the files of one format."""

    outcomes: Counter[str] = field(default_factory=Counter)
    with_quarantine: int = 0
    entries: int = 0
    lost: int = 0
    """Entries that are in a file, by the index or by counting, of which its reader says nothing."""

    def add(self, sample: Sample, found: Survey) -> None:
        self.outcomes[found.outcome] += 1
        self.with_quarantine += found.outcome == "read" and bool(found.quarantined)
        self.entries += found.entries
        if sample.format in READ and found.outcome != "refused":
            self.lost += max(0, sample.entries - found.entries, sample.raw_entries() - found.entries)


def read_all() -> list[tuple[Sample, Survey]]:
    return [(sample, survey(sample.data)) for sample in samples()]


def table(found: list[tuple[Sample, Survey]]) -> str:
    """What became of the files, a row a format."""
    rows = {format: Outcomes() for format in (*READ, *NEVER_READ, "all")}
    for sample, told in found:
        rows[sample.format].add(sample, told)
        rows["all"].add(sample, told)
    head = ("format", "files", "read", "with quarantine", "held", "refused", "entries", "silent losses")
    lines = [" | ".join(head), "|".join(["---", *["--:"] * (len(head) - 1)])]
    lines += [" | ".join(map(str, _cells(format, row))) for format, row in rows.items()]
    return "\n".join(f"| {line} |" if "---" not in line else f"|{line}|" for line in lines)


def _cells(format: str, row: Outcomes) -> tuple[str | int, ...]:
    counts = (row.outcomes[outcome] for outcome in ("held", "refused"))
    return (
        format,
        row.outcomes.total(),
        row.outcomes["read"],
        row.with_quarantine,
        *counts,
        row.entries,
        row.lost,
    )
