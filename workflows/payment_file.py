"""The lifecycle of a payment file: written, sent, answered; ended when each of its payouts has been."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RawValue, RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.payouts import DecideFile, Payouts
    from prepay import attributes
    from prepay.payment_files import NotPaid, PaymentFileOutcome, ResendFile
    from rules.payment_details import payment_file_details
    from rules.payment_file import SIGNALS, PaymentFileState, ask_due
    from workflows.operator import Desk, authorise, live, whatever_comes
    from workflows.steps import step

_RETRIES = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=30))


@workflow.defn(name="PaymentFile")
class PaymentFile:
    """Brings one payment file to the bank, and asks people where the bank is silent.

    Its input is `{"resume": "payment-file-<row>"}`: the bytes are in the database, and never change.
    """

    @workflow.init
    @whatever_comes
    def __init__(self, *_raw: RawValue) -> None:
        self._desk = Desk()
        self._state: PaymentFileState | None = None
        self._rung = False

    @workflow.run
    @whatever_comes
    async def run(self, *_raw: RawValue) -> PaymentFileOutcome:
        """Send it, and wait until the bank has answered about each payout."""
        return await live(self._live(), self._answer_cancel)

    async def _live(self) -> PaymentFileOutcome:
        self._state = await self._look()
        self._show()
        while not self._state.ended or self._woken():
            if self._state.stage == "written":
                self._state = await self._send(self._state.file)
            else:
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
        """The bank has answered, or booked."""
        self._rung = True

    @workflow.signal(
        name="resend",
        description="Send the same file once more, where the bank never got it: "
        '{"operator": "your name", "reason": "the bank has no such file"}',
    )
    @whatever_comes
    def resend(self, *raw: RawValue) -> None:
        """The same bytes; a bank that has had them says so, and pays once."""
        self._desk.take("resend", ResendFile, raw)
        self._show()

    @workflow.signal(
        name="not_paid",
        description="Two people say that the bank told them it never paid a payout; its money is on hold again: "
        '{"operator": "your name", "reason": "the bank by phone, call 123", "payout": "R-2026-000123-1"}',
    )
    @whatever_comes
    def not_paid(self, *raw: RawValue) -> None:
        """What the bank should have said in a status report."""
        self._desk.take("not_paid", NotPaid, raw)
        self._show()

    @workflow.signal(dynamic=True, description="Any other name is refused; the details say so.")
    def other(self, name: str, args: Sequence[RawValue]) -> None:
        """A signal that does not exist here."""
        self._desk.refuse_unknown(name, args, SIGNALS)
        self._show()

    def _woken(self) -> bool:
        return self._rung or bool(self._desk.decisions)

    async def _send(self, file: int) -> PaymentFileState:
        state: PaymentFileState = await workflow.execute_activity_method(
            Payouts.send,
            file,
            start_to_close_timeout=timedelta(minutes=1),
            retry_policy=_RETRIES,
            summary="bring it into the outbox",
        )
        return state

    async def _wait(self, state: PaymentFileState) -> None:
        """Until somebody decides or rings, or people must be told that the bank is silent."""
        due = state.next_ask
        if due is None:
            await workflow.wait_condition(self._woken)
            return
        try:
            await workflow.wait_condition(
                self._woken,
                timeout=max(due - workflow.now(), timedelta()),
                timeout_summary="ask where the bank's answer is",
            )
        except TimeoutError:
            return

    async def _next(self, state: PaymentFileState) -> PaymentFileState:
        if self._desk.decisions:
            return await self._decide(state, self._desk.decisions.pop(0))
        if not self._rung and ask_due(state, workflow.now()):
            return await step(Payouts.ask, state.file, "tell people that the bank is silent")
        return await self._look()

    async def _look(self) -> PaymentFileState:
        # Before the look: what rings during it asks for another one.
        self._rung = False
        return await step(Payouts.look, workflow.info().workflow_id, "look at the rows")

    async def _decide(self, state: PaymentFileState, taken: Any) -> PaymentFileState:
        attested = await authorise(taken, state.money)
        if attested.refused:
            self._desk.refuse(taken.signal, f"{attested.operator}: {attested.refused}")
            return state
        given = DecideFile(
            file=state.file,
            key=f"attestation {attested.attestation}",
            signal=taken.signal,
            operator=attested.operator,
            reason=taken.decision.reason,
            payout=getattr(taken.decision, "payout", ""),
        )
        decided = await step(Payouts.decide, given, f"{taken.signal}, as {attested.operator} wants")
        if decided.refused:
            self._desk.refuse(taken.signal, f"{attested.operator}: {decided.refused}")
        return decided.state

    def _answer_cancel(self) -> None:
        self._desk.refuse("Cancel", "it does not stop a payment; ask the bank to recall it")
        self._show()

    def _show(self) -> None:
        state = self._state
        if state is None:
            return
        workflow.set_current_details(payment_file_details(state, self._desk.refusals))
        self._desk.publish(
            {
                attributes.STAGE: state.stage,
                attributes.CURRENCY: state.currency,
                attributes.ENTITY: state.entity,
                attributes.AMOUNT_MINOR: state.sum_minor,
                attributes.NEEDS_HUMAN: state.needs_human,
                attributes.WAITS_FOR_ROLE: "treasurer" if state.needs_human else None,
                attributes.DUE: state.next_ask,
            }
        )
