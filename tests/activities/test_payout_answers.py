"""The bank's answers, on a real database: each does what it says once, and what it says twice changes nothing."""

from typing import Any

import pytest

from activities.payouts import Collect, DecideFile
from bankfiles.sample import Payment
from tests.activities.test_bank_files import desk
from tests.activities.test_payouts import Cashier, cashier, credit, debit
from tests.bankfiles.answer_files import pacs004, pain002
from tests.payouts import Ready

__all__ = ["cashier", "desk"]


class TestTaken:
    def test_moves_no_money(self, cashier: Cashier) -> None:
        ready = cashier.ready()
        (file,) = cashier.run()
        answer = cashier.desk.work_off(pain002(file.message_id, [(ready.end_to_end_id, "ACCP", "")], "ACCP"))
        assert (answer.stage, answer.format) == ("posted", "pain.002.001.10")
        assert cashier.stage(ready) == ("sent", "sent")
        assert cashier.file(file)["stage"] == "accepted"

    def test_received_is_no_answer_yet(self, cashier: Cashier) -> None:
        cashier.ready()
        (file,) = cashier.run()
        cashier.desk.work_off(pain002(file.message_id, group="RCVD"))
        assert cashier.file(file)["stage"] == "sent"


class TestRejected:
    def test_in_part(self, cashier: Cashier) -> None:
        good, bad = cashier.ready(1_000), cashier.ready(2_000)
        (file,) = cashier.run()
        said = [(good.end_to_end_id, "ACCP", ""), (bad.end_to_end_id, "RJCT", "AC04")]
        for _ in range(2):
            cashier.desk.work_off(
                pain002(file.message_id, said, "PART", text="DE02120300000000202051 is closed")
            )
        assert (cashier.stage(good), cashier.stage(bad)) == (("sent", "sent"), ("rejected", "returned"))
        again = cashier.next_of(bad)
        assert (again["stage"], again["amount_minor"], again["hold_key"]) == (
            "planned",
            2_000,
            f"hold:{bad.payout}",
        )
        assert cashier.payout(bad)["reason"] == "the account is closed"
        assert cashier.file(file)["stage"] == "part_accepted"
        assert cashier.desk.available() == 97_000

    @pytest.mark.parametrize("how", ["group", "batch"])
    def test_as_a_whole(self, cashier: Cashier, how: str) -> None:
        several = [cashier.ready(amount) for amount in (1_000, 2_000)]
        (file,) = cashier.run()
        group, batch = ("RJCT", "") if how == "group" else ("", "RJCT")
        cashier.desk.work_off(pain002(file.message_id, group=group, batch=batch, reason="FF01"))
        assert [cashier.stage(one)[0] for one in several] == ["rejected", "rejected"]
        row = cashier.file(file)
        assert (row["stage"], row["reason"], row["ended_at"] is not None) == (
            "rejected",
            "the bank cannot read the file",
            True,
        )

    def test_the_same_in_another_file_is_rejected_once(self, cashier: Cashier) -> None:
        ready = cashier.ready()
        (file,) = cashier.run()
        said = [(ready.end_to_end_id, "RJCT", "AC04")]
        cashier.desk.work_off(pain002(file.message_id, said))
        cashier.desk.work_off(pain002(file.message_id, said, "RJCT"))
        assert len(cashier.desk.rows("SELECT id FROM payout")) == 2

    def test_after_it_was_booked_waits_for_the_booking(self, cashier: Cashier) -> None:
        ready = cashier.ready()
        (file,) = cashier.run()
        cashier.desk.pay(debit(ready))
        answer = cashier.desk.work_off(pain002(file.message_id, [(ready.end_to_end_id, "RJCT", "AC04")]))
        assert cashier.stage(ready) == ("settled", "settled")
        assert "1 rejected that are booked" in answer.reason
        cashier.desk.pay(credit(ready))
        assert cashier.stage(ready) == ("returned", "returned")

    def test_and_booked_all_the_same_is_for_a_person(self, cashier: Cashier) -> None:
        ready = cashier.ready()
        (file,) = cashier.run()
        cashier.desk.work_off(pain002(file.message_id, [(ready.end_to_end_id, "RJCT", "AC04")]))
        cashier.desk.pay(debit(ready))
        state, reason = cashier.desk.parts()[-1]
        assert (state, "rejected already" in str(reason)) == ("house", True)

    def test_after_it_came_back_waits_for_the_entry_with_which_it_left(self, cashier: Cashier) -> None:
        ready = cashier.ready()
        (file,) = cashier.run()
        cashier.desk.pay(credit(ready))
        cashier.desk.work_off(pain002(file.message_id, [(ready.end_to_end_id, "RJCT", "AC04")]))
        cashier.desk.pay(debit(ready))
        assert cashier.stage(ready) == ("returned", "returned")
        assert [state for state, _ in cashier.desk.parts()] == ["credited", "payout", "payout"]


