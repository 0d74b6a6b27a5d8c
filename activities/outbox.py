"""Ringing: from outbox rows to signals, with workflows started again where they have something left to do."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from typing import Any

import structlog
from sqlalchemy import Engine, text
from sqlmodel import Session
from temporalio import activity
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.service import RPCError, RPCStatusCode

from activities.bills import settle_bills
from activities.subjects import subjects
from prepay.ids import TASK_QUEUE

BATCH = 500
AT_ONCE = 32
IDLE_SECONDS = 0.2
SHIFT = timedelta(hours=1)
FULL = (RPCStatusCode.INVALID_ARGUMENT, RPCStatusCode.RESOURCE_EXHAUSTED)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Kind:
    """Workflows of one type, and which of some ids their rows still need: whoever starts one chooses its id."""

    workflow: str
    needed: str


KINDS = (
    Kind(
        "Deposit",
        "SELECT workflow_id FROM deposit WHERE workflow_id = ANY(:ids) AND live",
    ),
    Kind(
        "BankFile",
        "SELECT 'bank-file-' || sha256 FROM bank_file WHERE stage IN ('stored', 'read', 'held', 'alarm') AND sha256 IN"
        " (SELECT substr(id, 11) FROM unnest(CAST(:ids AS text[])) AS id WHERE id LIKE 'bank-file-%')",
    ),
    Kind(
        "PaymentFile",
        "SELECT 'payment-file-' || id FROM payment_file WHERE (ended_at IS NULL OR stage = 'written' OR NOT heard)"
        " AND id = ANY (ARRAY("
        "SELECT CAST(substr(id, 14) AS bigint) FROM unnest(CAST(:ids AS text[])) AS id"
        " WHERE id ~ '^payment-file-[1-9][0-9]{0,17}$'))",
    ),
    Kind("Freeze", "SELECT workflow_id FROM money_freeze WHERE ended_at IS NULL AND workflow_id = ANY(:ids)"),
    Kind(
        "Change",
        "SELECT 'change-' || id FROM change WHERE stage = 'proposed' AND 'change-' || id = ANY(:ids)",
    ),
    Kind(
        "Reassignment",
        "SELECT 'reassignment-' || id FROM credit_move WHERE stage = 'proposed' AND 'reassignment-' || id = ANY(:ids)",
    ),
    Kind(
        "Resolution",
        "SELECT 'resolution-' || id FROM bank_resolution WHERE stage = 'proposed' AND 'resolution-' || id = ANY(:ids)",
    ),
    Kind(
        "Receipt",
        "SELECT 'receipt-' || part_id FROM receipt WHERE (stage IN ('unapplied', 'returning') OR NOT heard)"
        " AND part_id = ANY (ARRAY("
        "SELECT CAST(substr(id, 9) AS bigint) FROM unnest(CAST(:ids AS text[])) AS id"
        " WHERE id ~ '^receipt-[1-9][0-9]{0,17}$'))",
    ),
    Kind(
        "Claim",
        "SELECT 'claim-' || id FROM claim WHERE (stage IN ('waiting', 'found') OR handled_version < version)"
        " AND id = ANY (ARRAY("
        "SELECT CAST(substr(id, 7) AS bigint) FROM unnest(CAST(:ids AS text[])) AS id"
        " WHERE id ~ '^claim-[1-9][0-9]{0,17}$'))",
    ),
    Kind(
        "Refund",
        "SELECT workflow_id FROM refund WHERE workflow_id = ANY(:ids)"
        " AND (ended_at IS NULL OR handled_version < version)",
    ),
    Kind(
        "Bill",
        "SELECT 'bill-' || id FROM bill WHERE (stage IN ('issued', 'part_paid') OR handled_version < version)"
        " AND id = ANY (ARRAY("
        "SELECT CAST(substr(id, 6) AS bigint) FROM unnest(CAST(:ids AS text[])) AS id"
        " WHERE id ~ '^bill-[1-9][0-9]{0,17}$'))",
    ),
    Kind(
        "VirtualAccountApplication",
        "SELECT 'virtual-account-' || id FROM virtual_account_application"
        " WHERE stage NOT IN ('closed', 'refused') AND 'virtual-account-' || id = ANY(:ids)",
    ),
)

_CLAIM = text("SELECT id, workflow_id FROM outbox ORDER BY id LIMIT :batch FOR UPDATE SKIP LOCKED")
_DONE = text("DELETE FROM outbox WHERE id = ANY(:ids)")


class Outbox:
    """The relay's activity."""

    def __init__(self, engine: Engine, client: Client) -> None:
        self._engine = engine
        self._client = client

    def all(self) -> list[Callable[..., Any]]:
        """What a worker registers."""
        return [self.ring]

    @activity.defn(name="ring_outbox")
    async def ring(self) -> int:
        """Ring until the shift is over; returns how many rows were worked off."""
        end, rung = monotonic() + SHIFT.total_seconds(), 0
        while monotonic() < end and not activity.is_worker_shutdown():
            activity.heartbeat(rung)
            batch = await self.ring_batch()
            rung += batch
            if not batch:
                await asyncio.sleep(IDLE_SECONDS)
        return rung

    async def ring_batch(self) -> int:
        """Ring for one batch of rows. They go only after the rings: dying in between rings twice, never not at all.

        Bills are settled first: what they ring goes into the same batch.
        """
        settled = await asyncio.to_thread(settle_bills, self._engine)
        return settled + await self._ring_rows()

    async def _ring_rows(self) -> int:
        session = await asyncio.to_thread(Session, self._engine)
        try:
            rows, needed = await asyncio.to_thread(self._claim, session)
            if not rows:
                return 0
            said = await asyncio.to_thread(subjects, session, needed)
            gate = asyncio.Semaphore(AT_ONCE)
            await asyncio.gather(
                *(self._ring_one(gate, *one, said.get(one[0], "")) for one in needed.items())
            )
            await asyncio.to_thread(self._finish, session, rows)
            return len(rows)
        finally:
            await asyncio.to_thread(session.close)

    def _claim(self, session: Session) -> tuple[list[int], dict[str, str]]:
        rows = session.execute(_CLAIM, {"batch": BATCH}).all()
        return [row[0] for row in rows], still_needed(session, sorted({row[1] for row in rows}))

    def _finish(self, session: Session, rows: list[int]) -> None:
        session.execute(_DONE, {"ids": rows})
        session.commit()

    async def _ring_one(self, gate: asyncio.Semaphore, workflow_id: str, workflow: str, subject: str) -> None:
        async with gate:
            await start_or_ring(self._client, workflow_id, workflow, subject)


