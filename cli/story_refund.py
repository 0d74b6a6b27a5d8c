"""The demo's refund: two operators approve it, the bank sends it back, a new account is told, approved and paid."""

import asyncio
import time
from contextlib import suppress
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from temporalio.client import Client
from temporalio.service import RPCError

from cli.output import amount
from cli.patience import PATIENCE_SECONDS, patiently
from cli.story_claim import PROOF
from prepay.client import PrepayClient
from prepay.ids import refund_workflow_id
from prepay.temporal import connect_temporal

if TYPE_CHECKING:
    from cli.story import Run
    from embedded.bank import BankClient
    from prepay.refunds import RefundView

CUSTOMER, ASKED, CURRENCY = "C-1001", "750.00", "EUR"
GONE = "ACME-CLOSED"
CLOSED, OPEN = "NL26MOCK0000009001", "DE02120300000000202051"
APPROVERS = ("Second Operator", "Fifth Operator", "First Operator")
AGAIN_SECONDS = 5.0
RUNNING = "WorkflowType = 'PaymentRun' AND ExecutionStatus = 'Running'"


async def refund_twice(client: PrepayClient, run: "Run", bank: "BankClient", folder: Path) -> None:
    """From the ticket to the audit page. Each step may be done twice."""
    await patiently(partial(asyncio.to_thread, _close_account, bank))
    request_id = str(uuid4())
    ask = partial(
        client.request_refund,
        CUSTOMER,
        CURRENCY,
        amount=ASKED,
        reason="another project",
        request_id=request_id,
    )
    ticket = await patiently(ask)
    run.say(f"{CUSTOMER} asks {ASKED} {CURRENCY} back: ticket {ticket.number}, and the money is held")
    story = _Story(client, run, bank, ticket, refund_workflow_id(CUSTOMER, request_id))
    await story.approve(APPROVERS[:2])
    back = await story.pay("returned")
    run.say(f"The payout comes back: {back.payouts[0].reason}; the money is held again")
    await story.enter_payee()
    await story.approve(APPROVERS)
    await story.pay("sent")
    paid = await story.book()
    run.say(
        f"The bank has paid {amount(paid.amount_minor or 0, CURRENCY)} to the account {paid.payouts[-1].to}"
    )
    await _write_audit(run, ticket.number, folder)


def _close_account(bank: "BankClient") -> None:
    bank.open_account(GONE, "ACME GmbH", CLOSED, CURRENCY)
    bank.behave(GONE, "closed-account")


class _Story:
    """One ticket on its way."""

    def __init__(
        self, client: PrepayClient, run: "Run", bank: "BankClient", ticket: "RefundView", workflow_id: str
    ) -> None:
        self._client, self._run, self._bank = client, run, bank
        self._ticket, self._workflow_id = ticket, workflow_id

    async def approve(self, operators: tuple[str, ...]) -> None:
        """The operators' signals, as the Temporal UI sends them; again where their part of the stack was away."""
        temporal = await connect_temporal()
        until = time.monotonic() + PATIENCE_SECONDS
        while (now := await self._now()).stage != "approved":
            if time.monotonic() > until:
                raise TimeoutError(f"Refund {self._ticket.number} is still {now.stage}, not approved")
            code = await patiently(partial(asyncio.to_thread, _code, self._ticket.refund))
            for operator in operators:
                await self._signal(temporal, operator, code)
            with suppress(TimeoutError):
                await self._until("approved", AGAIN_SECONDS)
        names = ", ".join(operators[:-1]) + f" and {operators[-1]}"
        self._run.say(f"{names} approve it in the Temporal UI")

    async def _signal(self, temporal: Client, operator: str, code: str) -> None:
        decision = {"operator": operator, "content": code, "reason": "as the customer wrote"}
        # Lost with its server, or refused since it was obeyed before: the ticket tells.
        with suppress(RPCError, RuntimeError):
            await temporal.get_workflow_handle(self._workflow_id).signal("approve", decision)

    async def pay(self, stage: str) -> "RefundView":
        """An operator wants the payment file now, and the bank takes it."""
        temporal = await connect_temporal()
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            decision = {"operator": APPROVERS[0], "reason": "the customer waits"}
            with suppress(RPCError, RuntimeError):
                # A schedule starts the run, and gives it the time as a part of its id.
                async for run in temporal.list_workflows(RUNNING):
                    await temporal.get_workflow_handle(run.id).signal("run_now", decision)
            try:
                return await self._until(stage, AGAIN_SECONDS)
            except TimeoutError:
                if time.monotonic() > until:
                    raise

    async def book(self) -> "RefundView":
        """The bank has taken the file, and pays on the day that it says: today, or after its next opening."""
        until = time.monotonic() + PATIENCE_SECONDS
        while (
            day := await patiently(partial(asyncio.to_thread, _due, self._bank, self._ticket.number))
        ) is None:
            if time.monotonic() > until:
                raise TimeoutError("The bank has not taken the payment file")
            await asyncio.sleep(0.2)
        # It is a customer's: its statements are none of ours.
        await patiently(partial(asyncio.to_thread, self._bank.close_account, GONE))
        await patiently(partial(asyncio.to_thread, _live_until, self._bank, day))
        return await self._until("settled", PATIENCE_SECONDS)

    async def enter_payee(self) -> None:
        """The customer tells another account, with a proof that it is theirs."""
        payee = {"name": "ACME GmbH", "iban": OPEN}
        await patiently(partial(self._client.enter_payee, CUSTOMER, self._ticket.number, payee, proof=PROOF))
        self._run.say(f"{CUSTOMER} tells another account, with a proof: three people must approve it")

    async def _until(self, stage: str, seconds: float) -> "RefundView":
        until = time.monotonic() + seconds
        while (now := await self._now()).stage != stage:
            if time.monotonic() > until:
                raise TimeoutError(f"Refund {self._ticket.number} is still {now.stage}, not {stage}")
            with suppress(OSError, RuntimeError):
                await asyncio.to_thread(self._bank.take_files)
            await asyncio.sleep(0.2)
        return now

    async def _now(self) -> "RefundView":
        return await patiently(partial(self._client.refund, CUSTOMER, self._ticket.number))


def _due(bank: "BankClient", number: str) -> date | None:
    """When the bank pays the newest payment of the ticket that it has not refused; None while it has none."""
    bank.take_files()
    return max(
        (
            date.fromisoformat(payment["settlement_date"])
            for payment in bank.payments()
            if payment["end_to_end_id"].startswith(number) and payment["status"] != "rejected"
        ),
        default=None,
    )


def _live_until(bank: "BankClient", day: date) -> None:
    # A day that it ends has a statement, which lacks what this demo brings past the bank: none is ended needlessly.
    if bank.today() < day:
        bank.advance(day)


def _code(refund: int) -> str:
    """What the details call that which is to be approved."""
    from activities.refund_rows import approvable
    from cli.session import one_transaction
    from rules.refund import CODE

    with one_transaction() as session:
        return approvable(session, refund)[:CODE]


async def _write_audit(run: "Run", number: str, folder: Path) -> None:
    from datetime import UTC, datetime

    from activities.refund_list import ticket
    from cli.session import one_transaction
    from documents.audit import render_audit

    def draw() -> bytes:
        with one_transaction() as session:
            return render_audit(ticket(session, number), datetime.now(UTC))

    file = folder / f"{number}-audit.pdf"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(await patiently(partial(asyncio.to_thread, draw)))
    run.say(f"prepay refund audit {number}: {file}")
