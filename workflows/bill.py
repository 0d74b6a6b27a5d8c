"""The lifecycle of a bill: issued, paid as money comes, reminded of and overdue on the way, or voided."""

from datetime import datetime

from temporalio import workflow
from temporalio.common import RawValue

with workflow.unsafe.imports_passed_through():
    from activities.attestation import Attested
    from activities.bills import Bills, LookAtBill, Voided, VoidGiven
    from prepay import attributes
    from prepay.money import Money
    from prepay.spending import BillOutcome, VoidBill
    from rules.bill import BillState, bill_details
    from workflows.lifecycle import Lifecycle
    from workflows.operator import Taken, whatever_comes
    from workflows.steps import step


@workflow.defn(name="Bill")
class Bill(Lifecycle[BillState]):
    """Owns what time does to a bill; money pays it without the workflow, and rings.

    Its input is `{"resume": "bill-<row>"}`: what it is for and how far it is paid is in the database.
    """

    signals = ("void",)
    cancel_answer = "it does not end a bill; the signal `void` does"
    due_summary = "the next date of the bill"

    @workflow.init
    @whatever_comes
    def __init__(self, *_raw: RawValue) -> None:
        super().__init__()
        self._decided_by: list[str] = []

    @workflow.run
    @whatever_comes
    async def run(self, *_raw: RawValue) -> BillOutcome:
        """Until it is paid or void."""
        outcome: BillOutcome = await self._until_ended()
        return outcome

    @workflow.signal(
        name="void",
        description="End the bill; what was paid of it comes back to the balance, and the customer reads the reason: "
        '{"operator": "your name", "reason": "billed twice"}',
    )
    @whatever_comes
    def void(self, *raw: RawValue) -> None:
        """An operator voids the bill."""
        self._take("void", VoidBill, raw)

    def _due(self, state: BillState) -> datetime | None:
        return state.next_due(workflow.now())

    async def _look(self) -> BillState:
        given = LookAtBill(workflow_id=workflow.info().workflow_id, at=workflow.now())
        return await step(Bills.look, given, "look at the bill")

    def _moves(self, state: BillState, _signal: str) -> Money | None:
        return state.money

    async def _carry_out(self, state: BillState, taken: Taken, attested: Attested) -> Voided:
        given = VoidGiven(
            bill=state.bill, decision=taken.decision, attestation=attested.attestation, at=workflow.now()
        )
        done = await step(Bills.void, given, f"void, as {attested.operator} wants")
        if not done.refused:
            self._decided_by = [attested.operator]
        return done

    def _show(self) -> None:
        state = self._state
        if state is None:
            return
        workflow.set_current_details(bill_details(state, workflow.now(), self._desk.refusals))
        self._desk.publish(
            {
                attributes.STAGE: state.shown,
                attributes.CUSTOMER: state.customer,
                attributes.CURRENCY: state.currency,
                attributes.ENTITY: state.entity,
                attributes.AMOUNT_MINOR: state.amount_minor,
                attributes.NEEDS_HUMAN: state.needs_human,
                attributes.DUE: None if state.ended else state.overdue_at,
                attributes.DECIDED_BY: self._decided_by or None,
            }
        )
