"""What the sweep does each minute."""

from collections.abc import Callable
from typing import Any

import structlog
from sqlalchemy import Engine, text
from sqlmodel import Session
from temporalio import activity
from temporalio.client import Client
from temporalio.exceptions import ApplicationError

import ledger.checks
from activities.database import psycopg_of
from activities.outbox import start_or_ring
from ledger.seals import keep, newest, seal_now
from settings import Settings

LOOKED_AT_ONCE = 1000
IDS_IN_A_QUERY = 100
CHUNK = 1000

# The rows that need a workflow and were looked at longest ago, of every kind; a fresh row gets a minute's grace.
_CANDIDATES = text("""
    WITH due AS (
        SELECT id FROM deposit
        WHERE (stage IN ('issued', 'part_paid') OR handled_version < version) AND swept_at < now() - interval '50 s'
        ORDER BY swept_at LIMIT :limit FOR UPDATE SKIP LOCKED
    ), due_files AS (
        SELECT id FROM bank_file
        WHERE stage IN ('stored', 'read', 'held') AND swept_at < now() - interval '50 s'
        ORDER BY swept_at LIMIT :limit FOR UPDATE SKIP LOCKED
    ), deposits AS (
        UPDATE deposit SET swept_at = now() WHERE id IN (SELECT id FROM due)
        RETURNING workflow_id, 'Deposit' AS workflow, handled_version < version AS unheard
    ), files AS (
        UPDATE bank_file SET swept_at = now() WHERE id IN (SELECT id FROM due_files)
        RETURNING 'bank-file-' || sha256, 'BankFile', false
    )
    SELECT * FROM deposits UNION ALL SELECT * FROM files
""")

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

        Returns how many there were of both.
        """
        with Session(self._engine) as session, session.begin():
            rows = session.execute(_CANDIDATES, {"limit": LOOKED_AT_ONCE}).all()
        lost = 0
        for start in range(0, len(rows), IDS_IN_A_QUERY):
            some = rows[start : start + IDS_IN_A_QUERY]
            running = await self._running([row.workflow_id for row in some])
            for row in some:
                if row.unheard or row.workflow_id not in running:
                    await start_or_ring(self._client, row.workflow_id, row.workflow)
                    lost += 1
        return lost

    async def _running(self, ids: list[str]) -> set[str]:
        # An id that somebody chose with a quote in it is rung without a look: a ring does no harm.
        names = ", ".join(f"'{i}'" for i in ids if not set(i) & {"'", "\\"})
        if not names:
            return set()
        query = f"ExecutionStatus = 'Running' AND WorkflowId IN ({names})"
        return {execution.id async for execution in self._client.list_workflows(query)}

    @activity.defn(name="settle_time")
    def settle_time(self) -> dict[str, int]:
        """Post credits whose value date has come, and void holds that have expired; all of them, in chunks."""
        done = {"credits": "ledger_post_due_credits()", "holds": "ledger_expire_holds()"}
        return {name: self._repeat(function) for name, function in done.items()}

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
        with Session(self._engine) as session:
            seal = newest(psycopg_of(session))
        if seal is None:
            return 0
        if self._settings.seals is not None:
            keep(seal, self._settings.seals)
        return seal.id

    @activity.defn(name="check_book")
    def check(self) -> dict[str, int]:
        """Recompute every invariant; a breach is logged as an error and makes the step fail, for people to see."""
        with Session(self._engine) as session:
            results = ledger.checks.run_checks(psycopg_of(session))
        broken = {result.name: len(result.breaches) for result in results if result.breaches}
        if broken:
            log.error("the book is broken", **broken)
            raise ApplicationError(
                f"The book is broken: {broken}. Run `prepay ledger check`.", non_retryable=True
            )
        return {"invariants": len(results), "broken": 0}
