"""The lifecycle of a payment file: written, sent, answered; ended when each of its payouts has been."""

from contextlib import suppress
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.common import RawValue, RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.attestation import Attested
    from activities.payouts import Decided, DecideFile, Payouts
    from prepay import attributes
    from prepay.money import Money
    from prepay.payment_files import NotPaid, PaymentFileOutcome, ResendFile
    from rules.payment_details import payment_file_details
    from rules.payment_file import AGAIN, SIGNALS, PaymentFileState, ask_due
    from workflows.lifecycle import Lifecycle
    from workflows.operator import Taken, whatever_comes
    from workflows.steps import step

_RETRIES = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=30))


@workflow.defn(name="PaymentFile")
class PaymentFile(Lifecycle[PaymentFileState]):
    """Brings one payment file to the bank, and asks people where the bank is silent.

    Its input is `{"resume": "payment-file-<row>"}`: the bytes are in the database, and never change.
    """

    signals = SIGNALS
    cancel_answer = "it does not stop a payment; ask the bank to recall it"
    due_summary = "ask where the bank's answer is"

    @workflow.init
    @whatever_comes
    def __init__(self, *_raw: RawValue) -> None:
        super().__init__()

    @workflow.run
    @whatever_comes
    async def run(self, *_raw: RawValue) -> PaymentFileOutcome:
        """Send it, and wait until the bank has answered about each payout."""
        outcome: PaymentFileOutcome = await self._until_ended()
        return outcome

    @workflow.signal(
        name="resend",
        description="Send the same file once more, where the bank never got it: "
        '{"operator": "your name", "reason": "the bank has no such file"}',
    )
    @whatever_comes
    def resend(self, *raw: RawValue) -> None:
        """The same bytes; a bank that has had them says so, and pays once."""
        self._take("resend", ResendFile, raw)

    @workflow.signal(
        name="not_paid",
        description="Two people say that the bank told them it never paid a payout; its money is on hold again: "
        '{"operator": "your name", "reason": "the bank by phone, call 123", "payout": "R-2026-000123-1"}',
    )
    @whatever_comes
    def not_paid(self, *raw: RawValue) -> None:
        """What the bank should have said in a status report."""
        self._take("not_paid", NotPaid, raw)

    async def _wait(self, state: PaymentFileState) -> None:
        if state.stage != "written":
            await super()._wait(state)
        elif state.problem:
            with suppress(TimeoutError):
                await workflow.wait_condition(
                    self._woken, timeout=AGAIN, timeout_summary="try again to bring it into the outbox"
                )

    async def _act(self, state: PaymentFileState) -> PaymentFileState:
        if state.stage == "written" and not (state.problem and self._desk.decisions):
            if state.problem:
                # Before it is tried again: who rings during that asks for another try.
                self._rung = False
            return await self._send(state.file)
        return await super()._act(state)

    async def _send(self, file: int) -> PaymentFileState:
        state: PaymentFileState = await workflow.execute_activity_method(
            Payouts.send,
            file,
            start_to_close_timeout=timedelta(minutes=1),
            retry_policy=_RETRIES,
            summary="bring it into the outbox",
        )
        return state

    def _due(self, state: PaymentFileState) -> datetime | None:
        return state.next_ask

    async def _follow_up(self, state: PaymentFileState) -> PaymentFileState:
        if not self._rung and ask_due(state, workflow.now()):
            return await step(Payouts.ask, state.file, "tell people that the bank is silent")
        return await self._look_again()

    async def _look(self) -> PaymentFileState:
        return await step(Payouts.look, workflow.info().workflow_id, "look at the rows")

    def _moves(self, state: PaymentFileState, _signal: str) -> Money | None:
        return state.money

    async def _carry_out(self, state: PaymentFileState, taken: Taken, attested: Attested) -> Decided:
        given = DecideFile(
            file=state.file,
            key=f"attestation {attested.attestation}",
            signal=taken.signal,
            operator=attested.operator,
            reason=taken.decision.reason,
            payout=getattr(taken.decision, "payout", ""),
            attestation=attested.attestation,
        )
        return await step(Payouts.decide, given, f"{taken.signal}, as {attested.operator} wants")

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
