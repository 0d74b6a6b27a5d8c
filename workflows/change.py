"""The lifecycle of a change of master data: proposed by one operator, applied when another approves it, or refused."""

from collections.abc import Sequence

from temporalio import workflow
from temporalio.common import RawValue

with workflow.unsafe.imports_passed_through():
    from activities.attestation import Attested
    from activities.changes import Changes, Decide, Decided
    from prepay import attributes
    from prepay.changes import ChangeOutcome, DecideChange
    from rules.change import ChangeState, acts
    from rules.details import change_details
    from workflows.lifecycle import Lifecycle
    from workflows.operator import Taken, whatever_comes
    from workflows.steps import step


@workflow.defn(name="Change")
class Change(Lifecycle[ChangeState]):
    """Waits for a second operator's decision about a change of master data.

    Its input is `{"resume": "change-<row>"}`: what is proposed is in the database, and never changes.
    """

    @workflow.init
    @whatever_comes
    def __init__(self, *_raw: RawValue) -> None:
        super().__init__()

    @workflow.run
    @whatever_comes
    async def run(self, *_raw: RawValue) -> ChangeOutcome:
        """Look, and wait until it is decided."""
        outcome: ChangeOutcome = await self._until_ended()
        return outcome

    @workflow.signal(
        name="approve",
        description="Apply the change, as another person than proposed it: "
        '{"operator": "your name", "reason": "compared with the bank\'s letter"}',
    )
    @whatever_comes
    def approve(self, *raw: RawValue) -> None:
        """The second person agrees."""
        self._take("approve", DecideChange, raw)

    @workflow.signal(
        name="refuse",
        description="Put the proposal away; nothing changes: "
        '{"operator": "your name", "reason": "the dates are wrong"}',
    )
    @whatever_comes
    def refuse(self, *raw: RawValue) -> None:
        """Somebody disagrees, or takes their own proposal back."""
        self._take("refuse", DecideChange, raw)

    async def _look(self) -> ChangeState:
        return await step(Changes.look, workflow.info().workflow_id, "look at the proposal")

    def _acts(self, state: ChangeState, signal: str) -> Sequence[str]:
        return acts(state, signal)

    async def _carry_out(self, state: ChangeState, taken: Taken, attested: Attested) -> Decided:
        decide = Decide(
            change=state.change,
            signal=taken.signal,
            decision=taken.decision,
            attestation=attested.attestation,
        )
        return await step(Changes.decide, decide, f"{taken.signal}, as {attested.operator} wants")

    def _show(self) -> None:
        state = self._state
        if state is None:
            return
        workflow.set_current_details(change_details(state, self._desk.refusals))
        self._desk.publish(
            {
                attributes.STAGE: state.stage,
                attributes.NEEDS_HUMAN: not state.ended,
                attributes.WAITS_FOR_ROLE: None if state.ended else "administrator",
                attributes.DECIDED_BY: [state.decided_by] if state.decided_by else None,
            }
        )
