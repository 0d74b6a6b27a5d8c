"""The lifecycle of a bill: issued, paid as money comes, reminded of and overdue on the way, or voided."""

from temporalio import workflow
from temporalio.common import RawValue

with workflow.unsafe.imports_passed_through():
    from activities.bills import Bills, LookAtBill, VoidGiven
    from prepay import attributes
    from prepay.spending import BillOutcome, VoidBill
    from rules.bill import BillState, bill_details
    from workflows.operator import Taken, authorise, whatever_comes
    from workflows.proposal import Proposal
    from workflows.steps import step


@workflow.defn(name="Bill")
class Bill(Proposal[BillState]):
    """Owns what time does to a bill; money pays it without the workflow, and rings.

    Its input is `{"resume": "bill-<row>"}`: what it is for and how far it is paid is in the database.
    """

    signals = ("void",)
    cancel_answer = "it does not end a bill; the signal `void` does"

    @workflow.init
    @whatever_comes
    def __init__(self, *_raw: RawValue) -> None:
        super().__init__()
        self._decided_by: list[str] = []

    @workflow.run
    @whatever_comes
    async def run(self, *_raw: RawValue) -> BillOutcome:
        """Until it is paid or void."""
        outcome: BillOutcome = await self._until_decided()
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

    async def _wait(self) -> None:
        """Until money rings, somebody decides, or a reminder or the due date has come."""
        assert self._state is not None
        due = self._state.next_due(workflow.now())
        if due is None:
            await super()._wait()
            return
        try:
            await workflow.wait_condition(
                self._woken, timeout=due - workflow.now(), timeout_summary="the next date of the bill"
            )
        except TimeoutError:
            self._rung = True

    async def _look(self) -> BillState:
        given = LookAtBill(workflow_id=workflow.info().workflow_id, at=workflow.now())
        return await step(Bills.look, given, "look at the bill")

    async def _decide(self, state: BillState, taken: Taken) -> BillState:
        attested = await authorise(taken, state.money)
        if attested.refused:
            self._desk.refuse(taken.signal, f"{attested.operator}: {attested.refused}")
            return state
        given = VoidGiven(
            bill=state.bill,
            decision=taken.decision.model_copy(update={"operator": attested.operator}),
            attestation=attested.attestation,
            at=workflow.now(),
        )
        done = await step(Bills.void, given, f"void, as {attested.operator} wants")
        if done.refused:
            self._desk.refuse(taken.signal, f"{attested.operator}: {done.refused}")
        else:
            self._decided_by = [attested.operator]
        return done.state

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
