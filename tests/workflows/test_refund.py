"""Refund tickets: held at once, back to where the money came from, approved by people who had no hand in it."""

from typing import Any

import pytest
from sqlmodel import Session
from temporalio.client import WorkflowUpdateFailedError

from activities.database import psycopg_of
from bankfiles.sample import Payment
from ledger import bills, postings
from prepay.client import NotFound, Refused
from prepay.wire import InputRefused
from tests.office import Office
from tests.workflows.deposits import change, eventually
from tests.workflows.refunds import (
    APPROVE,
    PAYEE,
    PROOF,
    REJECT,
    SECOND,
    ask,
    available,
    booked,
    collect,
    credited,
)


class TestOpening:
    async def test_holds_the_money_and_plans_to_pay_it_back_to_its_payer(self, office: Office) -> None:
        await credited(office, 100_000)
        ticket = await ask(office)
        assert (available(office), ticket.row()["stage"]) == (75_000, "in_review")
        [payout] = ticket.payouts()
        assert (payout["amount_minor"], payout["stage"]) == (25_000, "planned")
        assert "back to the payer of bank entry" in await ticket.until("in review")

    async def test_splits_it_by_where_it_came_from_the_newest_money_first(self, office: Office) -> None:
        await credited(office, 10_000, payer_account="NL26MOCK0000009001", payer_name="ACME GmbH")
        await credited(office, 20_000, payer_account="NL96MOCK0000009002", payer_name="ACME GmbH")
        ticket = await ask(office, "250.00")
        assert [payout["amount_minor"] for payout in ticket.payouts()] == [20_000, 5_000]

    async def test_of_more_than_there_is_is_refused_with_what_there_is(self, office: Office) -> None:
        await credited(office, 10_000)
        with pytest.raises(Refused, match=r"100\.00 EUR can be refunded: 100\.00 EUR are available"):
            await ask(office, "100.01")
        assert available(office) == 10_000

    async def test_below_the_least_is_refused(self, office: Office) -> None:
        await credited(office, 10_000)
        with pytest.raises(Refused, match=r"the least that is refunded is 1\.00 EUR"):
            await ask(office, "0.99")

    async def test_beside_another_ticket_is_refused(self, office: Office) -> None:
        await credited(office, 10_000)
        first = await ask(office, "10.00")
        with pytest.raises(Refused, match=f"ticket {first.number} of this balance is open already"):
            await ask(office, "10.00")

    async def test_again_is_the_same_ticket_also_when_it_has_ended(self, office: Office) -> None:
        await credited(office, 10_000)
        first = await ask(office, "10.00", request_id="once")
        assert (await ask(office, "10.00", request_id="once")).number == first.number
        with pytest.raises(Refused, match="used with other content before"):
            await ask(office, "11.00", request_id="once")
        await office.client.withdraw_refund("C-1001", first.number)
        await first.ends("withdrawn")
        assert (await ask(office, "10.00", request_id="once")).number == first.number
        with pytest.raises(Refused, match="used with other content before"):
            await ask(office, "11.00", request_id="once")

    @pytest.mark.parametrize(
        "raw",
        [
            {"customer": "C-9999", "amount": "1.00"},
            {"customer": "C-1001", "amount": "1.001"},
            {"customer": "C-1001", "amount": "-1.00"},
            {"customer": "C-1001", "amount": "1.00", "opened_by": "Nobody"},
        ],
    )
    async def test_of_what_cannot_be_is_refused(self, office: Office, raw: dict[str, Any]) -> None:
        with pytest.raises(Exception, match=r"no customer|amount|no operator"):
            await ask(office, raw.pop("amount"), **raw)


class TestWithdrawing:
    async def test_gives_it_back(self, office: Office) -> None:
        await credited(office, 10_000)
        ticket = await ask(office, "10.00")
        await office.client.withdraw_refund("C-1001", ticket.number)
        await ticket.ends("withdrawn")
        assert available(office) == 10_000
        assert ticket.notices() == ["refund_in_review", "refund_withdrawn"]

    async def test_another_customer_s_ticket_is_not_found(self, office: Office) -> None:
        await credited(office, 10_000)
        ticket = await ask(office, "10.00")
        with pytest.raises(NotFound):
            await office.client.withdraw_refund("C-1002", ticket.number)


