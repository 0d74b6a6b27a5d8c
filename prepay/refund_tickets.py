"""The client's part for refunds: open a ticket, say where to, look at it, take it back."""

import uuid
from collections.abc import Sequence
from typing import Any

from temporalio.client import WithStartWorkflowOperation
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from prepay.asking import Asking, Ended
from prepay.database import Database
from prepay.errors import NotFound, Refused
from prepay.ids import TASK_QUEUE, refund_workflow_id
from prepay.money import Money
from prepay.proofs import Proof, read_proof
from prepay.refund_queries import ENTER_PAYEE, REFUND_BY_REQUEST, REFUNDS
from prepay.refunds import PayeeInput, RefundAnswer, RefundRequest, RefundView, UsePayee, WithdrawRefund
from prepay.wire import parse

_ANY = {"number": None, "customer": None, "stage": None, "limit": 1}


class RefundTickets(Database):
    """Refund tickets of customers."""

    _asking: Asking

    async def request_refund(
        self,
        customer: str,
        currency: str,
        *,
        amount: str | None = None,
        reason: str,
        request_id: str | None = None,
        opened_by: str | None = None,
    ) -> RefundView:
        """Open a ticket: staff decide, and the money goes back to where it came from.

        `amount` is a plain decimal; left out, all that is left is asked for and counted after late usage.
        The same request id with the same content gives the same answer for ever.
        `opened_by` is the operator who opens it for the customer.
        Raises prepay.wire.InputRefused, Refused, Unavailable.
        """
        raw = {
            "customer": customer,
            "request_id": request_id or str(uuid.uuid4()),
            "amount": amount,
            "currency": currency,
            "reason": reason,
            "opened_by": opened_by,
        }
        request = parse(RefundRequest, raw, "The refund request")
        try:
            answer = await self._ask_refund(request)
        except WorkflowAlreadyStartedError:
            return await self._refund_of(request)
        return await self.refund(customer, answer.number)

    async def _ask_refund(self, request: RefundRequest) -> RefundAnswer:
        minor = request.amount_minor
        asked = "all that is left" if minor is None else Money(amount_minor=minor, currency=request.currency)
        start: WithStartWorkflowOperation[Any, Any] = WithStartWorkflowOperation(
            "Refund",
            request,
            id=refund_workflow_id(request.customer, request.request_id),
            task_queue=TASK_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
            static_summary=f"{request.customer} asks {asked} back",
        )
        return await self._asking.answer(start, request, request.content_hash, RefundAnswer)

    async def _refund_of(self, request: RefundRequest) -> RefundView:
        row = await self._one(REFUND_BY_REQUEST, request.model_dump(include={"customer", "request_id"}))
        if row is None or row["content_hash"] != request.content_hash:
            raise Refused(
                f"The request id {request.request_id!r} of customer {request.customer} was used with other content "
                "before. Send a new request id."
            )
        return await self.refund(request.customer, row["number"])

    async def refund(self, customer: str, number: str) -> RefundView:
        """A customer's ticket. Raises NotFound, Unavailable."""
        row = await self._one(REFUNDS, _ANY | {"customer": customer, "number": number})
        if row is None:
            raise NotFound("refund", f"{number} of customer {customer}")
        row.pop("workflow_id")
        return RefundView(**row)

    async def refunds(self, customer: str, limit: int = 100) -> Sequence[RefundView]:
        """The customer's tickets, newest first. Raises NotFound, Unavailable."""
        rows = await self._all(REFUNDS, _ANY | {"customer": customer, "limit": limit})
        if not rows:
            await self._must_exist(customer)
        return [RefundView(**{name: row[name] for name in RefundView.model_fields}) for row in rows]

    async def enter_payee(
        self,
        customer: str,
        number: str,
        payee: dict[str, str] | PayeeInput,
        *,
        proof: bytes | None = None,
        payout: int | None = None,
        entered_by: str = "",
    ) -> RefundView:
        """Say where a ticket's money goes: what has no account yet, or one payout of it.

        An account that the money did not come from needs a proof (a PDF, PNG or JPEG of up to 10 MB), one more
        approval, and waits a while. The same again is the same. The details stay in the database; the role must be
        one that writes.
        Raises prepay.wire.InputRefused, NotFound, Refused, Unavailable.
        """
        given = parse(PayeeInput, payee, "The bank details")
        shown = read_proof(proof)._asdict() if proof is not None else dict.fromkeys(Proof._fields)
        row = {**given.model_dump(), **shown, "customer": customer, "number": number, "by": entered_by}
        async with self._database() as connection:
            written = await (await connection.execute(ENTER_PAYEE.encode(), row)).fetchone()
        if written is None:
            raise NotFound("refund", f"{number} of customer {customer}")
        use = UsePayee(payee=written["id"], payout=payout)
        return await self._update(customer, number, "use_payee", use)

    async def withdraw_refund(
        self, customer: str, number: str, *, reason: str = "withdrawn by the customer"
    ) -> RefundView:
        """Take a ticket back, while nothing of it is on its way. Raises NotFound, Refused, Unavailable."""
        raw = {"customer": customer, "reason": reason}
        return await self._update(customer, number, "withdraw", parse(WithdrawRefund, raw, "The withdrawal"))

    async def _update(self, customer: str, number: str, name: str, given: Any) -> RefundView:
        row = await self._one(REFUNDS, _ANY | {"customer": customer, "number": number})
        if row is None:
            raise NotFound("refund", f"{number} of customer {customer}")
        try:
            await self._asking.update(row["workflow_id"], name, given, RefundAnswer)
        except Ended:
            view = await self.refund(customer, number)
            raise Refused(f"Refund {number} is {view.stage} already.") from None
        return await self.refund(customer, number)
