"""The lifecycle of a refund ticket: opened, reviewed, approved, sent to the bank, settled; or given back."""

from datetime import datetime
from typing import Any

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.attestation import Attested
    from activities.refund_deciding import Attach, Decide, Withdraw
    from activities.refunds import Answered, Look, Open, Refunds
    from prepay import attributes
    from prepay.money import Money
    from prepay.refunds import (
        ApproveRefund,
        RefundAnswer,
        RefundOutcome,
        RefundRequest,
        RejectRefund,
        UsePayee,
        WithdrawRefund,
    )
    from prepay.wire import InputRefused, parse
    from rules.refund import SIGNALS, RefundState
    from rules.refund_details import refund_details
    from workflows.lifecycle import Lifecycle
    from workflows.operator import Taken, content, whatever_comes
    from workflows.steps import step

_WHAT = "The refund request"


@workflow.defn(name="Refund")
class Refund(Lifecycle[RefundState]):
    """Holds the money, then waits: for the customer, for operators, for the bank, for time.

    Its input is a refund request, or `{"resume": ID}` when a row needs its workflow again.
    """

    signals = SIGNALS
    cancel_answer = "it does not end a refund; operators send `reject`, and the customer withdraws"

    @workflow.init
    @whatever_comes
    def __init__(self, *raw: RawValue) -> None:
        super().__init__()
        self._raw = raw
        self._refusal: ApplicationError | None = None

    @workflow.run
    @whatever_comes
    async def run(self, *raw: RawValue) -> RefundOutcome:
        """From the request to the end of the ticket."""
        outcome: RefundOutcome = await self._until_ended()
        return outcome

    @workflow.update(name="request", description="The answer to a refund request; services send it.")
    @whatever_comes
    async def request(self, *raw: RawValue) -> RefundAnswer:
        """Wait until the money is held, and answer; refuse another content under the same request id."""
        state = await self._opened()
        try:
            asked = parse(RefundRequest, content(raw, _WHAT), _WHAT)
        except InputRefused as refusal:
            raise _refused(str(refusal)) from None
        if asked.content_hash != state.content_hash:
            raise _refused(
                f"The request id {asked.request_id!r} of customer {asked.customer} was used with other content "
                f"before (refund {state.number}). Send a new request id."
            )
        return state.answer_to_request()

    @workflow.update(
        name="use_payee", description="Bank details that are in the database, by their row; services send it."
    )
    @whatever_comes
    async def use_payee(self, *raw: RawValue) -> RefundAnswer:
        """The customer says where to."""
        state = await self._opened()
        given = _input(UsePayee, raw, "The bank details")
        attach = Attach(refund=state.refund, given=given, at=workflow.now())
        return self._answer(await step(Refunds.attach, attach, "use the bank details"))

    @workflow.update(name="withdraw", description="The customer takes the ticket back; services send it.")
    @whatever_comes
    async def withdraw(self, *raw: RawValue) -> RefundAnswer:
        """Nothing is paid; what was held is on the balance again."""
        state = await self._opened()
        given = _input(WithdrawRefund, raw, "The withdrawal")
        withdraw = Withdraw(refund=state.refund, given=given, at=workflow.now())
        return self._answer(await step(Refunds.withdraw, withdraw, "give the money back"))

    @workflow.signal(
        name="approve",
        description="Agree to exactly what the details show, by its code there: "
        '{"operator": "your name", "content": "0123456789ab", "reason": "as the customer wrote"}',
    )
    @whatever_comes
    def approve(self, *raw: RawValue) -> None:
        """An operator agrees."""
        self._take("approve", ApproveRefund, raw)

    @workflow.signal(
        name="reject",
        description="Pay nothing; the customer is told the reason: "
        '{"operator": "your name", "reason": "the contract does not allow it"}',
    )
    @whatever_comes
    def reject(self, *raw: RawValue) -> None:
        """An operator refuses."""
        self._take("reject", RejectRefund, raw)

    async def _opened(self) -> RefundState:
        await workflow.wait_condition(lambda: self._state is not None or self._refusal is not None)
        if self._refusal is not None:
            raise self._refusal
        assert self._state is not None
        return self._state

    def _answer(self, answered: Answered) -> RefundAnswer:
        # The next look shows it, and knows what is due then.
        self._rung = True
        if answered.refused:
            raise _refused(f"Refund {answered.state.number}: {answered.refused}.")
        return answered.state.answer_to_request()

    def _due(self, state: RefundState) -> datetime | None:
        return state.next_due

    async def _look(self) -> RefundState:
        try:
            if self._state is None:
                return await self._first_state()
        except ApplicationError as refusal:
            self._refusal = refusal
            await workflow.wait_condition(workflow.all_handlers_finished)
            raise
        return await self._look_now()

    async def _look_now(self) -> RefundState:
        look = Look(workflow_id=workflow.info().workflow_id, at=workflow.now())
        return await step(Refunds.look, look, "look at the ticket")

    async def _first_state(self) -> RefundState:
        workflow_id = workflow.info().workflow_id
        try:
            raw = content(self._raw, _WHAT)
            if raw == {"resume": workflow_id}:
                return await self._look_now()
            request = parse(RefundRequest, raw, _WHAT)
        except InputRefused as refusal:
            raise _refused(str(refusal)) from None
        given = Open(request=request, workflow_id=workflow_id, at=workflow.now())
        return await step(Refunds.open, given, "hold the money")

    def _moves(self, state: RefundState, signal: str) -> Money | None:
        return state.money if signal == "approve" else None

    async def _carry_out(self, state: RefundState, taken: Taken, attested: Attested) -> Answered:
        decide = Decide(
            refund=state.refund,
            signal=taken.signal,
            decision=taken.decision,
            attestation=attested.attestation,
            at=workflow.now(),
        )
        return await step(Refunds.decide, decide, f"{taken.signal}, as {attested.operator} wants")

    def _show(self) -> None:
        state = self._state
        if state is None:
            return
        now = workflow.now()
        workflow.set_current_details(refund_details(state, now, self._desk.refusals))
        self._desk.publish(
            {
                attributes.STAGE: state.stage,
                attributes.CUSTOMER: state.customer,
                attributes.CURRENCY: state.currency,
                attributes.ENTITY: state.entity,
                attributes.AMOUNT_MINOR: state.amount_minor,
                attributes.NEEDS_HUMAN: state.waits_for is not None,
                attributes.WAITS_FOR_ROLE: state.waits_for,
                attributes.ESCALATED: True if state.escalated(now) else None,
                attributes.DECIDED_BY: state.deciders or None,
                attributes.DUE: state.next_due,
            }
        )


def _input(kind: Any, raw: Any, what: str) -> Any:
    try:
        return parse(kind, content(raw, what), what)
    except InputRefused as refusal:
        raise _refused(str(refusal)) from None


def _refused(why: str) -> ApplicationError:
    return ApplicationError(why, type="RefundRefused", non_retryable=True)
