"""The lifecycle of a claim: a customer looks for a transfer; it is found and credited, or closed with an answer."""

from datetime import datetime

from temporalio import workflow
from temporalio.common import RawValue

with workflow.unsafe.imports_passed_through():
    from activities.attestation import Attested
    from activities.claims import Claims, Closed, EndClaim, RemindClaim
    from prepay import attributes
    from prepay.claims import ClaimOutcome, CloseClaim
    from rules.claim import ClaimState, claim_details
    from workflows.lifecycle import Lifecycle
    from workflows.operator import Taken, whatever_comes
    from workflows.steps import step


@workflow.defn(name="Claim")
class Claim(Lifecycle[ClaimState]):
    """Waits for the money that a customer looks for, reminds them, and closes what nothing fits.

    Its input is `{"resume": "claim-<row>"}`. Whoever opens or settles a receipt that fits rings.
    """

    signals = ("close",)
    cancel_answer = "it does not end a claim; the signal `close` does"
    due_summary = "remind the customer, or close it"

    @workflow.init
    @whatever_comes
    def __init__(self, *_raw: RawValue) -> None:
        super().__init__()
        self._decided_by = ""

    @workflow.run
    @whatever_comes
    async def run(self, *_raw: RawValue) -> ClaimOutcome:
        """Look, and wait until it is credited or closed."""
        outcome: ClaimOutcome = await self._until_ended()
        return outcome

    @workflow.signal(
        name="close",
        description="End a claim that nothing will come of; the customer can read the reason: "
        '{"operator": "your name", "reason": "your bank did not carry it out"}',
    )
    @whatever_comes
    def close(self, *raw: RawValue) -> None:
        """An operator answers it."""
        self._take("close", CloseClaim, raw)

    def _due(self, state: ClaimState) -> datetime | None:
        return state.next.at if state.next else None

    async def _follow_up(self, state: ClaimState) -> ClaimState:
        due = state.due(workflow.now())
        if due is None:
            return await self._look_again()
        if due.what == "remind":
            remind = RemindClaim(claim=state.claim, number=due.number)
            return await step(Claims.remind, remind, "remind the customer")
        closed = await step(Claims.close, EndClaim(claim=state.claim), "close what nothing fits")
        return closed.state

    async def _look(self) -> ClaimState:
        return await step(Claims.look, workflow.info().workflow_id, "look for the money")

    async def _carry_out(self, state: ClaimState, taken: Taken, attested: Attested) -> Closed:
        if state.ended:
            return Closed(state=state, refused=f"the claim is {state.stage} already")
        end = EndClaim(claim=state.claim, decision=taken.decision)
        closed = await step(Claims.close, end, f"close, as {attested.operator} wants")
        if not closed.refused:
            self._decided_by = attested.operator
        return closed

    def _show(self) -> None:
        state = self._state
        if state is None:
            return
        workflow.set_current_details(claim_details(state, self._desk.refusals))
        self._desk.publish(
            {
                attributes.STAGE: state.stage,
                attributes.CUSTOMER: state.customer,
                attributes.CURRENCY: state.currency,
                attributes.AMOUNT_MINOR: state.amount_minor,
                attributes.DECIDED_BY: [self._decided_by] if self._decided_by else None,
                attributes.DUE: self._due(state),
            }
        )
