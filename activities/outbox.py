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

from prepay.ids import TASK_QUEUE

BATCH = 500
AT_ONCE = 32
IDLE_SECONDS = 0.2
SHIFT = timedelta(hours=1)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Kind:
    """Workflows of one type: how their ids begin, and which of some ids still have something to do."""

    prefix: str
    workflow: str
    needed: str


KINDS = (
    Kind(
        "deposit-",
        "Deposit",
        "SELECT workflow_id FROM deposit WHERE workflow_id = ANY(:ids)"
        " AND (stage IN ('issued', 'part_paid') OR handled_version < version)",
    ),
    Kind(
        "bank-file-",
        "BankFile",
        "SELECT 'bank-file-' || sha256 FROM bank_file WHERE sha256 = ANY(:hashes)"
        " AND stage IN ('stored', 'read', 'held')",
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
        """Ring for one batch of rows. They go only after the rings: dying in between rings twice, never not at all."""
        session = await asyncio.to_thread(Session, self._engine)
        try:
            rows, needed = await asyncio.to_thread(self._claim, session)
            if not rows:
                return 0
            gate = asyncio.Semaphore(AT_ONCE)
            await asyncio.gather(*(self._ring_one(gate, workflow_id) for workflow_id in needed))
            await asyncio.to_thread(self._finish, session, rows)
            return len(rows)
        finally:
            await asyncio.to_thread(session.close)

    def _claim(self, session: Session) -> tuple[list[int], list[str]]:
        rows = session.execute(_CLAIM, {"batch": BATCH}).all()
        return [row[0] for row in rows], still_needed(session, sorted({row[1] for row in rows}))

    def _finish(self, session: Session, rows: list[int]) -> None:
        session.execute(_DONE, {"ids": rows})
        session.commit()

    async def _ring_one(self, gate: asyncio.Semaphore, workflow_id: str) -> None:
        async with gate:
            try:
                await start_or_ring(self._client, workflow_id)
            except RPCError as error:
                # A workflow that can take no more is left to the sweep; anything else is tried again.
                if error.status not in (RPCStatusCode.INVALID_ARGUMENT, RPCStatusCode.RESOURCE_EXHAUSTED):
                    raise
                log.warning("ring refused", workflow_id=workflow_id, status=error.status.name)


def kind_of(workflow_id: str) -> Kind | None:
    """The kind by how the id begins."""
    return next((kind for kind in KINDS if workflow_id.startswith(kind.prefix)), None)


def still_needed(session: Session, workflow_ids: Sequence[str]) -> list[str]:
    """Those of the ids whose rows still have something to do."""
    needed: list[str] = []
    for kind in KINDS:
        ids = [i for i in workflow_ids if i.startswith(kind.prefix)]
        if ids:
            given = (
                {"ids": ids}
                if ":ids" in kind.needed
                else {"hashes": [i.removeprefix(kind.prefix) for i in ids]}
            )
            needed += session.execute(text(kind.needed), given).scalars().all()
    return needed


async def start_or_ring(client: Client, workflow_id: str) -> None:
    """Signal the workflow, and start it from its row where it does not run."""
    kind = kind_of(workflow_id)
    if kind is None:
        log.error("no workflow begins like this", workflow_id=workflow_id)
        return
    await client.start_workflow(
        kind.workflow,
        {"resume": workflow_id},
        id=workflow_id,
        task_queue=TASK_QUEUE,
        start_signal="ring",
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
    )
