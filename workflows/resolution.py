"""The lifecycle of a resolution: one person says what an unreadable entry is, another one has it posted, or refuses."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RawValue, RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.attestation import Attested
    from activities.resolution import Decide, Decided, Resolutions
    from prepay import attributes
    from prepay.money import Money
    from prepay.resolutions import DecideResolution, ResolutionOutcome
    from rules.details import resolution_details
    from rules.resolution import ResolutionState
    from workflows.lifecycle import Lifecycle
    from workflows.operator import Taken, whatever_comes
    from workflows.steps import step


@workflow.defn(name="Resolution")
class Resolution(Lifecycle[ResolutionState]):
    """Waits for a second person's decision about what an entry is that could not be read.

    Its input is `{"resume": "resolution-<row>"}`: what is proposed is in the database, and never changes.
    """

    @workflow.init
    @whatever_comes
    def __init__(self, *_raw: RawValue) -> None:
        super().__init__()

    @workflow.run
    @whatever_comes
    async def run(self, *_raw: RawValue) -> ResolutionOutcome:
        """Look, and wait until it is decided."""
        outcome: ResolutionOutcome = await self._until_ended()
        return outcome

    @workflow.signal(
        name="approve",
        description="It is that money: post it, as another person than you proposed: "
        '{"operator": "your name", "reason": "it stands so in the file"}',
    )
    @whatever_comes
    def approve(self, *raw: RawValue) -> None:
        """The second person agrees."""
        self._take("approve", DecideResolution, raw)

    @workflow.signal(
        name="refuse",
        description="Put the proposal away; nothing is posted: "
        '{"operator": "your name", "reason": "the line says otherwise"}',
    )
    @whatever_comes
    def refuse(self, *raw: RawValue) -> None:
        """Somebody disagrees, or takes their own proposal back."""
        self._take("refuse", DecideResolution, raw)

    async def _look(self) -> ResolutionState:
        return await step(Resolutions.look, workflow.info().workflow_id, "look at the proposal")

    def _moves(self, state: ResolutionState, signal: str) -> Money | None:
        return state.money if signal == "approve" else None

    async def _carry_out(self, state: ResolutionState, taken: Taken, attested: Attested) -> Decided:
        # It posts, and sums up the account: that may take longer than a step.
        decide = Decide(resolution=state.resolution, signal=taken.signal, decision=taken.decision)
        return await workflow.execute_activity_method(
            Resolutions.decide,
            decide,
            start_to_close_timeout=timedelta(hours=1),
            heartbeat_timeout=timedelta(seconds=30),
            retry_policy=RetryPolicy(maximum_interval=timedelta(seconds=30)),
            summary=f"{taken.signal}, as {attested.operator} wants",
        )

    def _show(self) -> None:
        state = self._state
        if state is None:
            return
        workflow.set_current_details(resolution_details(state, self._desk.refusals))
        self._desk.publish(
            {
                attributes.STAGE: state.stage,
                attributes.CURRENCY: state.currency,
                attributes.ENTITY: state.entity,
                attributes.AMOUNT_MINOR: state.amount_minor,
                attributes.NEEDS_HUMAN: not state.ended,
                attributes.WAITS_FOR_ROLE: None if state.ended else "approver",
                attributes.DECIDED_BY: [state.decided_by] if state.decided_by else None,
            }
        )
