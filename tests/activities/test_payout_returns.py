"""Unapplied money goes back to its payer by the same run: sent, booked, come back, kept."""

from typing import Any

import pytest

from activities.payouts import Collect
from bankfiles.sample import Payment
from prepay.receipts import ReturnReceipt, Target
from tests.activities.test_bank_files import Desk, desk
from tests.activities.test_payouts import Cashier, cashier, credit, debit
from tests.activities.test_receipts import OPERATOR, apply, decide
from tests.bankfiles.answer_files import pain002
from tests.payouts import Ready

__all__ = ["cashier", "desk"]


@pytest.fixture
def part(cashier: Cashier) -> int:
    """Money that nobody knows."""
    cashier.desk.pay(Payment(700, "R-1"))
    return int(str(cashier.desk.rows("SELECT part_id FROM receipt")[0]["part_id"]))


def send_back(desk: Desk, part: int) -> str:
    return decide(desk, part, "return_to_payer", ReturnReceipt(**OPERATOR)).refused


def returned(cashier: Cashier) -> Ready:
    row = cashier.desk.rows("SELECT * FROM payout WHERE return_id IS NOT NULL ORDER BY id DESC LIMIT 1")[0]
    return Ready(int(str(row["id"])), 0, str(row["end_to_end_id"]), int(str(row["amount_minor"])))


def stands(cashier: Cashier, part: int) -> tuple[Any, ...]:
    """Of the receipt, its part, its last return and payout."""
    query = """
        SELECT r.stage AS receipt, p.state, b.stage AS back, o.stage AS payout FROM receipt r
        JOIN bank_entry_part p ON p.id = r.part_id JOIN receipt_return b ON b.part_id = p.id
        JOIN payout o ON o.return_id = b.id WHERE r.part_id = %s ORDER BY o.id DESC LIMIT 1
    """
    return tuple(cashier.desk.rows(query, part)[0].values())


class TestReturn:
    def test_to_the_account_that_it_came_from(self, cashier: Cashier, part: int) -> None:
        assert send_back(cashier.desk, part) == ""
        assert stands(cashier, part) == ("returning", "unapplied", "prepared", "ready")
        (file,) = cashier.run()
        assert stands(cashier, part) == ("returning", "unapplied", "sent", "sent")
        content = bytes(cashier.file(file)["content"])
        assert Payment(1).payer_account.encode() in content
        cashier.desk.pay(debit(returned(cashier)))
        assert stands(cashier, part) == ("returned", "returned", "returned", "settled")
        assert cashier.file(file)["stage"] == "accepted"

    @pytest.mark.parametrize(
        ("payer", "why"),
        [
            ({"payer_account": "", "payer_name": "ACME GmbH"}, "does not say which account"),
            ({"payer_name": "京东"}, "it cannot go back to where it came from: The payee's name"),
            ({"payer_account": "12345"}, "town and country are missing"),
        ],
    )
    def test_where_no_bank_would_pay_it_says_why(
        self, cashier: Cashier, payer: dict[str, Any], why: str
    ) -> None:
        cashier.desk.pay(Payment(700, "R-1", **payer))
        part = int(str(cashier.desk.rows("SELECT part_id FROM receipt")[0]["part_id"]))
        assert why in send_back(cashier.desk, part)
        assert cashier.desk.rows("SELECT id FROM receipt_return") == []


class TestKeep:
    def test_before_it_is_sent(self, cashier: Cashier, part: int) -> None:
        send_back(cashier.desk, part)
        assert decide(cashier.desk, part, "keep", ReturnReceipt(**OPERATOR)).refused == ""
        assert stands(cashier, part) == ("unapplied", "unapplied", "kept", "void")
        assert cashier.payouts.collect(Collect(at_once=True)).files == ()

    def test_never_after(self, cashier: Cashier, part: int) -> None:
        send_back(cashier.desk, part)
        cashier.run()
        assert "on its way" in decide(cashier.desk, part, "keep", ReturnReceipt(**OPERATOR)).refused


class TestCameBack:
    def test_rejected_it_is_unapplied_again(self, cashier: Cashier, part: int) -> None:
        send_back(cashier.desk, part)
        (file,) = cashier.run()
        cashier.desk.work_off(pain002(file.message_id, group="RJCT", reason="FF01"))
        assert stands(cashier, part) == ("unapplied", "unapplied", "came_back", "rejected")
        assert send_back(cashier.desk, part) == ""
        cashier.run()
        cashier.desk.pay(debit(returned(cashier)))
        assert stands(cashier, part) == ("returned", "returned", "returned", "settled")

    @pytest.mark.parametrize("fee_minor", [0, 5])
    def test_after_it_was_booked(self, cashier: Cashier, part: int, fee_minor: int) -> None:
        send_back(cashier.desk, part)
        cashier.run()
        back = returned(cashier)
        cashier.desk.pay(debit(back))
        cashier.desk.pay(credit(back, fee_minor))
        assert stands(cashier, part) == ("unapplied", "unapplied", "came_back", "returned")
        assert apply(cashier.desk, part, Target(customer="C-1001")).refused == ""
        assert cashier.desk.available() == 100_700

    def test_its_workflow_is_rung(self, cashier: Cashier, part: int) -> None:
        send_back(cashier.desk, part)
        cashier.run()
        cashier.desk.change("DELETE FROM outbox")
        cashier.desk.pay(debit(returned(cashier)))
        bells = {row["workflow_id"] for row in cashier.desk.rows("SELECT workflow_id FROM outbox")}
        assert f"receipt-{part}" in bells
