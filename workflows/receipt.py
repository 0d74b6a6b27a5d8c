"""The lifecycle of a receipt without an owner: operators say whose it is or send it back, and are asked again."""

from datetime import datetime

from temporalio import workflow
from temporalio.common import RawValue

with workflow.unsafe.imports_passed_through():
    from activities.attestation import Attested
    from activities.receipt_deciding import Decide
    from activities.receipts import ChaseReceipt, Decided, Receipts
    from prepay import attributes
    from prepay.money import Money
    from prepay.receipts import (
        ApplyReceipt,
        DecideApplication,
        LinkReceiptPayer,
        ReceiptOutcome,
        ReturnReceipt,
    )
    from rules.receipt import SIGNALS, ReceiptState, chase_due
    from rules.receipt_details import receipt_details
    from workflows.lifecycle import Lifecycle
    from workflows.operator import Taken, whatever_comes
    from workflows.steps import step


@workflow.defn(name="Receipt")
class Receipt(Lifecycle[ReceiptState]):
    """Waits for operators' decisions about booked money that nobody was credited with.

    Its input is `{"resume": "receipt-<entry part>"}`: the rows know all of it, and whatever else settles the money
    rings. Nothing is decided because time passed; operators are only asked again.
    """

    signals = SIGNALS
    cancel_answer = "it does not settle a receipt; only the signals do"
    due_summary = "ask operators again"

    @workflow.init
    @whatever_comes
    def __init__(self, *_raw: RawValue) -> None:
        super().__init__()

    @workflow.run
    @whatever_comes
    async def run(self, *_raw: RawValue) -> ReceiptOutcome:
        """Look, and wait until it is settled."""
        outcome: ReceiptOutcome = await self._until_ended()
        return outcome

    @workflow.signal(
        name="apply",
        description="Give the money to deposits or customers, all of it: "
        '{"operator": "your name", "reason": "their letter of 3 May", "to": [{"deposit": "D-2026-000123"}]}',
    )
    @whatever_comes
    def apply(self, *raw: RawValue) -> None:
        """An operator knows whose it is."""
        self._take("apply", ApplyReceipt, raw)

    @workflow.signal(
        name="approve",
        description="Agree to an application, as another person than proposed it: "
        '{"operator": "your name", "reason": "the customer confirms it", "application": 1}',
    )
    @whatever_comes
    def approve(self, *raw: RawValue) -> None:
        """The second person agrees."""
        self._take("approve", DecideApplication, raw)

    @workflow.signal(
        name="refuse",
        description="Put an application away; nothing is credited: "
        '{"operator": "your name", "reason": "it is another customer\'s", "application": 1}',
    )
    @whatever_comes
    def refuse(self, *raw: RawValue) -> None:
        """Somebody disagrees, or takes their own application back."""
        self._take("refuse", DecideApplication, raw)

    @workflow.signal(
        name="return_to_payer",
        description="Prepare that the money goes back to who paid it: "
        '{"operator": "your name", "reason": "nobody knows this payer"}',
    )
    @whatever_comes
    def return_to_payer(self, *raw: RawValue) -> None:
        """An operator sends it back."""
        self._take("return_to_payer", ReturnReceipt, raw)

    @workflow.signal(
        name="keep",
        description="Do not send it back after all; it is unapplied again: "
        '{"operator": "your name", "reason": "the customer wrote to us"}',
    )
    @whatever_comes
    def keep(self, *raw: RawValue) -> None:
        """An operator takes a return back."""
        self._take("keep", ReturnReceipt, raw)

    @workflow.signal(
        name="link_payer",
        description="Propose that the account that paid is this customer's, now and later: "
        '{"operator": "your name", "reason": "their letter of 3 May", "customer": "C-1001"}',
    )
    @whatever_comes
    def link_payer(self, *raw: RawValue) -> None:
        """An operator knows the payer."""
        self._take("link_payer", LinkReceiptPayer, raw)

    def _due(self, state: ReceiptState) -> datetime | None:
        return state.next_chase.at if state.next_chase else None

    async def _follow_up(self, state: ReceiptState) -> ReceiptState:
        if number := chase_due(state, workflow.now()):
            chase = ChaseReceipt(part=state.part, number=number)
            return await step(Receipts.chase, chase, "ask operators again")
        return await self._look_again()

    async def _look(self) -> ReceiptState:
        return await step(Receipts.look, workflow.info().workflow_id, "look at the rows")

    def _moves(self, state: ReceiptState, signal: str) -> Money | None:
        # Where a second person must agree, it is the second one's limit that counts.
        alone = signal in ("apply", "return_to_payer") and not state.takes_two
        return state.money if alone or signal == "approve" else None

    async def _carry_out(self, state: ReceiptState, taken: Taken, attested: Attested) -> Decided:
        decide = Decide(
            part=state.part,
            key=f"attestation {attested.attestation}",
            signal=taken.signal,
            decision=taken.decision,
            takes_two=state.takes_two,
        )
        return await step(Receipts.decide, decide, f"{taken.signal}, as {attested.operator} wants")

    def _show(self) -> None:
        state = self._state
        if state is None:
            return
        workflow.set_current_details(receipt_details(state, self._desk.refusals))
        self._desk.publish(
            {
                attributes.STAGE: state.stage,
                attributes.CURRENCY: state.currency,
                attributes.ENTITY: state.entity,
                attributes.AMOUNT_MINOR: state.amount_minor,
                attributes.NEEDS_HUMAN: state.needs_human,
                attributes.ESCALATED: True if state.aged and not state.ended else None,
                attributes.WAITS_FOR_ROLE: state.role,
                attributes.DECIDED_BY: list(state.deciders) or None,
                attributes.DUE: self._due(state),
            }
        )
