"""`prepay order`, `bill`, `usage`, `report` and what customers want: tables, JSON, one sentence where it cannot be."""

import json
from typing import Any

import psycopg
import pytest

from ledger import postings
from ledger.events import Credit, Receipt
from tests.cli.conftest import Cli
from tests.conftest import Database

PLACE: dict[str, Any] = {"entity": "nimbus-eu", "currency": "EUR", "amount_minor": 10_000}
ORDER = ("C-1001", "40.00", "EUR", "--product", "Storage")


@pytest.fixture(autouse=True)
def _money(set_up: Database) -> None:
    with psycopg.connect(set_up.app_url) as conn:
        postings.receive_many(conn, [Receipt(key="r", account="GIRO", **PLACE)])
        postings.credit_many(conn, [Credit(key="c", source="r", customer="C-1001", **PLACE)])


class TestOrder:
    def test_paid_refunded_and_shown(self, prepay: Cli) -> None:
        done = prepay("order", "pay", "4711", *ORDER)
        assert (done.code, done.err) == (0, "")
        assert "40.00 EUR" in done.out
        assert prepay("order", "refund", "4711", "15.00").code == 0
        shown = json.loads(prepay("order", "show", "4711", "--json").out)
        assert (shown["stage"], shown["refunded_minor"]) == ("part_refunded", 1_500)

    def test_spaces_around_its_id_are_no_part_of_it(self, prepay: Cli) -> None:
        done = prepay("order", "pay", " 4711 ", *ORDER)
        assert (done.code, done.err) == (0, "")
        assert "Order 4711" in done.out

    def test_set_aside_captured_and_voided(self, prepay: Cli) -> None:
        assert prepay("order", "authorise", "4711", *ORDER, "--expires-at", "2999-01-01").code == 0
        assert prepay("order", "capture", "4711", "10.00").code == 0
        done = json.loads(prepay("order", "void", "4711", "--json").out)
        assert (done["stage"], done["spent_minor"], done["open_minor"]) == ("captured", 1_000, 0)

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (("pay", "1", "C-1001", "100.01", "EUR", "--product", "Storage"), "100.01 EUR is asked for."),
            (("pay", "1", "C-1001", "-1", "EUR", "--product", "Storage"), "it is negative."),
            (("pay", "1", "C-9", "1.00", "EUR", "--product", "Storage"), "There is no customer C-9."),
            (("show", "1"), "There is no order 1."),
            (("show", "1\n\x1b[2J\u202e"), "There is no order 1??[2J?."),
        ],
    )
    def test_what_cannot_be_is_one_sentence(self, prepay: Cli, arguments: tuple[str, ...], said: str) -> None:
        done = prepay("order", *arguments)
        assert (done.code, done.out) == (1, "")
        assert done.err.strip().endswith(said)


class TestBill:
    LINES = ("--line", "Compute=60.00", "--line", "Storage=60.00", "--due", "2999-01-01")

    def test_issued_paid_listed_and_voided(self, prepay: Cli) -> None:
        done = prepay("bill", "issue", "I-1", "C-1001", "EUR", *self.LINES)
        assert (done.code, done.err) == (0, "")
        assert "part paid" in done.out
        [listed] = json.loads(prepay("bill", "list", "--customer", "C-1001", "--json").out)
        assert (listed["bill"], listed["paid_minor"]) == ("I-1", 10_000)
        void = ("bill", "void", "I-1", "--by", "First Operator", "--reason", "billed twice")
        assert "is void" in prepay(*void).out
        assert "was void already" in prepay(*void).out
        assert "billed twice" in prepay("bill", "show", "I-1").out

    def test_paid_by_hand_where_it_is_not_paid_by_itself(self, prepay: Cli) -> None:
        assert "not paid by themselves" in prepay("customer", "auto-pay", "C-1001", "--off").out
        prepay("bill", "issue", "I-1", "C-1001", "EUR", *self.LINES)
        paid = json.loads(prepay("bill", "pay", "I-1", "30.00", "--json").out)
        assert (paid["stage"], paid["paid_minor"]) == ("part_paid", 3_000)

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (("issue", "I-1", "C-1001", "EUR", "--line", "60.00", "--due", "2999-01-01"), "PRODUCT=AMOUNT"),
            (("list", "--stage", "late"), "there are issued, part_paid, paid, void."),
            (("void", "I-9", "--by", "First Operator", "--reason", "billed twice"), "There is no bill 'I-9'"),
            (("pay", "I-9"), "There is no bill I-9."),
        ],
    )
    def test_what_cannot_be_is_one_sentence(self, prepay: Cli, arguments: tuple[str, ...], said: str) -> None:
        done = prepay("bill", *arguments)
        assert (done.code, done.out) == (1, "")
        assert said in done.err

    def test_who_may_not_void_so_much_is_told(self, prepay: Cli) -> None:
        line = ("--line", "Compute=50000.01", "--due", "2999-01-01")
        prepay("bill", "issue", "I-1", "C-1001", "EUR", *line)
        done = prepay("bill", "void", "I-1", "--by", "First Operator", "--reason", "billed twice")
        assert (done.code, "at most 50,000.00 EUR" in done.err) == (1, True)


class TestOthers:
    def test_usage_is_reported_and_shown(self, prepay: Cli) -> None:
        assert prepay("usage", "report", "C-1001", "Compute", "2026-11", "12.00", "EUR").code == 0
        [shown] = json.loads(prepay("usage", "show", "C-1001", "--json").out)
        assert (shown["product"], shown["amount_minor"]) == ("Compute", 1_200)
        assert "write a month" in prepay("usage", "report", "C-1001", "Compute", "2026", "1", "EUR").err

    def test_the_report_of_use_says_where_money_went(self, prepay: Cli) -> None:
        prepay("order", "pay", "4711", *ORDER)
        done = prepay("report", "use")
        assert (done.code, done.err) == (0, "")
        assert "Storage" in done.out
        found = json.loads(prepay("report", "use", "--customer", "C-1001", "--json").out)
        assert [row["amount_minor"] for row in found["use"]] == [4_000, 6_000]
        nobody = prepay("report", "use", "--customer", "C-9")
        assert (nobody.code, nobody.err.strip()) == (1, "prepay: There is no customer C-9.")

    def test_explain_names_the_order(self, prepay: Cli) -> None:
        prepay("order", "pay", "4711", *ORDER)
        assert "order 4711: Storage" in prepay("explain", "C-1001").out

    def test_the_balance_says_how_long_it_lasts(self, prepay: Cli) -> None:
        prepay("order", "pay", "4711", *ORDER)
        [shown] = json.loads(prepay("balance", "C-1001", "--json").out)
        assert shown["lasts_until"]

    def test_a_threshold_is_set_and_taken_away(self, prepay: Cli) -> None:
        assert "less than 50.00 EUR" in prepay("customer", "notify-below", "C-1001", "EUR", "50.00").out
        assert "nothing about EUR" in prepay("customer", "notify-below", "C-1001", "EUR").out
        assert "no customer C-9" in prepay("customer", "auto-pay", "C-9", "--on").err