class TestDuplicate:
    @pytest.mark.parametrize("code", ["DUPL", "AM05", "DU01"])
    def test_says_nothing_about_the_first(self, cashier: Cashier, code: str) -> None:
        ready = cashier.ready()
        (file,) = cashier.run()
        cashier.desk.work_off(pain002(file.message_id, group="RJCT", reason=code))
        assert (cashier.stage(ready), cashier.file(file)["stage"]) == (("sent", "sent"), "sent")

    @pytest.mark.parametrize(("code", "stage"), [("", "sent"), ("ALREADY", "sent"), ("FF01", "rejected")])
    def test_in_the_banks_own_words_rejects_nothing_that_was_sent_twice(
        self, cashier: Cashier, code: str, stage: str
    ) -> None:
        ready = cashier.ready()
        (file,) = cashier.run()
        again = DecideFile(
            file=file.file, key="1", signal="resend", operator="Second Operator", reason="no answer"
        )
        assert cashier.payouts.decide(again).refused == ""
        cashier.payouts.send(file.file)
        answer = cashier.desk.work_off(pain002(file.message_id, group="RJCT", reason=code))
        assert cashier.payout(ready)["stage"] == stage
        assert ("a person must ask" in answer.reason) is (stage == "sent")


class TestOthers:
    def test_a_file_of_another_program_changes_nothing(self, cashier: Cashier) -> None:
        ready = cashier.ready()
        cashier.run()
        answer = cashier.desk.work_off(pain002("SALARIES-1", group="RJCT", reason="FF01"))
        assert (answer.stage, answer.reason) == (
            "posted",
            "it is about no payment file of ours; nothing changes",
        )
        assert cashier.payout(ready)["stage"] == "sent"

    def test_whoever_may_not_bring_it_is_held(self, cashier: Cashier) -> None:
        ready = cashier.ready()
        (file,) = cashier.run()
        cashier.desk.change("UPDATE collection_account SET sources = '{inbox}'")
        answer = pain002(file.message_id, group="RJCT", reason="FF01")
        held = cashier.desk.work_off(answer)
        assert (held.stage, held.held_for) == ("held", "source")
        assert cashier.payout(ready)["stage"] == "sent"
        assert cashier.desk.work_off(answer, by="inbox").stage == "posted"
        assert cashier.payout(ready)["stage"] == "rejected"

    def test_a_broken_one_is_held(self, cashier: Cashier) -> None:
        ready = cashier.ready()
        (file,) = cashier.run()
        held = cashier.desk.work_off(pain002(file.message_id, [(ready.end_to_end_id, "RJCT", "AC04")])[:-40])
        assert (held.stage, held.held_for, cashier.payout(ready)["stage"]) == ("held", "structure", "sent")


class TestAnnounced:
    def test_the_money_moves_when_it_is_booked(self, cashier: Cashier) -> None:
        ready = cashier.ready()
        (file,) = cashier.run()
        cashier.desk.pay(debit(ready))
        cashier.desk.work_off(pacs004(file.message_id, [(ready.end_to_end_id, "MD07")]))
        assert cashier.stage(ready) == ("settled", "settled")
        assert cashier.payout(ready)["announced_at"] is not None
        # Booked without a reason, the one that was announced holds.
        cashier.desk.pay(credit(ready, return_reason="", code="PMNT/RCDT/ESCT"))
        assert cashier.stage(ready) == ("returned", "returned")
        assert cashier.payout(ready)["reason_code"] == "MD07"

    def test_twice_and_after_it_came_is_nothing(self, cashier: Cashier) -> None:
        ready = cashier.ready()
        (file,) = cashier.run()
        cashier.desk.pay(debit(ready), credit(ready))
        cashier.desk.work_off(pacs004(file.message_id, [(ready.end_to_end_id, "AC04")]))
        assert (cashier.stage(ready), len(cashier.desk.rows("SELECT id FROM payout"))) == (
            ("returned", "returned"),
            2,
        )


def not_paid(cashier: Cashier, file: int, payout: str, operator: str) -> str:
    given = DecideFile(
        file=file, key=operator, signal="not_paid", operator=operator, reason="by phone", payout=payout
    )
    return cashier.payouts.decide(given).refused