class TestApproving:
    async def test_by_one_is_enough_up_to_the_first_limit(self, office: Office) -> None:
        await credited(office, 100_000)
        ticket = await ask(office, "500.00")
        await ticket.approve()
        await ticket.until("approved: it goes to the bank")
        assert [payout["stage"] for payout in ticket.payouts()] == ["ready"]

    async def test_above_it_takes_two(self, office: Office) -> None:
        await credited(office, 200_000)
        ticket = await ask(office, "1000.01")
        await ticket.approve()
        await ticket.until("Second Operator (claim")
        assert ticket.row()["stage"] == "in_review"
        await ticket.approve()
        assert "you approved it already" in await ticket.newest_refusal()
        await ticket.approve(SECOND)
        await ticket.until("approved: it goes to the bank")

    async def test_what_the_customer_got_before_counts_too(self, office: Office) -> None:
        await credited(office, 200_000)
        first = await ask(office, "300.00")
        await first.approve()
        await first.until("approved: it goes to the bank")
        collect(office)
        second = await ask(office, "300.00")
        assert "| **Takes** | 2 people |" in await second.until("in review")

    async def test_by_who_opened_it_is_refused(self, office: Office) -> None:
        await credited(office, 10_000)
        ticket = await ask(office, "10.00", opened_by="First Operator")
        await ticket.approve({**APPROVE, "operator": "first  operator"})
        assert "you opened it: somebody else must approve it" in await ticket.newest_refusal()

    async def test_what_has_changed_since_is_refused(self, office: Office) -> None:
        await credited(office, 10_000)
        ticket = await ask(office, "10.00")
        await ticket.approve(content="000000000000")
        assert "what you approve has changed since you looked" in await ticket.newest_refusal()

    async def test_another_account_takes_a_proof_a_treasurer_one_more_person_and_time(
        self, office: Office
    ) -> None:
        await credited(office, 10_000)
        ticket = await ask(office, "10.00")
        [payout] = ticket.payouts()
        with pytest.raises(Refused, match="send a proof"):
            await office.client.enter_payee("C-1001", ticket.number, PAYEE, payout=payout["id"])
        before = await ticket.code()
        await office.client.enter_payee("C-1001", ticket.number, PAYEE, payout=payout["id"], proof=PROOF)
        await ticket.until("2 people, one of them a treasurer")
        await ticket.approve(content=before)
        assert "what you approve has changed" in await ticket.newest_refusal()
        await ticket.approve({**APPROVE, "operator": "First Operator"})
        await eventually(ticket.details, lambda shown: "for a treasurer since" in shown)
        await ticket.approve()
        await ticket.until("approved: it goes to the bank")
        assert ticket.payouts()[0]["not_before"] is not None


class TestRejecting:
    async def test_gives_it_back_and_tells_the_customer_why(self, office: Office) -> None:
        await credited(office, 10_000)
        ticket = await ask(office, "10.00")
        await ticket.handle.signal("reject", REJECT)
        await ticket.ends("rejected")
        assert (available(office), ticket.row()["answer"]) == (10_000, REJECT["reason"])
        assert [payout["stage"] for payout in ticket.payouts()] == ["void"]

    async def test_before_the_payment_file_stops_what_was_approved(self, office: Office) -> None:
        await credited(office, 10_000)
        ticket = await ask(office, "10.00")
        await ticket.approve()
        await ticket.until("approved: it goes to the bank")
        await ticket.handle.signal("reject", REJECT)
        await ticket.ends("rejected")
        assert available(office) == 10_000


class TestAllThatIsLeft:
    async def test_is_counted_after_late_usage_and_not_held_before(self, office: Office) -> None:
        await credited(office, 10_000)
        ticket = await ask(office, None)
        assert (ticket.row()["stage"], ticket.row()["amount_minor"], available(office)) == (
            "waiting",
            None,
            10_000,
        )
        change(office, "UPDATE refund SET usage_until = now()")
        await ticket.handle.signal("ring")
        await ticket.until("**Amount** | 100.00 EUR")
        assert available(office) == 0

    async def test_ends_the_ticket_when_nothing_is_left(self, office: Office) -> None:
        await credited(office, 10_000)
        ticket = await ask(office, None)
        spend(office, 10_000)
        change(office, "UPDATE refund SET usage_until = now()")
        await ticket.handle.signal("ring")
        await ticket.ends("rejected")
        assert ticket.notices() == ["refund_waiting", "refund_rejected"]


