"""The lifecycle of a freeze: money, or all of a customer's, stands still until two compliance operators release it."""

from collections.abc import Sequence

from temporalio import workflow
from temporalio.common import RawValue

with workflow.unsafe.imports_passed_through():
    from activities.attestation import Attested
    from activities.screening import Freezes, Release, Released
    from prepay import attributes
    from prepay.screening import FreezeOutcome, ReleaseFreeze
    from rules.details import freeze_details
    from rules.screening import FreezeState
    from workflows.lifecycle import Lifecycle
    from workflows.operator import Taken, whatever_comes
    from workflows.steps import step


@workflow.defn(name="Freeze")
class Freeze(Lifecycle[FreezeState]):
    """Waits for two compliance operators.

    Its input is `{"resume": "freeze-<row>"}`: what is frozen is in the database.
    """

    signals = ("release",)
    cancel_answer = "it does not end a freeze; two compliance operators release it by the signal `release`"

    @workflow.init
    @whatever_comes
    def __init__(self, *_raw: RawValue) -> None:
        super().__init__()

    @workflow.run
    @whatever_comes
    async def run(self, *_raw: RawValue) -> FreezeOutcome:
        """Look, and wait until it is released."""
        outcome: FreezeOutcome = await self._until_ended()
        return outcome

    @workflow.signal(
        name="release",
        description="Let it move again, once two compliance operators say so: "
        '{"operator": "your name", "reason": "another company of a similar name"}',
    )
    @whatever_comes
    def release(self, *raw: RawValue) -> None:
        """One of the two people agrees."""
        self._take("release", ReleaseFreeze, raw)

    async def _look(self) -> FreezeState:
        return await step(Freezes.look, workflow.info().workflow_id, "look at what is frozen")

    async def _carry_out(self, state: FreezeState, taken: Taken, attested: Attested) -> Released:
        given = Release(freeze=state.freeze, decision=taken.decision, attestation=attested.attestation)
        return await step(Freezes.release, given, f"release, as {attested.operator} wants")

    def _show(self) -> None:
        state = self._state
        if state is None:
            return
        workflow.set_current_details(freeze_details(state, self._desk.refusals))
        deciders: Sequence[str] = [release.operator for release in state.releases]
        self._desk.publish(
            {
                attributes.STAGE: "released" if state.ended else "frozen",
                attributes.CUSTOMER: state.customer,
                attributes.CURRENCY: state.currency,
                attributes.ENTITY: state.entity,
                attributes.AMOUNT_MINOR: state.amount_minor,
                attributes.NEEDS_HUMAN: not state.ended,
                attributes.WAITS_FOR_ROLE: None if state.ended else "compliance",
                attributes.DECIDED_BY: list(deciders) or None,
            }
        )
