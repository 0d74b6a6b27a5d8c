"""The client that services use: ask for deposits, spend, read balances and records."""

import asyncio
import uuid
from collections.abc import Sequence
from datetime import date
from typing import Any, Self

import psycopg
from psycopg.rows import DictRow
from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
)
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from prepay import queries
from prepay.asking import Asking
from prepay.claims import ClaimRequest, ClaimView
from prepay.database import CONNECTIONS, Pool, open_pool
from prepay.deposits import DepositAnswer, DepositRequest
from prepay.errors import FormNotDrawn, InsufficientBalance, NotFound, PrepayError, Refused, Unavailable
from prepay.event_reading import EventReading
from prepay.ids import TASK_QUEUE, deposit_workflow_id, grouped
from prepay.proofs import read_proof
from prepay.record_reading import RecordReading
from prepay.records import Balance, DepositView, PayTo
from prepay.refund_tickets import RefundTickets
from prepay.spending_client import SpendingClient
from prepay.statement_reading import StatementReading
from prepay.temporal import connect_temporal
from prepay.virtual_account_queries import APPLICATIONS, APPLY, why_not
from prepay.virtual_accounts import VirtualAccountRequest, VirtualAccountView
from prepay.wire import parse

__all__ = [
    "FormNotDrawn",
    "InsufficientBalance",
    "NotFound",
    "PrepayClient",
    "PrepayError",
    "Refused",
    "Unavailable",
]

ANSWER_SECONDS = 15.0
POLL_SECONDS = 0.1
MAX_OPEN_CLAIMS = 100
_ANY = {"application": None, "customer": None, "stage": None, "limit": 1}


