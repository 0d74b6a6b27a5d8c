"""The invariants of the book: each a query in `ledger/invariants` that answers a row for each breach.

A query recomputes from the transfers; its first line says what must hold. Rooms that add tables add their
own: `CHECKS.append(Check(...))`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

FOLDER = Path(__file__).parent / "invariants"


@dataclass(frozen=True, slots=True)
class Check:
    """`sentence` says what must hold; `sql` finds what does not."""

    name: str
    sentence: str
    sql: str

    @classmethod
    def read(cls, file: Path) -> "Check":
        sentence, _, query = file.read_text(encoding="utf-8").partition("\n")
        return cls(file.stem, sentence.removeprefix("-- "), query.strip())


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What has no breaches holds."""

    name: str
    sentence: str
    breaches: list[dict[str, Any]]


CHECKS = [Check.read(file) for file in sorted(FOLDER.glob("*.sql"))]


def run_checks(conn: psycopg.Connection[Any], checks: list[Check] | None = None) -> list[CheckResult]:
    """Run all invariants, or those given, sent at once."""
    wanted = CHECKS if checks is None else checks
    with conn.pipeline():
        answers = [conn.cursor(row_factory=dict_row).execute(check.sql.encode()) for check in wanted]
        return [
            CheckResult(check.name, check.sentence, answer.fetchall())
            for check, answer in zip(wanted, answers, strict=True)
        ]