def still_needed(session: Session, workflow_ids: Sequence[str]) -> dict[str, str]:
    """Those of the ids whose rows still have something to do, with the type of their workflow."""
    ids = list(workflow_ids)
    return {
        workflow_id: kind.workflow
        for kind in KINDS
        for workflow_id in session.execute(text(kind.needed), {"ids": ids}).scalars()
    }


async def start_or_ring(client: Client, workflow_id: str, workflow: str, subject: str = "") -> None:
    """Signal the workflow, and start it from its row where it does not run, under that subject.

    One that can take no more is left to the sweep, which rings again; any other failure is raised.
    """
    try:
        # Most that are rung are running, and a signal alone costs the server less than one with a start.
        await client.get_workflow_handle(workflow_id).signal("ring")
    except RPCError as error:
        if error.status == RPCStatusCode.NOT_FOUND:
            await _start_and_ring(client, workflow_id, workflow, subject)
        elif error.status in FULL:
            log.warning("ring refused", workflow_id=workflow_id, status=error.status.name)
        else:
            raise


async def _start_and_ring(client: Client, workflow_id: str, workflow: str, subject: str) -> None:
    await client.start_workflow(
        workflow,
        {"resume": workflow_id},
        id=workflow_id,
        task_queue=TASK_QUEUE,
        start_signal="ring",
        static_summary=subject or None,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
    )
