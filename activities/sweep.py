"""What the sweep does each minute."""

from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any

import structlog
from sqlalchemy import Engine, text
from sqlmodel import Session
from temporalio import activity
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

import ledger.checks
from activities.claims import find_for_all
from activities.database import psycopg_of, reading
from activities.low_balances import tell_low_balances
from activities.outbox import start_or_ring
from activities.subjects import subjects
from ledger.seals import keep, newest, seal_now
from settings import Settings

PAGE = 1000
LOOK_SECONDS = 40.0
IDS_IN_A_QUERY = 100
CHUNK = 1000

# The rows that need a workflow, those that were looked at longest ago first; a fresh row gets a minute's grace.
_CLAIM = """
    UPDATE {table} SET swept_at = now() WHERE {id} IN (
        SELECT {id} FROM {table} WHERE ({needs}) AND swept_at < now() - interval '50 s'
        ORDER BY swept_at LIMIT :page FOR UPDATE SKIP LOCKED
    ) RETURNING {workflow_id} AS workflow_id, '{workflow}' AS workflow, {unheard} AS unheard
"""
_UNHEARD = "handled_version < version"
_DEPOSIT = {
    "table": "deposit",
    "workflow_id": "workflow_id",
    "workflow": "Deposit",
    "unheard": _UNHEARD,
    "id": "id",
}
_FILE = {
    "table": "bank_file",
    "workflow_id": "'bank-file-' || sha256",
    "workflow": "BankFile",
    "unheard": "false",
    "id": "id",
}
_MOVE = {
    "table": "credit_move",
    "workflow_id": "'reassignment-' || id",
    "workflow": "Reassignment",
    "unheard": "false",
    "id": "id",
}
_RESOLUTION = {
    "table": "bank_resolution",
    "workflow_id": "'resolution-' || id",
    "workflow": "Resolution",
    "unheard": "false",
    "id": "id",
}
_RECEIPT = {
    "table": "receipt",
    "workflow_id": "'receipt-' || part_id",
    "workflow": "Receipt",
    "unheard": "NOT heard",
    "id": "part_id",
}
_CLAIM_OF_CUSTOMER = {
    "table": "claim",
    "workflow_id": "'claim-' || id",
    "workflow": "Claim",
    "unheard": _UNHEARD,
    "id": "id",
}
_REFUND = {
    "table": "refund",
    "workflow_id": "workflow_id",
    "workflow": "Refund",
    "unheard": _UNHEARD,
    "id": "id",
}
_CHANGE = {
    "table": "change",
    "workflow_id": "'change-' || id",
    "workflow": "Change",
    "unheard": "false",
    "id": "id",
}
_FREEZE = {
    "table": "money_freeze",
    "workflow_id": "workflow_id",
    "workflow": "Freeze",
    "unheard": "false",
    "id": "id",
}
_VIRTUAL = {
    "table": "virtual_account_application",
    "workflow_id": "'virtual-account-' || id",
    "workflow": "VirtualAccountApplication",
    # Whoever took a number and gave it back left it to those who wait.
    "unheard": "stage = 'approved'",
    "id": "id",
}
_BILL = {
    "table": "bill",
    "workflow_id": "'bill-' || id",
    "workflow": "Bill",
    "unheard": _UNHEARD,
    "id": "id",
}
_PAYMENT_FILE = {
    "table": "payment_file",
    "workflow_id": "'payment-file-' || id",
    "workflow": "PaymentFile",
    "unheard": "NOT heard",
    "id": "id",
}
# Money that nobody has heard of does not wait behind forms that nobody has paid.
_CLAIMS = [
    text(_CLAIM.format(**_DEPOSIT, needs="live AND " + _UNHEARD)),
    text(_CLAIM.format(**_FILE, needs="stage IN ('stored', 'read', 'held', 'alarm')")),
    text(_CLAIM.format(**_PAYMENT_FILE, needs="ended_at IS NULL OR NOT heard")),
    text(_CLAIM.format(**_MOVE, needs="stage = 'proposed'")),
    text(_CLAIM.format(**_RESOLUTION, needs="stage = 'proposed'")),
    text(_CLAIM.format(**_FREEZE, needs="ended_at IS NULL")),
    text(_CLAIM.format(**_CHANGE, needs="stage = 'proposed'")),
    text(_CLAIM.format(**_CLAIM_OF_CUSTOMER, needs="stage IN ('waiting', 'found') OR " + _UNHEARD)),
    text(_CLAIM.format(**_RECEIPT, needs="stage IN ('unapplied', 'returning') OR NOT heard")),
    text(_CLAIM.format(**_REFUND, needs="ended_at IS NULL OR " + _UNHEARD)),
    text(_CLAIM.format(**_VIRTUAL, needs="stage NOT IN ('closed', 'refused')")),
    text(_CLAIM.format(**_BILL, needs="stage IN ('issued', 'part_paid') OR " + _UNHEARD)),
    text(_CLAIM.format(**_DEPOSIT, needs="live")),
]