class TestNotPaid:
    def test_takes_two_people(self, cashier: Cashier) -> None:
        ready = cashier.ready()
        (file,) = cashier.run()
        assert not_paid(cashier, file.file, ready.end_to_end_id, "Second Operator") == ""
        assert cashier.payout(ready)["stage"] == "sent"
        assert "somebody else must" in not_paid(cashier, file.file, ready.end_to_end_id, "second operator ")
        assert not_paid(cashier, file.file, ready.end_to_end_id, "Fifth Operator") == ""
        assert cashier.stage(ready) == ("rejected", "returned")

    def test_never_of_what_has_not_left(self, cashier: Cashier) -> None:
        ready = cashier.ready()
        (made,) = cashier.payouts.collect(Collect(at_once=True)).files
        file = int(made.removeprefix("payment-file-"))
        for operator in ("Second Operator", "Fifth Operator"):
            assert "has not left yet" in not_paid(cashier, file, ready.end_to_end_id, operator)
        assert cashier.payout(ready)["stage"] == "sent"

    def test_never_of_what_was_booked(self, cashier: Cashier) -> None:
        ready = cashier.ready()
        (file,) = cashier.run()
        cashier.desk.pay(debit(ready))
        assert "settled already" in not_paid(cashier, file.file, ready.end_to_end_id, "Second Operator")
        assert "has no payout" in not_paid(cashier, file.file, "R-1", "Fifth Operator")


def test_no_account_number_is_in_the_lines_of_a_ticket(
    cashier: Cashier,
) -> None:
    ready = cashier.ready()
    (file,) = cashier.run()
    said = [(ready.end_to_end_id, "RJCT", "AC04")]
    cashier.desk.work_off(pain002(file.message_id, said, text="DE02120300000000202051 of ACME"))
    lines = " ".join(str(row["what"]) for row in cashier.desk.rows("SELECT what FROM refund_event"))
    assert "DE0212" not in lines + str(cashier.payout(ready)["reason"])
    assert lines.count("rejected payout") == 1


def ticket_of(cashier: Cashier, ready: Ready) -> dict[str, Any]:
    return dict(cashier.desk.rows("SELECT * FROM refund WHERE id = %s", ready.refund)[0])


def newest_line(cashier: Cashier) -> str:
    """What the audit page says last."""
    return str(cashier.desk.rows("SELECT what FROM refund_event ORDER BY id DESC LIMIT 1")[0]["what"])


def owe(cashier: Cashier) -> None:
    """The bank takes back all that the customer paid, of which a part is on its way to them."""
    [part] = cashier.desk.rows("SELECT bank_reference FROM bank_entry_part WHERE direction = 'credit'")
    cashier.desk.pay(Payment(-100_000, str(part["bank_reference"]), reversal=True))


class TestAsked:
    """For another account, each time a payout comes back, and with as much time as the first time."""

    def test_with_a_day_by_which_to_answer(self, cashier: Cashier) -> None:
        ready = cashier.ready()
        (file,) = cashier.run()
        # They were asked before, long ago.
        cashier.desk.change("UPDATE refund SET details_until = now() - interval '1 day', reminded = 3")
        cashier.desk.work_off(pain002(file.message_id, [(ready.end_to_end_id, "RJCT", "AC04")]))
        ticket = ticket_of(cashier, ready)
        days = (ticket["details_until"] - ticket["waits_since"]).days
        assert (ticket["stage"], days, ticket["reminded"]) == ("returned", 45, 0)
        assert newest_line(cashier).endswith("(AC04: the account is closed); its money is on hold again.")

    def test_for_the_rest_where_a_part_repaid_a_debt(self, cashier: Cashier) -> None:
        ready = cashier.ready()
        (file,) = cashier.run()
        owe(cashier)
        cashier.fund("C-1001", 600)
        cashier.desk.work_off(pain002(file.message_id, [(ready.end_to_end_id, "RJCT", "AC04")]))
        assert (ticket_of(cashier, ready)["stage"], cashier.next_of(ready)["amount_minor"]) == (
            "returned",
            600,
        )
        assert newest_line(cashier).endswith(
            "; it paid what the customer owed, and the rest is on hold again."
        )

    def test_not_where_what_came_back_repaid_a_debt(self, cashier: Cashier) -> None:
        ready = cashier.ready()
        (file,) = cashier.run()
        owe(cashier)
        cashier.desk.work_off(pain002(file.message_id, [(ready.end_to_end_id, "RJCT", "AC04")]))
        ticket = ticket_of(cashier, ready)
        assert (ticket["stage"], ticket["ended_at"] is not None) == ("void", True)
        assert ticket["answer"] == "the money came back, and paid what you owed us"
        assert newest_line(cashier).endswith("(AC04: the account is closed); it paid what the customer owed.")