class TestRefundable:
    async def test_is_nothing_that_only_a_notification_has(self, office: Office) -> None:
        deposit = await office.client.request_deposit("C-1001", "100.00", "EUR", product="compute")
        await office.pay(Payment(10_000, structured=deposit.reference))
        with pytest.raises(Refused, match=r"less 100\.00 EUR that no booked statement has confirmed"):
            await ask(office, "1.00")

    async def test_is_nothing_while_the_customer_owes(self, office: Office) -> None:
        await credited(office, 10_000)
        spend(office, 10_000)
        reverse(office, 10_000)
        with pytest.raises(Refused, match=r"the customer owes 100\.00 EUR"):
            await ask(office, "1.00")

    async def test_leaves_open_bills_and_reported_usage(self, office: Office) -> None:
        await credited(office, 10_000)
        use(office, 4_000)
        with pytest.raises(Refused, match=r"60\.00 EUR can be refunded: .* less 40\.00 EUR for usage"):
            await ask(office, "60.01")

    async def test_counts_on_no_uncertain_money_for_what_is_owed(self, office: Office) -> None:
        await credited(office, 6_000)
        deposit = await office.client.request_deposit("C-1001", "40.00", "EUR", product="compute")
        await office.pay(Payment(4_000, structured=deposit.reference))
        use(office, 3_000)
        with pytest.raises(
            Refused, match=r"30\.00 EUR can be refunded: 100\.00 EUR are available, less 30\.00"
        ):
            await ask(office, "30.01")
        assert (await ask(office, "30.00")).row()["stage"] == "in_review"


class TestWhereTo:
    async def test_is_asked_where_the_bank_told_no_account(self, office: Office) -> None:
        await credited(office, 10_000, payer_account="")
        ticket = await ask(office, "10.00")
        await ticket.until("the customer has to say where to")
        await office.client.enter_payee("C-1001", ticket.number, PAYEE, proof=PROOF)
        await ticket.until("in review")
        assert ticket.notices() == ["refund_opened", "refund_in_review"]

    async def test_said_again_by_who_has_not_heard_the_answer_is_said_once(self, office: Office) -> None:
        await credited(office, 10_000, payer_account="")
        ticket = await ask(office, "10.00")
        first = await office.client.enter_payee("C-1001", ticket.number, PAYEE, proof=PROOF)
        again = await office.client.enter_payee("C-1001", ticket.number, PAYEE, proof=PROOF)
        assert (again.payouts, again.stage) == (first.payouts, "in_review")
        assert len(office.rows("SELECT FROM payee WHERE origin = 'entered'")) == 1
        with pytest.raises(Refused, match="no payout of it waits for bank details"):
            await office.client.enter_payee("C-1001", ticket.number, {**PAYEE, "name": "ACME"}, proof=PROOF)

    @pytest.mark.parametrize(
        ("payee", "why"),
        [
            ({**PAYEE, "iban": "DE00 3704 0044 0532 0130 00"}, "IBAN is wrong"),
            ({**PAYEE, "name": "启明示例有限公司"}, "name"),
            ({"name": "ACME GmbH"}, "either an IBAN or an account number"),
        ],
    )
    async def test_that_no_bank_can_read_is_refused(
        self, office: Office, payee: dict[str, str], why: str
    ) -> None:
        await credited(office, 10_000, payer_account="")
        ticket = await ask(office, "10.00")
        with pytest.raises((Refused, InputRefused), match=why):
            await office.client.enter_payee("C-1001", ticket.number, payee, proof=PROOF)
        assert ticket.row()["stage"] == "opened"

    async def test_who_entered_it_for_the_customer_does_not_approve(self, office: Office) -> None:
        await credited(office, 10_000, payer_account="")
        ticket = await ask(office, "10.00")
        await office.client.enter_payee(
            "C-1001", ticket.number, PAYEE, proof=PROOF, entered_by="Second Operator"
        )
        await ticket.approve()
        assert "you entered its account: somebody else must approve it" in await ticket.newest_refusal()

    async def test_not_said_in_time_closes_the_ticket(self, office: Office) -> None:
        await credited(office, 10_000, payer_account="")
        ticket = await ask(office, "10.00")
        change(office, "UPDATE refund SET details_until = now()")
        await ticket.handle.signal("ring")
        await ticket.ends("closed")
        assert available(office) == 10_000

    async def test_of_another_ticket_is_refused(self, office: Office) -> None:
        await credited(office, 10_000, payer_account="")
        await credited(office, 10_000, "C-1002", payer_account="")
        one, other = await ask(office, "10.00"), await ask(office, "10.00", "C-1002")
        await office.client.enter_payee("C-1002", other.number, PAYEE, proof=PROOF)
        [payee] = office.rows("SELECT id FROM payee WHERE origin = 'entered'")
        with pytest.raises(WorkflowUpdateFailedError):
            await one.handle.execute_update("use_payee", {"payee": payee["id"]})
        assert one.row()["stage"] == "opened"


