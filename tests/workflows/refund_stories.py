"""The main ways of refunds, for the same uses as those in `stories`."""

from bankfiles.sample import Payment
from tests.office import Office, request_id
from tests.workflows.refunds import (
    APPROVE,
    PAYEE,
    PROOF,
    REJECT,
    SECOND,
    OpenRefund,
    ask,
    booked,
    books,
    collect,
    credited,
    rejects,
)

FIRST = {"operator": "First Operator", "reason": "as the contract says"}


async def refund_approved_by_two_and_paid(office: Office) -> str:
    """After attempts that were refused."""
    ticket = await _asked(office, "600.00")
    await ticket.handle.signal("approve", None)
    await ticket.handle.signal("aprove", APPROVE)
    await ticket.handle.cancel()
    await ticket.approve(content="000000000000")
    await ticket.approve({**APPROVE, "operator": "Third Operator"})
    await ticket.until("this takes an approver or a treasurer")
    await ticket.approve()
    await ticket.approve()
    await ticket.until("you approved it already")
    await ticket.approve(SECOND)
    await ticket.until("approved: it goes to the bank")
    await _paid(office, ticket)
    return await _ended(ticket, "settled")


async def refund_came_back_and_paid_elsewhere(office: Office) -> str:
    """The account is closed; the customer tells another one, which takes more people."""
    ticket = await _asked(office, "100.00")
    await _approved(ticket)
    await rejects(office, collect(office)[-1])
    await ticket.until("| **Stage** | returned")
    await office.client.enter_payee("C-1001", ticket.number, PAYEE, proof=PROOF)
    await ticket.until("people, one of them a treasurer")
    await _approved(ticket)
    await _paid(office, ticket)
    return await _ended(ticket, "settled")


async def refund_rejected(office: Office) -> str:
    """The customer has to say where to, does, and is refused."""
    await credited(office, 20_000, payer_account="")
    ticket = await ask(office, "100.00")
    await ticket.until("the customer has to say where to")
    await office.client.enter_payee("C-1001", ticket.number, PAYEE, proof=PROOF)
    await ticket.until("in review")
    await ticket.handle.signal("reject", REJECT)
    return await _ended(ticket, "rejected")


async def refund_of_all_withdrawn(office: Office) -> str:
    """All that is left was asked for; the customer thinks better of it."""
    ticket = await _asked(office, None)
    await office.client.withdraw_refund("C-1001", ticket.number)
    return await _ended(ticket, "withdrawn")


async def refund_of_money_that_was_taken_back(office: Office) -> str:
    """The bank takes back what it was to pay."""
    key = request_id()[:30]
    deposit = await office.client.request_deposit("C-1001", "333.00", "EUR", product="compute")
    booked(office, Payment(33_300, key, structured=deposit.reference))
    ticket = await ask(office, "333.00")
    await ticket.until("in review")
    booked(office, Payment(-33_300, key, reversal=True))
    await office.ring()
    return await _ended(ticket, "void")


async def _approved(ticket: OpenRefund) -> None:
    """By as many as may be needed, with what the customer got before."""
    code = await ticket.code()
    for decision in (FIRST, APPROVE, SECOND):
        await ticket.approve(decision, content=code)
    await ticket.until("approved: it goes to the bank")


async def _asked(office: Office, amount: str | None) -> OpenRefund:
    await credited(office, 100_000)
    return await ask(office, amount)


async def _paid(office: Office, ticket: OpenRefund) -> None:
    payout = collect(office)[-1]
    await office.ring()
    await ticket.until("sent: the bank has the payment file")
    await books(office, payout)


async def _ended(ticket: OpenRefund, stage: str) -> str:
    await ticket.ends(stage)
    return str(ticket.row()["workflow_id"])


REFUND_STORIES = (
    refund_approved_by_two_and_paid,
    refund_came_back_and_paid_elsewhere,
    refund_rejected,
    refund_of_all_withdrawn,
    refund_of_money_that_was_taken_back,
)
