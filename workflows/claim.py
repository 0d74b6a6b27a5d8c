"""The lifecycle of a claim: a customer looks for a transfer; it is found and credited, or closed with an answer."""

from collections.abc import Sequence
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RawValue

with workflow.unsafe.imports_passed_through():
    from activities.claims import Claims, EndClaim, RemindClaim
    from prepay import attributes
    from prepay.claims import ClaimOutcome, CloseClaim
    from rules.claim import ClaimState, FollowUp, claim_details
    from workflows.operator import Desk, authorise, live, whatever_comes
    from workflows.steps import step


@workflow.defn(name="Claim")
class Claim:
    """Waits for the money that a customer looks for, reminds them, and closes what nothing fits.

    Its input is `{"resume": "claim-<row>"}`. Whoever opens or settles a receipt that fits rings.
    """

    @workflow.init
    @whatever_comes
    def __init__(self, *_raw: RawValue) -> None:
        self._desk = Desk()
        self._state: ClaimState | None = None
        self._rung = False
        self._decided_by = ""

    @workflow.run
    @whatever_comes
    async def run(self, *_raw: RawValue) -> ClaimOutcome:
        """Look, and wait until it is credited or closed."""
        return await live(self._live(), self._answer_cancel)

    async def _live(self) -> ClaimOutcome:
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
        name="close",
        description="End a claim that nothing will come of; the customer can read the reason: "
        '{"operator": "your name", "reason": "your bank did not carry it out"}',
    )
    @whatever_comes
    def close(self, *raw: RawValue) -> None:
        """An operator answers it."""
        self._desk.take("close", CloseClaim, raw)
        self._show()

    @workflow.signal(dynamic=True, description="Any other name is refused; the details say so.")
    def other(self, name: str, args: Sequence[RawValue]) -> None:
        """A signal that does not exist here."""
        self._desk.refuse_unknown(name, args, ("close",))
        self._show()

    def _woken(self) -> bool:
        return self._rung or bool(self._desk.decisions)

    async def _wait(self, state: ClaimState) -> None:
        """Until somebody decides or rings, or the next thing is due."""
        due = state.next
        if due is None:
            await workflow.wait_condition(self._woken)
            return
        try:
            delay = max(due.at - workflow.now(), timedelta())
            await workflow.wait_condition(self._woken, timeout=delay, timeout_summary=due.what)
        except TimeoutError:
            return

    async def _next(self, state: ClaimState) -> ClaimState:
        if self._desk.decisions:
            return await self._decide(state)
        due = state.due(workflow.now())
        return await (self._follow_up(state, due) if due else self._look())

    async def _look(self) -> ClaimState:
        # Before the look: what rings during it asks for another one.
        self._rung = False
        return await step(Claims.look, workflow.info().workflow_id, "look for the money")

    async def _follow_up(self, state: ClaimState, due: FollowUp) -> ClaimState:
        if due.what == "remind":
            remind = RemindClaim(claim=state.claim, number=due.number)
            return await step(Claims.remind, remind, "remind the customer")
        return await step(Claims.close, EndClaim(claim=state.claim), "close what nothing fits")

    async def _decide(self, state: ClaimState) -> ClaimState:
        taken = self._desk.decisions.pop(0)
        attested = await authorise(taken)
        why = attested.refused or (f"the claim is {state.stage} already" if state.ended else "")
        if why:
            self._desk.refuse(taken.signal, f"{attested.operator}: {why}")
            return state
        decision = taken.decision.model_copy(update={"operator": attested.operator})
        self._decided_by = attested.operator
        end = EndClaim(claim=state.claim, decision=decision)
        return await step(Claims.close, end, f"close, as {attested.operator} wants")

    def _answer_cancel(self) -> None:
        self._desk.refuse("Cancel", "it does not end a claim; the signal `close` does")
        self._show()

    def _show(self) -> None:
        state = self._state
        if state is None:
            return
        workflow.set_current_details(claim_details(state, self._desk.refusals))
        due = state.next
        self._desk.publish(
            {
                attributes.STAGE: state.stage,
                attributes.CUSTOMER: state.customer,
                attributes.CURRENCY: state.currency,
                attributes.AMOUNT_MINOR: state.amount_minor,
                attributes.DECIDED_BY: [self._decided_by] if self._decided_by else None,
                attributes.DUE: due.at if due else None,
            }
        )
