"""The lifecycle of a receipt without an owner: operators say whose it is or send it back, and are asked again."""

from collections.abc import Sequence
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RawValue

with workflow.unsafe.imports_passed_through():
    from activities.receipt_deciding import Decide
    from activities.receipts import ChaseReceipt, Receipts
    from prepay import attributes
    from prepay.receipts import (
        ApplyReceipt,
        DecideApplication,
        LinkReceiptPayer,
        ReceiptOutcome,
        ReturnReceipt,
    )
    from prepay.wire import Wire
    from rules.receipt import SIGNALS, ReceiptState, Signal, chase_due
    from rules.receipt_details import receipt_details
    from workflows.operator import Desk, authorise, live, whatever_comes
    from workflows.steps import step


@workflow.defn(name="Receipt")
class Receipt:
    """Waits for operators' decisions about booked money that nobody was credited with.

    Its input is `{"resume": "receipt-<entry part>"}`: the rows know all of it, and whatever else settles the money
    rings. Nothing is decided because time passed; operators are only asked again.
    """

    @workflow.init
    @whatever_comes
    def __init__(self, *_raw: RawValue) -> None:
        self._desk = Desk()
        self._state: ReceiptState | None = None
        self._rung = False

    @workflow.run
    @whatever_comes
    async def run(self, *_raw: RawValue) -> ReceiptOutcome:
        """Look, and wait until it is settled."""
        return await live(self._live(), self._answer_cancel)

    async def _live(self) -> ReceiptOutcome:
        self._state = await self._look()
        self._show()
        # What came while the last step ran is answered too, and who rang then is heard.
        while not self._state.ended or self._woken():
            await self._wait(self._state)
            self._state = await self._next(self._state)
            self._show()
            if workflow.info().is_continue_as_new_suggested() and not self._woken():
                await workflow.wait_condition(workflow.all_handlers_finished)
                workflow.continue_as_new({"resume": workflow.info().workflow_id})
        await workflow.wait_condition(workflow.all_handlers_finished)
        return self._state.outcome()

    @workflow.signal(
        name="ring", description="Look at the rows again. Prepay sends it by itself; it does no harm."
    )
    @whatever_comes
    def ring(self, *_raw: RawValue) -> None:
        """The rows have changed."""
        self._rung = True

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

    @workflow.signal(dynamic=True, description="Any other name is refused; the details say so.")
    def other(self, name: str, args: Sequence[RawValue]) -> None:
        """A signal that does not exist here."""
        self._desk.refuse_unknown(name, args, SIGNALS)
        self._show()

    def _take(self, signal: Signal, kind: type[Wire], raw: Sequence[RawValue]) -> None:
        self._desk.take(signal, kind, raw)
        self._show()

    def _woken(self) -> bool:
        return self._rung or bool(self._desk.decisions)

    async def _wait(self, state: ReceiptState) -> None:
        """Until somebody decides or rings, or operators must be asked again."""
        due = state.next_chase
        if due is None:
            await workflow.wait_condition(self._woken)
            return
        try:
            await workflow.wait_condition(
                self._woken,
                timeout=max(due.at - workflow.now(), timedelta()),
                timeout_summary=f"ask again on day {due.day}",
            )
        except TimeoutError:
            return

    async def _next(self, state: ReceiptState) -> ReceiptState:
        if self._desk.decisions:
            return await self._decide(state)
        if number := chase_due(state, workflow.now()):
            chase = ChaseReceipt(part=state.part, number=number)
            return await step(Receipts.chase, chase, "ask operators again")
        return await self._look()

    async def _look(self) -> ReceiptState:
        # Before the look: what rings during it asks for another one.
        self._rung = False
        return await step(Receipts.look, workflow.info().workflow_id, "look at the rows")

    async def _decide(self, state: ReceiptState) -> ReceiptState:
        taken = self._desk.decisions.pop(0)
        # Where a second person must agree, it is the second one's limit that counts.
        moves = taken.signal in ("approve", "return_to_payer") or (
            taken.signal == "apply" and not state.takes_two
        )
        attested = await authorise(taken, state.money if moves else None)
        if attested.refused:
            self._desk.refuse(taken.signal, f"{attested.operator}: {attested.refused}")
            return state
        decision = taken.decision.model_copy(update={"operator": attested.operator})
        decide = Decide(
            part=state.part,
            key=f"attestation {attested.attestation}",
            signal=taken.signal,
            decision=decision,
            takes_two=state.takes_two,
        )
        decided = await step(Receipts.decide, decide, f"{taken.signal}, as {attested.operator} wants")
        if decided.refused:
            self._desk.refuse(taken.signal, f"{attested.operator}: {decided.refused}")
        return decided.state

    def _answer_cancel(self) -> None:
        self._desk.refuse("Cancel", "it does not settle a receipt; only the signals do")
        self._show()

    def _show(self) -> None:
        state = self._state
        if state is None:
            return
        workflow.set_current_details(receipt_details(state, self._desk.refusals))
        due = state.next_chase
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
                attributes.DUE: due.at if due else None,
            }
        )
