"""The lifecycle of a reassignment: proposed by one person, applied when another approves it, or refused."""

from temporalio import workflow
from temporalio.common import RawValue

with workflow.unsafe.imports_passed_through():
    from activities.attestation import Attested
    from activities.reassignment import Decide, Decided, Reassignments
    from prepay import attributes
    from prepay.money import Money
    from prepay.reassignments import DecideReassignment, ReassignmentOutcome
    from rules.details import reassignment_details
    from rules.reassignment import ReassignmentState
    from workflows.lifecycle import Lifecycle
    from workflows.operator import Taken, whatever_comes
    from workflows.steps import step


@workflow.defn(name="Reassignment")
class Reassignment(Lifecycle[ReassignmentState]):
    """Waits for a second person's decision about a credit that is to be moved.

    Its input is `{"resume": "reassignment-<row>"}`: what is proposed is in the database, and never changes.
    """

    @workflow.init
    @whatever_comes
    def __init__(self, *_raw: RawValue) -> None:
        super().__init__()

    @workflow.run
    @whatever_comes
    async def run(self, *_raw: RawValue) -> ReassignmentOutcome:
        """Look, and wait until it is decided."""
        outcome: ReassignmentOutcome = await self._until_ended()
        return outcome

    @workflow.signal(
        name="approve",
        description="Move the credit, as another person than you proposed: "
        '{"operator": "your name", "reason": "the customer confirms it"}',
    )
    @whatever_comes
    def approve(self, *raw: RawValue) -> None:
        """The second person agrees."""
        self._take("approve", DecideReassignment, raw)

    @workflow.signal(
        name="refuse",
        description="Put the proposal away; nothing is moved: "
        '{"operator": "your name", "reason": "it is theirs after all"}',
    )
    @whatever_comes
    def refuse(self, *raw: RawValue) -> None:
        """Somebody disagrees, or takes their own proposal back."""
        self._take("refuse", DecideReassignment, raw)

    async def _look(self) -> ReassignmentState:
        return await step(Reassignments.look, workflow.info().workflow_id, "look at the proposal")

    def _moves(self, state: ReassignmentState, signal: str) -> Money | None:
        return state.money if signal == "approve" else None

    async def _carry_out(self, state: ReassignmentState, taken: Taken, attested: Attested) -> Decided:
        decide = Decide(move=state.move, signal=taken.signal, decision=taken.decision)
        return await step(Reassignments.decide, decide, f"{taken.signal}, as {attested.operator} wants")

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
