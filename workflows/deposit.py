"""The lifecycle of a deposit: form issued, transfer awaited, credited, or expired or cancelled."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RawValue, RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.deposits import Cancel, Deposits, Expire, Extend, Issue, Reload, Remind
    from activities.documents import Documents
    from prepay import attributes
    from prepay.deposits import CancelDeposit, DepositAnswer, DepositOutcome, DepositRequest, ExtendDeposit
    from prepay.ids import DOCUMENTS_TASK_QUEUE
    from prepay.wire import InputRefused, parse
    from rules.deposit import (
        DepositState,
        Due,
        end_of_day,
        next_due,
        refuse_cancellation,
        refuse_extension,
    )
    from rules.details import deposit_details
    from workflows.operator import Desk, Taken, authorise, content, live, whatever_comes
    from workflows.steps import step

_WHAT = "The deposit request"
_DRAW_RETRIES = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1))


@workflow.defn(name="Deposit")
class Deposit:
    """Issues the form, then waits: for money, for an operator, for time.

    Its input is a deposit request, or `{"resume": ID}` when a row needs its workflow again.
    Money is credited by whoever reads the bank's file; this workflow is rung and looks.
    """

    @workflow.init
    @whatever_comes
    def __init__(self, *raw: RawValue) -> None:
        self._raw = raw
        self._state: DepositState | None = None
        self._refusal: ApplicationError | None = None
        self._desk = Desk()
        self._drawing: asyncio.Task[None] | None = None
        self._undrawable = False
        self._document = 0
        self._rung = False
        self._reminded = 0
        self._due: Due | None = None
        self._timer: asyncio.Task[None] | None = None
        self._timer_for: Due | None = None

    @workflow.run
    @whatever_comes
    async def run(self, *raw: RawValue) -> DepositOutcome:
        """From the form to the end of the deposit."""
        return await live(self._live(), self._answer_cancel)

    @workflow.update(name="request", description="The answer to a deposit request; services send it.")
    @whatever_comes
    async def request(self, *raw: RawValue) -> DepositAnswer:
        """Wait for the form and answer; refuse another content under the same request id."""
        await workflow.wait_condition(lambda: self._state is not None or self._refusal is not None)
        if self._refusal is not None:
            raise self._refusal
        assert self._state is not None
        try:
            asked = parse(DepositRequest, content(raw, _WHAT), _WHAT)
        except InputRefused as refusal:
            raise _refused(str(refusal)) from None
        if asked.content_hash != self._state.content_hash:
            raise _refused(
                f"The request id {asked.request_id!r} of customer {asked.customer} was used with other content "
                f"before (deposit {self._state.number}). Send a new request id."
            )
        return self._state.answer()

    @workflow.signal(
        name="ring", description="Look at the rows again. Prepay sends it by itself; it does no harm."
    )
    @whatever_comes
    def ring(self, *raw: RawValue) -> None:
        """The rows have changed."""
        self._rung = True

    @workflow.signal(
        name="extend",
        description="Move the expiry to the end of another day: "
        '{"operator": "your name", "until": "2027-01-31", "reason": "the customer asked"}',
    )
    @whatever_comes
    def extend(self, *raw: RawValue) -> None:
        """An operator moves the expiry."""
        self._desk.take("extend", ExtendDeposit, raw)
        self._show()

    @workflow.signal(
        name="cancel",
        description='Nobody will pay this form: {"operator": "your name", "reason": "ordered twice"}',
    )
    @whatever_comes
    def cancel(self, *raw: RawValue) -> None:
        """An operator cancels the form."""
        self._desk.take("cancel", CancelDeposit, raw)
        self._show()

    @workflow.signal(dynamic=True, description="Any other name is refused; the details say so.")
    def other(self, name: str, args: Sequence[RawValue]) -> None:
        """A signal that does not exist here."""
        self._desk.refuse_unknown(name, args, ("extend", "cancel"))
        self._show()

    async def _live(self) -> DepositOutcome:
        await self._begin()
        self._show()
        if self._now().workflow_id not in ("", workflow.info().workflow_id):
            # The same request under another id: its own workflow goes on with it.
            await workflow.wait_condition(workflow.all_handlers_finished)
            return self._now().outcome()
        self._draw_what_is_new()
        # What came while the last step ran is dealt with too: an operator's attempt is answered, a ring is heard.
        while not self._over() or self._woken():
            await self._wait()
            await self._act()
            self._draw_what_is_new()
            self._show()
            if workflow.info().is_continue_as_new_suggested() and not self._woken():
                await self._desk.go_on({"resume": workflow.info().workflow_id})
        await workflow.wait_condition(workflow.all_handlers_finished)
        return self._now().outcome()

    async def _begin(self) -> DepositState:
        try:
            self._state = await self._first_state()
        except ApplicationError as refusal:
            self._refusal = refusal
            await workflow.wait_condition(workflow.all_handlers_finished)
            raise
        return self._state

    async def _first_state(self) -> DepositState:
        workflow_id = workflow.info().workflow_id
        try:
            raw = content(self._raw, _WHAT)
            if raw == {"resume": workflow_id}:
                return await self._reload()
            request = parse(DepositRequest, raw, _WHAT)
        except InputRefused as refusal:
            raise _refused(str(refusal)) from None
        issue = Issue(request=request, workflow_id=workflow_id, at=workflow.now())
        return await step(Deposits.issue, issue, "issue the form")

    def _now(self) -> DepositState:
        assert self._state is not None
        return self._state

    async def _wait(self) -> None:
        """Until somebody rings or decides, the form has been drawn, the next thing is due, or the history too long."""
        self._set_timer()
        # Signals that are refused wake nobody, and a run takes only so many.
        await workflow.wait_condition(
            lambda: self._woken() or self._is_time() or workflow.info().is_continue_as_new_suggested()
        )

    def _set_timer(self) -> None:
        # A timer that is neither cancelled nor set again costs no event: it stays while the next thing due does.
        if self._timer_for == self._due and not self._is_time():
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._timer_for = None, self._due
        if self._due is not None:
            delay = max(self._due.at - workflow.now(), timedelta())
            summary = f"{self._due.what} {self._now().number}"
            self._timer = asyncio.create_task(workflow.sleep(delay, summary=summary))

    def _is_time(self) -> bool:
        return self._timer is not None and self._timer.done()

    def _over(self) -> bool:
        return self._now().ended or (self._undrawable and self._now().settled)

    def _woken(self) -> bool:
        return self._rung or bool(self._desk.decisions) or self._drawn()

    def _drawn(self) -> bool:
        return self._drawing is not None and self._drawing.done()

    async def _act(self) -> None:
        while self._desk.decisions:
            await self._decide(self._desk.decisions.pop(0))
        if self._rung or self._drawn():
            if self._drawn():
                self._drawing = None
            self._state = await self._reload()
        due = next_due(self._now(), self._reminded, workflow.now())
        if due is not None and due.at <= workflow.now():
            await self._follow_up(due)

    async def _follow_up(self, due: Due) -> None:
        state = self._now()
        if due.what == "remind":
            remind = Remind(deposit=state.deposit, number=due.number, at=workflow.now())
            self._state = await step(Deposits.remind, remind, "remind the customer")
            self._reminded = due.number
        else:
            expire = Expire(deposit=state.deposit, at=workflow.now())
            self._state = await step(Deposits.expire, expire, "expire the form")

    async def _decide(self, taken: Taken) -> None:
        operator, why = taken.decision.operator, self._objection(taken.decision)
        if why is None:
            attested = await authorise(taken)
            operator, why = attested.operator, attested.refused or None
        if why is not None:
            self._desk.refuse(taken.signal, f"{operator}: {why}")
        else:
            await self._carry_out(taken.signal, taken.decision.model_copy(update={"operator": operator}))

    async def _carry_out(self, signal: str, decision: Any) -> None:
        why = self._objection(decision)
        if why is None:
            self._state = await self._obey(decision)
            # Money may have been quicker.
            why = None if self._is_done(decision) else self._objection(decision)
        if why is not None:
            self._desk.refuse(signal, f"{decision.operator}: {why}")

    def _is_done(self, decision: Any) -> bool:
        if isinstance(decision, ExtendDeposit):
            return self._now().expires_at == end_of_day(decision.until, self._now().time_zone)
        return self._now().stage == "cancelled"

    def _objection(self, decision: Any) -> str | None:
        if isinstance(decision, ExtendDeposit):
            return refuse_extension(self._now(), decision.until, workflow.now())
        return refuse_cancellation(self._now())

    async def _obey(self, decision: Any) -> DepositState:
        deposit, at = self._now().deposit, workflow.now()
        if isinstance(decision, ExtendDeposit):
            extend = Extend(deposit=deposit, decision=decision, at=at)
            return await step(Deposits.extend, extend, "move the expiry")
        return await step(
            Deposits.cancel, Cancel(deposit=deposit, decision=decision, at=at), "cancel the form"
        )

    async def _reload(self) -> DepositState:
        # Before the look: what rings during it asks for another one.
        self._rung = False
        reload = Reload(workflow_id=workflow.info().workflow_id, at=workflow.now())
        return await step(Deposits.reload, reload, "look at the rows")

    def _draw_what_is_new(self) -> None:
        # Each version of the form is asked for once; the next one waits for the one that is being drawn.
        state = self._now()
        if state.needs_form and state.document_id != self._document and self._drawing is None:
            self._document, self._undrawable = state.document_id, False
            self._drawing = asyncio.create_task(self._draw())

    async def _draw(self) -> None:
        """The PDF waits for its libraries as long as it must; the money does not wait for the PDF."""
        try:
            await workflow.execute_activity_method(
                Documents.draw,
                self._now().document_id,
                task_queue=DOCUMENTS_TASK_QUEUE,
                start_to_close_timeout=timedelta(minutes=2),
                heartbeat_timeout=timedelta(seconds=10),
                retry_policy=_DRAW_RETRIES,
                summary="draw the form",
            )
        except ActivityError as error:
            self._undrawable = True
            self._desk.refuse("form", f"it cannot be drawn: {error.cause or error}")

    def _answer_cancel(self) -> None:
        self._desk.refuse("Cancel", "it does not withdraw a deposit; send the signal `cancel` instead")
        self._show()

    def _show(self) -> None:
        state = self._state
        if state is None:
            return
        self._due = next_due(state, self._reminded, workflow.now())
        workflow.set_current_details(deposit_details(state, self._due, self._desk.refusals))
        self._desk.publish(
            {
                attributes.STAGE: state.stage,
                attributes.CUSTOMER: state.customer,
                attributes.CURRENCY: state.currency,
                attributes.ENTITY: state.entity,
                attributes.AMOUNT_MINOR: state.amount_minor,
                attributes.DECIDED_BY: state.deciders or None,
                attributes.DUE: state.expires_at if state.open else None,
            }
        )


def _refused(why: str) -> ApplicationError:
    return ApplicationError(why, type="DepositRefused", non_retryable=True)