class TestMoneyThatIsTakenAway:
    @pytest.mark.parametrize("stage", ["in_review", "approved"])
    async def test_by_the_bank_voids_the_ticket_and_its_approvals(self, office: Office, stage: str) -> None:
        await credited(office, 20_000)
        ticket = await ask(office, "100.00")
        if stage == "approved":
            await ticket.approve()
            await ticket.until("approved: it goes to the bank")
        reverse(office, 20_000)
        await office.ring()
        await ticket.ends("void")
        assert available(office) == 0
        assert [payout["stage"] for payout in ticket.payouts()] == ["void"]
        assert ticket.notices()[-1] == "refund_void"

    async def test_does_not_touch_a_refund_of_other_money(self, office: Office) -> None:
        await credited(office, 20_000)
        await credited(office, 10_000)
        ticket = await ask(office, "100.00")
        reverse(office, 20_000)
        await office.ring()
        assert ticket.row()["stage"] == "in_review"


def spend(office: Office, minor: int) -> None:
    """An order is paid."""
    place: dict[str, Any] = {"customer": "C-1001", "entity": "nimbus-eu", "currency": "EUR"}
    with Session(office.engine) as session, session.begin():
        postings.pay(psycopg_of(session), key=f"order {minor}", amount_minor=minor, **place)


def reverse(office: Office, minor: int) -> None:
    """The bank takes the payment of that amount back."""
    [part] = office.rows(
        "SELECT bank_reference, end_to_end_id FROM bank_entry_part WHERE amount_minor = %s", minor
    )
    back = Payment(-minor, part["bank_reference"], end_to_end_id=part["end_to_end_id"], reversal=True)
    booked(office, back)


def use(office: Office, amount_minor: int) -> None:
    """What a service reports and nobody has billed yet."""
    with Session(office.engine) as session, session.begin():
        bills.report_usage(
            psycopg_of(session),
            report="u-1",
            customer="C-1001",
            product="compute",
            period="2026-11",
            currency="EUR",
            amount_minor=amount_minor,
        )


class TestScreening:
    async def test_nobody_on_the_list_is_paid(self, office: Office) -> None:
        await credited(office, 10_000, payer_account="")
        ticket = await ask(office, "10.00")
        listed = (
            "INSERT INTO screening_subject (kind, value, listed_by) VALUES ('account', %s, 'Third Operator')"
        )
        change(office, listed, PAYEE["iban"].replace(" ", ""))
        with pytest.raises(Refused, match="our compliance staff look at them"):
            await office.client.enter_payee("C-1001", ticket.number, PAYEE, proof=PROOF)
        assert ticket.row()["stage"] == "opened"

    async def test_who_is_listed_after_the_approval_waits(self, office: Office) -> None:
        await credited(office, 10_000, payer_account="NL26MOCK0000009001")
        ticket = await ask(office, "10.00")
        await ticket.approve()
        await ticket.until("approved: it goes to the bank")
        change(
            office,
            "INSERT INTO screening_subject (kind, value, listed_by) VALUES ('account', %s, 'Third Operator')",
            "NL26MOCK0000009001",
        )
        assert collect(office) == []
        assert ticket.row()["stage"] == "approved"
