"""`prepay explain` and `prepay bank explain`: for people in tables, for programs in JSON, and the exit code."""

import json
from typing import Any

import psycopg
import pytest

from activities.bank_files import BankFiles, store
from bankfiles.sample import Payment
from ledger import postings
from tests.activities.test_bank_files import ACCOUNT, Desk
from tests.cli.conftest import Cli
from tests.cli.test_bank import camt
from tests.conftest import Database, engine_of

PLACE: dict[str, Any] = {"customer": "C-1001", "entity": "nimbus-eu", "currency": "EUR"}


@pytest.fixture
def entry(prepay: Cli, set_up: Database) -> int:
    """The number of an entry of 100.00 that was credited to C-1001, who spent 25.00 of it."""
    engine = engine_of(set_up.app_url)
    deposit = Desk(set_up, engine).issue()
    files = BankFiles(engine)
    sha256, _ = store(
        engine,
        camt(Payment(10_000, "R1", structured=deposit.reference), account=ACCOUNT),
        "monday.xml",
        "the night shift",
    )
    files.read(sha256)
    files.post(sha256)
    with psycopg.connect(set_up.app_url) as connection:
        postings.pay(connection, key="order-7", amount_minor=2_500, cause="seven hours", **PLACE)
    (row,) = json.loads(prepay("bank", "entries", "--json").out)
    return int(row["entry"])


class TestEntry:
    def test_people_read_the_way_of_the_money(self, prepay: Cli, entry: int) -> None:
        done = prepay("bank", "explain", entry)
        assert (done.code, done.err) == (0, "")
        for said in ("monday.xml", "the night shift", "its structured reference is that of D-",
                     "payment order-7", "seven hours", "100.00 EUR", "-25.00 EUR", "75.00 EUR"):  # fmt: skip
            assert said in done.out

    def test_programs_read_minor_units(self, prepay: Cli, entry: int) -> None:
        found = json.loads(prepay("bank", "explain", entry, "--json").out)
        assert (found["entry"], found["amount_minor"]) == (entry, 10_000)
        (lot,) = found["parts"][0]["lots"]
        assert [m["amount_minor"] for m in lot["movements"]] == [-2_500]

    def test_an_unknown_one_is_one_sentence(self, prepay: Cli) -> None:
        done = prepay("bank", "explain", 7)
        assert (done.code, done.out) == (1, "")
        assert done.err == "prepay: There is no bank entry 7; `prepay bank entries` lists them.\n"

    def test_entries_are_listed_with_their_numbers(self, prepay: Cli, entry: int) -> None:
        assert "Entry" in prepay("bank", "entries").out


class TestBalances:
    def test_people_read_the_way_of_the_money(self, prepay: Cli, entry: int) -> None:
        done = prepay("explain", "C-1001", "eur")
        assert (done.code, done.err) == (0, "")
        assert f"entry {entry}, monday.xml line " in done.out
        assert "payment order-7" in done.out

    def test_programs_read_minor_units(self, prepay: Cli, entry: int) -> None:
        (found,) = json.loads(prepay("explain", "C-1001", "EUR", "--json").out)
        assert (found["posted_minor"], found["problems"]) == (7_500, [])
        assert [(lot["entry"], lot["remaining_minor"]) for lot in found["lots"]] == [(entry, 7_500)]

    def test_what_is_left_out_is_said(self, prepay: Cli, entry: int, database: Database) -> None:
        with psycopg.connect(database.app_url) as connection:
            postings.pay(connection, key="order-8", amount_minor=100, **PLACE)
        done = prepay("explain", "C-1001", "EUR", "--limit", 1)
        assert "older movements: 1 (a higher `--limit` shows them)" in done.out

    def test_an_unknown_customer_is_one_sentence(self, prepay: Cli) -> None:
        done = prepay("explain", "C-9")
        assert (done.code, done.out) == (1, "")
        assert done.err.startswith("prepay: There is no balance of a customer C-9; ")
        assert done.err.count("\n") == 1

    @pytest.mark.breaks_the_book
    def test_sums_that_differ_are_told_with_exit_code_1(
        self, prepay: Cli, entry: int, database: Database
    ) -> None:
        with psycopg.connect(database.owner_url) as owner:
            owner.execute(
                "UPDATE ledger_account SET available_minor = available_minor + 1 WHERE kind = 'customer'"
            )
        for more in ([], ["--json"]):
            done = prepay("explain", "C-1001", *more)
            assert done.code == 1
            assert "says posted 7501, but" in done.out
