"""`prepay export journal` and `prepay events`."""

import csv
import json
import time
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ledger import postings
from tests.cli.conftest import Cli
from tests.conftest import Database
from tests.ledger.conftest import Book

WHERE = ["--entity", "acme-de", "--currency", "EUR", "--from", "2000-01-01", "--to", "2099-12-31"]


@pytest.fixture
def paid(prepay: Cli, database: Database) -> Cli:
    """A receipt, its credit, a payment, and a hold, which is not posted."""
    with psycopg.connect(database.app_url, autocommit=True) as conn:
        book = Book(conn)
        book.open("A")
        book.give("A", "r1", 10_000)
        book.pay("A", "p1", 2_500)
        book.hold("A", "hold-1", 1_000)
    return prepay


def journal(prepay: Cli, out: Path, lines: int, *more: Any) -> dict[str, Any]:
    """The journal, once other tests' transactions on the same server are over."""
    until = time.monotonic() + 60
    while True:
        told: dict[str, Any] = json.loads(prepay("export", "journal", *WHERE, "-o", out, "--json", *more).out)
        if told["lines"] == lines or time.monotonic() > until:
            return told
        time.sleep(0.05)


class TestJournal:
    def test_it_balances_by_account_and_in_total(self, paid: Cli, tmp_path: Path) -> None:
        out = tmp_path / "j.csv"
        told = journal(paid, out, 6)
        assert {s["account"]: (s["debit_minor"], s["credit_minor"]) for s in told["accounts"]} == {
            "bank:GIRO": (10_000, 0), "unapplied": (10_000, 10_000), "customer": (2_500, 10_000), "sales": (0, 2_500)
        }  # fmt: skip
        rows = list(csv.DictReader(out.read_text("utf-8-sig").splitlines()))
        debits, credits = (sum(Decimal(row[side] or 0) for row in rows) for side in ("Debit", "Credit"))
        assert debits == credits == Decimal("225.00")
        assert [row["Holder"] for row in rows if row["Account"] == "customer"] == ["A", "A"]

    def test_the_next_one_has_what_was_recorded_since(
        self, paid: Cli, database: Database, tmp_path: Path
    ) -> None:
        after = journal(paid, tmp_path / "1.csv", 6)["next_after"]
        with psycopg.connect(database.app_url, autocommit=True) as conn:
            postings.pay(
                conn, key="late", customer="A", entity="acme-de", currency="EUR", amount_minor=5,
                effective_on=date(2020, 1, 1),
            )  # fmt: skip
        told = journal(paid, tmp_path / "2.csv", 2, "--after", after)
        assert [(s["account"], s["lines"]) for s in told["accounts"]] == [("customer", 1), ("sales", 1)]

    def test_other_days_are_empty(self, paid: Cli, tmp_path: Path) -> None:
        out = tmp_path / "j.csv"
        args = ["--entity", "acme-de", "--currency", "EUR", "--from", "2000-01-01", "--to", "2000-01-31"]
        done = paid("export", "journal", *args, "-o", out)
        assert "0 lines" in done.out
        assert out.read_text("utf-8-sig").count("\n") == 1

    @pytest.mark.parametrize(
        ("changed", "sentence"),
        [
            ({"--entity": "acme-ed"}, "There is no book of entity 'acme-ed' in 'EUR'."),
            ({"--currency": "USD"}, "There is no book of entity 'acme-de' in 'USD'."),
            ({"--to": "1999-12-31"}, "The period ends on 1999-12-31, before it begins on 2000-01-01."),
        ],
    )
    def test_what_would_be_empty_by_mistake_is_refused(
        self, paid: Cli, tmp_path: Path, changed: dict[str, str], sentence: str
    ) -> None:
        args = dict(zip(WHERE[::2], WHERE[1::2], strict=True)) | changed
        done = paid(
            "export", "journal", *(part for pair in args.items() for part in pair), "-o", tmp_path / "j.csv"
        )
        assert (done.code, done.err.strip()) == (1, f"prepay: {sentence}")
        assert list(tmp_path.glob("*j.csv*")) == []

    @pytest.mark.breaks_the_book
    def test_one_that_does_not_balance_is_not_written(
        self, paid: Cli, database: Database, tmp_path: Path
    ) -> None:
        journal(paid, tmp_path / "before.csv", 6)
        with psycopg.connect(database.superuser_url) as conn:
            conn.execute("SET session_replication_role = replica")
            conn.execute("UPDATE ledger_account SET currency = 'USD' WHERE kind = 'sales'")
        done = paid("export", "journal", *WHERE, "-o", tmp_path / "j.csv")
        assert done.code == 1
        assert "debits come to 22500 and its credits to 20000" in done.err
        assert list(tmp_path.glob("*j.csv*")) == []


class TestEvents:
    def test_a_line_for_each_and_on_from_its_cursor(self, paid: Cli) -> None:
        until = time.monotonic() + 60
        while len(found := paid("events", "--json").out.splitlines()) < 4 and time.monotonic() < until:
            time.sleep(0.05)
        events = [json.loads(line) for line in found]
        assert [event["name"] for event in events] == ["receipt", "credit", "pay", "hold"]
        rest = paid("events", "--after", events[1]["cursor"], "--json").out.splitlines()
        assert [json.loads(line)["name"] for line in rest] == ["pay", "hold"]
        assert "What comes next: --after" in paid("events").out
