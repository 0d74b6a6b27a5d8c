"""The payment run: at each bank day's cut-off what is ready becomes a payment file, or when an operator says so."""

from collections.abc import Sequence
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RawValue, RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.payouts import Collect, Payouts
    from prepay import attributes
    from prepay.payment_files import RunNow
    from rules.payment_details import payment_run_details
    from rules.payment_file import EVERY, RunState
    from workflows.operator import Desk, authorise, live, whatever_comes

_RETRIES = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=30))


@workflow.defn(name="PaymentRun")
class PaymentRun:
    """Looks every few minutes for payouts that are due, account by account. The files it makes live on their own.

    A schedule starts it again whoever ends it; the rows know what was collected.
    """

    @workflow.init
    @whatever_comes
    def __init__(self, *_raw: RawValue) -> None:
        self._desk = Desk()
        self._state: RunState | None = None
        self._made: list[str] = []

    @workflow.run
    @whatever_comes
    async def run(self, *_raw: RawValue) -> None:
        """Look, and wait for the next time."""
        await live(self._live(), self._answer_cancel)

    async def _live(self) -> None:
        at_once = False
        while True:
            self._state = await self._collect(at_once)
            self._made = [*self._made, *self._state.files][-10:]
            self._show()
            at_once = await self._next()
            if workflow.info().is_continue_as_new_suggested() and not self._desk.decisions and not at_once:
                await self._desk.go_on({})

    @workflow.signal(
        name="run_now",
        description="Make the payment files now, of all that is ready: "
        '{"operator": "your name", "reason": "the customer waits"}',
    )
    @whatever_comes
    def run_now(self, *raw: RawValue) -> None:
        """An operator does not wait for the cut-off."""
        self._desk.take("run_now", RunNow, raw)
        self._show()

    @workflow.signal(dynamic=True, description="Any other name is refused; the details say so.")
    def other(self, name: str, args: Sequence[RawValue]) -> None:
        """A signal that does not exist here."""
        self._desk.refuse_unknown(name, args, ("run_now",))
        self._show()

    async def _next(self) -> bool:
        """Wait; whether an operator wants all that is ready."""
        try:
            await workflow.wait_condition(
                lambda: bool(self._desk.decisions), timeout=EVERY, timeout_summary="look again"
            )
        except TimeoutError:
            return False
        taken = self._desk.decisions.pop(0)
        attested = await authorise(taken)
        if attested.refused:
            self._desk.refuse(taken.signal, f"{attested.operator}: {attested.refused}")
        return not attested.refused

    async def _collect(self, at_once: bool) -> RunState:
        return await workflow.execute_activity_method(
            Payouts.collect,
            Collect(at_once=at_once),
            start_to_close_timeout=timedelta(minutes=10),
            heartbeat_timeout=timedelta(seconds=30),
            retry_policy=_RETRIES,
            summary="make the files of all that is ready" if at_once else "make the files that are due",
        )

    def _answer_cancel(self) -> None:
        self._desk.refuse("Cancel", "payouts are approved one by one; withdraw a ticket to stop its own")
        self._show()

    def _show(self) -> None:
        if self._state is None:
            return
        workflow.set_current_details(payment_run_details(self._state, self._made, self._desk.refusals))
        needed = bool(self._state.problems)
        self._desk.publish(
            {
                attributes.STAGE: "waiting" if self._state.accounts else "idle",
                attributes.NEEDS_HUMAN: needed,
                attributes.WAITS_FOR_ROLE: "treasurer" if needed else None,
            }
        )
