"""The lifecycle of a reassignment: proposed by one person, applied when another approves it, or refused."""

from collections.abc import Sequence

from temporalio import workflow
from temporalio.common import RawValue

with workflow.unsafe.imports_passed_through():
    from activities.reassignment import Decide, Reassignments
    from prepay import attributes
    from prepay.reassignments import DecideReassignment, ReassignmentOutcome
    from rules.details import reassignment_details
    from rules.reassignment import ReassignmentState, Signal
    from workflows.operator import Desk, authorise, live, whatever_comes
    from workflows.steps import step


@workflow.defn(name="Reassignment")
class Reassignment:
    """Waits for a second person's decision about a credit that is to be moved.

    Its input is `{"resume": "reassignment-<row>"}`: what is proposed is in the database, and never changes.
    """

    @workflow.init
    @whatever_comes
    def __init__(self, *_raw: RawValue) -> None:
        self._desk = Desk()
        self._state: ReassignmentState | None = None
        self._rung = False

    @workflow.run
    @whatever_comes
    async def run(self, *_raw: RawValue) -> ReassignmentOutcome:
        """Look, and wait until it is decided."""
        return await live(self._live(), self._answer_cancel)

    async def _live(self) -> ReassignmentOutcome:
        self._state = await self._look()
        self._show()
        # What came while the last step ran is answered too.
        while not self._state.ended or self._desk.decisions:
            await workflow.wait_condition(self._woken)
            self._state = await (self._decide(self._state) if self._desk.decisions else self._look())
            self._show()
            if workflow.info().is_continue_as_new_suggested() and not self._woken():
                await workflow.wait_condition(workflow.all_handlers_finished)
                workflow.continue_as_new({"resume": workflow.info().workflow_id})
        await workflow.wait_condition(workflow.all_handlers_finished)
        return self._state.outcome()

    @workflow.signal(
        name="ring", description="Look at the proposal again. Prepay sends it by itself; it does no harm."
    )
    @whatever_comes
    def ring(self, *_raw: RawValue) -> None:
        """It was proposed, or the sweep looks after it."""
        self._rung = True

    @workflow.signal(
        name="approve",
        description="Move the credit, as another person than you proposed: "
        '{"operator": "your name", "reason": "the customer confirms it"}',
    )
    @whatever_comes
    def approve(self, *raw: RawValue) -> None:
        """The second person agrees."""
        self._take("approve", raw)

    @workflow.signal(
        name="refuse",
        description="Put the proposal away; nothing is moved: "
        '{"operator": "your name", "reason": "it is theirs after all"}',
    )
    @whatever_comes
    def refuse(self, *raw: RawValue) -> None:
        """Somebody disagrees, or takes their own proposal back."""
        self._take("refuse", raw)

    @workflow.signal(dynamic=True, description="Any other name is refused; the details say so.")
    def other(self, name: str, args: Sequence[RawValue]) -> None:
        """A signal that does not exist here."""
        self._desk.refuse_unknown(name, args, ("approve", "refuse"))
        self._show()

    def _take(self, signal: Signal, raw: Sequence[RawValue]) -> None:
        self._desk.take(signal, DecideReassignment, raw)
        self._show()

    def _woken(self) -> bool:
        return self._rung or bool(self._desk.decisions)

    async def _look(self) -> ReassignmentState:
        # Before the look: what rings during it asks for another one.
        self._rung = False
        return await step(Reassignments.look, workflow.info().workflow_id, "look at the proposal")

    async def _decide(self, state: ReassignmentState) -> ReassignmentState:
        taken = self._desk.decisions.pop(0)
        attested = await authorise(taken, state.money if taken.signal == "approve" else None)
        if attested.refused:
            self._desk.refuse(taken.signal, f"{attested.operator}: {attested.refused}")
            return state
        decision = taken.decision.model_copy(update={"operator": attested.operator})
        decide = Decide(move=state.move, signal=taken.signal, decision=decision)
        decided = await step(Reassignments.decide, decide, f"{taken.signal}, as {attested.operator} wants")
        if decided.refused:
            self._desk.refuse(taken.signal, f"{attested.operator}: {decided.refused}")
        return decided.state

    def _answer_cancel(self) -> None:
        self._desk.refuse("Cancel", "it does not end a proposal; it is put away by the signal `refuse`")
        self._show()

    def _show(self) -> None:
        state = self._state
        if state is None:
            return
        workflow.set_current_details(reassignment_details(state, self._desk.refusals))
        self._desk.publish(
            {
                attributes.STAGE: state.stage,
                attributes.CUSTOMER: state.from_customer,
                attributes.CURRENCY: state.currency,
                attributes.ENTITY: state.entity,
                attributes.AMOUNT_MINOR: state.amount_minor,
                attributes.NEEDS_HUMAN: not state.ended,
                attributes.WAITS_FOR_ROLE: None if state.ended else "approver",
                attributes.DECIDED_BY: [state.decided_by] if state.decided_by else None,
            }
        )
