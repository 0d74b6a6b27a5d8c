"""Statements and receipts as the client asks for them: a workflow fixes and draws them, the rows keep them."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import date, timedelta
from typing import Any

from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import ApplicationError, CancelledError, TerminatedError
from temporalio.service import RPCError

from prepay.database import Database
from prepay.errors import NotFound, Refused, Unavailable
from prepay.ids import TASK_QUEUE
from prepay.statements import StatementOutcome, StatementProgress, StatementRequest, StatementView
from prepay.wire import parse

PROGRESS_SECONDS = 0.5

Progress = Callable[[StatementProgress], None]


class StatementReading(Database):
    """The client's questions about statements."""

    _temporal: Client

    async def statement(
        self,
        customer: str,
        period: str,
        *,
        entity: str | None = None,
        currency: str | None = None,
        as_of: date | None = None,
        recorded_by: date | None = None,
        wait_seconds: float = 120.0,
        on_progress: Progress | None = None,
    ) -> StatementView:
        """The statement of a month (``2026-10``) or year (``2026``) as a PDF, in the customer's language.

        A period that is over has one statement for ever, byte by byte; its closing balance opens the next one.
        `as_of` ends the statement on an earlier day; `recorded_by` shows it as it was recorded by the end of that
        day (UTC). Raises prepay.wire.InputRefused, Refused, Unavailable.
        """
        raw = {
            "customer": customer,
            "entity": entity,
            "currency": currency,
            "period": period,
            "as_of": as_of,
            "recorded_by": recorded_by,
        }
        request = parse(StatementRequest, raw, "The statement request")
        return await self._paper(request, wait_seconds, on_progress)

    async def credit_receipt(
        self, customer: str, credit: int, *, wait_seconds: float = 120.0, on_progress: Progress | None = None
    ) -> StatementView:
        """The receipt for a credit, by the number of its record, as a PDF; the same for ever.

        Raises prepay.wire.InputRefused, Refused, Unavailable.
        """
        place = await self._one(_PLACE, {"customer": customer, "credit": credit}) or {}
        raw = {"customer": customer, "credit": credit, **place}
        request = parse(StatementRequest, raw, "The receipt request")
        return await self._paper(request, wait_seconds, on_progress)

    async def refund_confirmation(
        self,
        customer: str,
        refund: str,
        *,
        wait_seconds: float = 120.0,
        on_progress: Progress | None = None,
    ) -> StatementView:
        """The confirmation of a refund that was paid, by its ticket's number, as a PDF; the same for ever.

        Raises prepay.wire.InputRefused, Refused, Unavailable.
        """
        place = await self._one(_REFUNDED, {"customer": customer, "refund": refund}) or {}
        raw = {"customer": customer, "refund": refund, **place}
        request = parse(StatementRequest, raw, "The confirmation request")
        return await self._paper(request, wait_seconds, on_progress)

    async def statement_by_number(self, number: str) -> StatementView:
        """A statement or receipt that was issued. Raises NotFound, Unavailable."""
        row = await self._one(_BY_NUMBER, {"number": number})
        if row is None or row["pdf"] is None:
            raise NotFound("drawn statement", number)
        return StatementView(**{**row, "pdf": bytes(row["pdf"])})

    async def _paper(
        self, request: StatementRequest, wait_seconds: float, on_progress: Progress | None
    ) -> StatementView:
        try:
            handle = await self._temporal.start_workflow(
                "Statement",
                request,
                id=request.workflow_id,
                task_queue=TASK_QUEUE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                result_type=StatementOutcome,
                static_summary=f"{request.customer}: {request.about}",
                rpc_timeout=timedelta(seconds=15),
            )
            outcome = await _result(handle, wait_seconds, on_progress)
        except WorkflowFailureError as error:
            raise _why(error) from None
        except TimeoutError:
            raise Unavailable(
                f"The statement was not there within {wait_seconds:g} s: is a Prepay worker running? "
                "Send the same request again."
            ) from None
        except (RPCError, RuntimeError) as error:
            address = self._temporal.service_client.config.target_host
            raise Unavailable(
                f"Temporal does not answer at {address}. Send the same request again."
            ) from error
        return await self.statement_by_number(outcome.number)


async def _result(
    handle: WorkflowHandle[Any, StatementOutcome], seconds: float, on_progress: Progress | None
) -> StatementOutcome:
    told = asyncio.create_task(_tell(handle, on_progress)) if on_progress else None
    try:
        return await asyncio.wait_for(handle.result(), seconds)
    finally:
        if told:
            told.cancel()


async def _tell(handle: WorkflowHandle[Any, Any], on_progress: Progress) -> None:
    """Each step once, as long as somebody waits."""
    last: StatementProgress | None = None
    while True:
        with suppress(RPCError):
            now = await handle.query("progress", result_type=StatementProgress)
            if now != last:
                on_progress(now)
            last = now
        await asyncio.sleep(PROGRESS_SECONDS)


def _why(error: WorkflowFailureError) -> Exception:
    cause = error.cause
    if isinstance(cause, ApplicationError) and cause.type in ("StatementRefused", "Undrawable"):
        return Refused(cause.message)
    if isinstance(cause, CancelledError | TerminatedError):
        return Unavailable("Somebody ended the statement's workflow. Send the same request again.")
    return Unavailable(f"The statement could not be made now: {cause}. Send the same request again.")


_PLACE = """
    SELECT a.entity, a.currency FROM ledger_transfer t JOIN ledger_account a ON a.id = t.credit_account_id
    WHERE t.id = %(credit)s AND a.kind = 'customer' AND a.holder = %(customer)s
"""

_REFUNDED = """
    SELECT r.entity, r.currency FROM refund r JOIN customer c ON c.id = r.customer_id
    WHERE r.number = %(refund)s AND c.number = %(customer)s
"""

_BY_NUMBER = """
    SELECT s.number, c.number AS customer, a.entity, a.currency, s.begins_on, s.through_on, s.final, s.opening_minor,
        s.closing_minor, s.lines, d.pdf_sha256, d.pdf
    FROM statement s JOIN customer c ON c.id = s.customer_id JOIN ledger_account a ON a.id = s.account_id
    JOIN document d ON d.id = s.document_id WHERE s.number = %(number)s
"""