class PrepayClient(EventReading, RecordReading, StatementReading, SpendingClient, RefundTickets):
    """Typed access to Prepay. Use it as an async context manager, or close it."""

    def __init__(
        self,
        temporal: Client,
        pool: Pool,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        super().__init__(pool)
        self._temporal = temporal
        self._answer_seconds = answer_seconds
        self._asking = Asking(temporal, answer_seconds)

    @classmethod
    async def connect(
        cls,
        database_url: str,
        temporal: Client | None = None,
        *,
        answer_seconds: float = ANSWER_SECONDS,
        connections: int = CONNECTIONS,
    ) -> Self:
        """Get ready to use PostgreSQL and Temporal; both are reached when needed.

        A role that reads is enough for balances, records and deposits; spending and claims need `prepay_app`.

        Without a client for Temporal, its own settings decide (`TEMPORAL_ADDRESS`, `TEMPORAL_PROFILE`, …).
        A request waits `answer_seconds` for its answer.
        """
        pool = await open_pool(database_url, connections)
        return cls(temporal or await connect_temporal(), pool, answer_seconds)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Give the database connections back."""
        await self._pool.close()

    async def request_deposit(
        self,
        customer: str,
        amount: str,
        currency: str,
        *,
        product: str,
        note: str = "",
        request_id: str | None = None,
    ) -> DepositView:
        """Ask for a payment request form; `amount` is a plain decimal such as ``1000.00``.

        The same request id with the same content gives the same answer for ever; with other content it is
        refused. Without one, a new id is made, and sending again asks for another form.
        Raises prepay.wire.InputRefused, Refused, Unavailable.
        """
        raw = {
            "customer": customer,
            "request_id": request_id or str(uuid.uuid4()),
            "amount": amount,
            "currency": currency,
            "product": product,
            "note": note,
        }
        request = parse(DepositRequest, raw, "The deposit request")
        try:
            answer = await self._ask(request)
        except WorkflowAlreadyStartedError:
            # The deposit's workflow has ended; its row answers for ever.
            return await self._answer_from_row(request)
        return await self.deposit(answer.number)

    async def _ask(self, request: DepositRequest) -> DepositAnswer:
        start: WithStartWorkflowOperation[Any, Any] = WithStartWorkflowOperation(
            "Deposit",
            request,
            id=deposit_workflow_id(request.customer, request.request_id),
            task_queue=TASK_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
            static_summary=f"{request.customer} deposits {request.money}",
            static_details=f"Intended for: {request.product}",
        )
        return await self._asking.answer(start, request, request.content_hash, DepositAnswer)

    async def _answer_from_row(self, request: DepositRequest) -> DepositView:
        asked = {"customer": request.customer, "request_id": request.request_id}
        row = await self._one(queries.DEPOSIT_BY_REQUEST, asked)
        if row is None:
            raise Unavailable("The deposit's workflow has ended without a row. Send the same request again.")
        if row["content_hash"] != request.content_hash:
            raise Refused(
                f"The request id {request.request_id!r} of customer {request.customer} was used with other content "
                f"before (deposit {row['number']}). Send a new request id."
            )
        return _deposit_view(row)

    async def deposit(self, number: str) -> DepositView:
        """A deposit by its number. Raises NotFound, Unavailable."""
        row = await self._one(queries.DEPOSIT_BY_NUMBER, {"number": number})
        if row is None:
            raise NotFound("deposit", number)
        return _deposit_view(row)

    async def form_pdf(self, number: str, wait_seconds: float = 30.0) -> bytes:
        """The PDF of a deposit's newest form, waiting while it is drawn. Raises NotFound, FormNotDrawn."""
        until = asyncio.get_running_loop().time() + wait_seconds
        while True:
            row = await self._one(queries.FORM, {"number": number})
            if row is None:
                raise NotFound("deposit", number)
            if row["pdf"] is not None:
                return bytes(row["pdf"])
            if asyncio.get_running_loop().time() >= until:
                raise FormNotDrawn(number, wait_seconds)
            await asyncio.sleep(POLL_SECONDS)

    async def claim_receipt(
        self,
        customer: str,
        amount: str,
        currency: str,
        *,
        paid_on: date,
        payer_name: str = "",
        payer_account: str = "",
        bank_reference: str = "",
        proof: bytes | None = None,
        request_id: str | None = None,
    ) -> ClaimView:
        """Say that a transfer was made and is not found; one of payer and bank reference must tell which it is.

        `proof` is a PDF, PNG or JPEG of up to 10 MB, kept in the database alone: this needs a role that may write.
        The same request id with the same content gives the same claim for ever.
        Raises prepay.wire.InputRefused, NotFound, Refused, Unavailable.
        """
        raw = {
            "customer": customer,
            "request_id": request_id or str(uuid.uuid4()),
            "amount": amount,
            "currency": currency,
            "paid_on": paid_on,
            "payer_name": payer_name,
            "payer_account": payer_account,
            "bank_reference": bank_reference,
        }
        asked = parse(ClaimRequest, raw, "The claim")
        row = asked.row(None if proof is None else read_proof(proof)) | {"most": MAX_OPEN_CLAIMS}
        async with self._database() as connection:
            await connection.execute(queries.MAKE_CLAIM.encode(), row)
        return await self._claim_of(asked, row["content_hash"])

    async def _claim_of(self, asked: ClaimRequest, wanted: str) -> ClaimView:
        row = await self._one(queries.CLAIM_BY_REQUEST, asked.model_dump(include={"customer", "request_id"}))
        if row is None:
            await self._must_exist(asked.customer)
            raise Refused(
                f"Customer {asked.customer} has {MAX_OPEN_CLAIMS} open claims; wait until one ends."
            )
        if row["content_hash"] != wanted:
            raise Refused(asked.used_before(row["claim"]))
        return ClaimView(**row)

    async def claim(self, customer: str, claim: int) -> ClaimView:
        """A customer's claim; its `where` says where the transfer is. Raises NotFound, Unavailable."""
        if (row := await self._one(queries.CLAIM_BY_NUMBER, {"customer": customer, "claim": claim})) is None:
            raise NotFound("claim", f"{claim} of customer {customer}")
        return ClaimView(**row)

    async def balance(self, customer: str) -> Sequence[Balance]:
        """Each balance of a customer. Raises NotFound, Unavailable."""
        rows = await self._all(queries.BALANCES, {"customer": customer})
        if not rows:
            await self._must_exist(customer)
        return [Balance(**row) for row in rows]

    async def apply_for_virtual_account(
        self,
        customer: str,
        currency: str,
        *,
        note: str = "",
        replaces: int | None = None,
        request_id: str | None = None,
    ) -> VirtualAccountView:
        """Ask for an account number of the customer's own; what rules refuse comes back with the stage `refused`.

        `replaces` is the row of one of theirs, beside which the new one runs. The database's role must be one that
        writes. The same request id gives the same answer for ever. Raises prepay.wire.InputRefused, Refused,
        Unavailable.
        """
        raw = {
            "customer": customer,
            "request_id": request_id or str(uuid.uuid4()),
            "currency": currency,
            "note": note,
            "replaces": replaces,
        }
        request = parse(VirtualAccountRequest, raw, "The application")
        try:
            row = await self._one(APPLY, {**request.model_dump(), "by": ""})
        except psycopg.errors.InsufficientPrivilege:
            raise Refused(
                "The database's role may only read; an application needs one that writes."
            ) from None
        if refused := why_not(row, request):
            raise Refused(refused)
        assert row is not None
        return await self._looked_at(row["new"] or row["known"])

    async def _looked_at(self, application: int) -> VirtualAccountView:
        """The application, once the rules have been looked at."""
        until = asyncio.get_running_loop().time() + self._answer_seconds
        while True:
            view = await self.virtual_account(application)
            if view.stage != "submitted":
                return view
            if asyncio.get_running_loop().time() >= until:
                raise Unavailable(
                    f"Nobody looked at application {application} within {self._answer_seconds:g} s: is a Prepay "
                    "worker running? It is kept; ask again with the same request id."
                )
            await asyncio.sleep(POLL_SECONDS)

    async def virtual_account(self, application: int) -> VirtualAccountView:
        """An application for a virtual account, with the number once there is one. Raises NotFound, Unavailable."""
        row = await self._one(APPLICATIONS, {**_ANY, "application": application})
        if row is None:
            raise NotFound("virtual account application", str(application))
        return VirtualAccountView(**row)

    async def virtual_accounts(self, customer: str, limit: int = 100) -> Sequence[VirtualAccountView]:
        """The customer's applications, newest first. Raises NotFound, Unavailable."""
        rows = await self._all(APPLICATIONS, {**_ANY, "customer": customer, "limit": limit})
        if not rows:
            await self._must_exist(customer)
        return [VirtualAccountView(**row) for row in rows]


def _deposit_view(row: DictRow) -> DepositView:
    pay_to = {name: row.pop(name) for name in PayTo.model_fields}
    return DepositView(**row, reference_grouped=grouped(row["reference"]), pay_to=PayTo(**pay_to))