log = structlog.get_logger()


class Upkeep:
    """The activities of the Sweep workflow."""

    def __init__(self, engine: Engine, client: Client, settings: Settings) -> None:
        self._engine = engine
        self._client = client
        self._settings = settings

    def all(self) -> list[Callable[..., Any]]:
        """What a worker registers."""
        return [self.settle_time, self.restart_lost, self.seal, self.check]

    @activity.defn(name="restart_lost_workflows")
    async def restart_lost(self) -> int:
        """Start the workflows that their rows need and Temporal does not run, and ring those that did not hear.

        Returns how many there were of both. Where there are more than fit into a minute, the next one goes on.
        """
        end, lost = monotonic() + LOOK_SECONDS, 0
        for claim in _CLAIMS:
            while monotonic() < end:
                with Session(self._engine) as session, session.begin():
                    rows = session.execute(claim, {"page": PAGE}).all()
                for start in range(0, len(rows), IDS_IN_A_QUERY):
                    lost += await self._restart(rows[start : start + IDS_IN_A_QUERY])
                if len(rows) < PAGE:
                    break
        return lost

    async def _restart(self, rows: Sequence[Any]) -> int:
        running = await self._running([row.workflow_id for row in rows])
        lost = [row for row in rows if row.unheard or row.workflow_id not in running]
        with reading(self._engine) as session:
            said = subjects(session, {row.workflow_id: row.workflow for row in lost})
        rung = 0
        for row in lost:
            try:
                await start_or_ring(
                    self._client, row.workflow_id, row.workflow, said.get(row.workflow_id, "")
                )
                rung += 1
            except RPCError as error:
                # The others are no worse for that; this one has its turn again.
                log.warning("not restarted", workflow_id=row.workflow_id, status=error.status.name)
        return rung

    async def _running(self, ids: list[str]) -> set[str]:
        # An id that somebody chose with a quote in it is rung without a look: a ring does no harm.
        names = ", ".join(f"'{i}'" for i in ids if not set(i) & {"'", "\\"})
        if not names:
            return set()
        query = f"ExecutionStatus = 'Running' AND WorkflowId IN ({names})"
        return {execution.id async for execution in self._client.list_workflows(query)}

    @activity.defn(name="settle_time")
    def settle_time(self) -> dict[str, int]:
        """Post credits whose value date has come, and void holds that have expired; all of them, in chunks.

        Claims look again for their money: one that was made while it was being posted has not seen it. Customers whose
        balance has become low are told.
        """
        done = {"credits": "ledger_post_due_credits()", "holds": "ledger_expire_holds()"}
        settled = {name: self._repeat(function) for name, function in done.items()}
        with Session(self._engine) as session, session.begin():
            find_for_all(session)
            settled["low balances"] = tell_low_balances(session)
        return settled

    def _repeat(self, function: str) -> int:
        total = 0
        while True:
            with Session(self._engine) as session, session.begin():
                count: int = session.execute(text(f"SELECT count(*) FROM {function}")).scalar_one()
            total += count
            if count < CHUNK:
                return total

    @activity.defn(name="seal_book")
    def seal(self) -> int:
        """Seal what is committed; the newest seal also goes to a file outside the database. Returns its number."""
        with Session(self._engine) as session, session.begin():
            seal_now(psycopg_of(session))
        with Session(self._engine) as session, session.begin():
            seal = newest(psycopg_of(session))
        if seal is None:
            return 0
        if self._settings.seals is not None:
            keep(seal, self._settings.seals)
        return seal.id

    @activity.defn(name="check_book")
    def check(self) -> dict[str, int]:
        """Recompute every invariant; a breach is logged as an error and makes the step fail, for people to see."""
        with Session(self._engine) as session, session.begin():
            results = ledger.checks.run_checks(psycopg_of(session))
        broken = {result.name: len(result.breaches) for result in results if result.breaches}
        if broken:
            log.error("the book is broken", **broken)
            raise ApplicationError(
                f"The book is broken: {broken}. Run `prepay ledger check`.", non_retryable=True
            )
        return {"invariants": len(results), "broken": 0}
