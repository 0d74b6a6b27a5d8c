"""A Prepay of one test: a database that has been set up, and workers on a Temporal."""

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import Engine
from sqlmodel import Session, select
from temporalio.client import Client

import activities.setup_file
from activities.bank_files import store
from activities.changes import ChangeInput, Changes, Decide, propose
from activities.database import reading
from activities.outbox import Outbox
from bankfiles.sample import Payment, Sheet, write_camt
from documents.pool import Renderer
from models import Operator
from prepay.changes import DecideChange
from prepay.client import PrepayClient
from settings import Settings
from tests.conftest import SETUP as SETUP  # noqa: PLC0414  (others take it from here)
from tests.conftest import connected, engine_of
from worker import make_workers

EUR_ACCOUNT = "NL07MOCK0000001001"
_WORKED_OFF = "SELECT FROM bank_file WHERE sha256 = %s AND stage NOT IN ('stored', 'read')"


@dataclass
class Office:
    """What a test uses of it."""

    client: PrepayClient
    temporal: Client
    engine: Engine
    options: Settings
    url: str
    forms: list[str] = field(default_factory=list)

    async def ring(self) -> int:
        """Do what the relay does, once."""
        return await Outbox(self.engine, self.temporal).ring_batch()

    async def deliver(self, *sheets: Sheet, kind: str = "camt.054") -> dict[str, Any]:
        """A file of the bank's comes in and is worked off; returns its row."""
        file = io.BytesIO()
        write_camt(file, sheets, format=kind)
        return await self.deliver_bytes(file.getvalue())

    async def deliver_bytes(self, content: bytes) -> dict[str, Any]:
        """The same for bytes."""
        sha256, _ = store(self.engine, content, "test.xml", "test")
        await self.ring()
        while not self.rows(_WORKED_OFF, sha256):  # noqa: ASYNC110  (PostgreSQL sets no event)
            await asyncio.sleep(0.05)
        await self.ring()
        return self.rows("SELECT * FROM bank_file WHERE sha256 = %s", sha256)[0]

    async def pay(self, *payments: Payment, account: str = EUR_ACCOUNT, currency: str = "EUR") -> None:
        """Payments arrive in one camt.054."""
        await self.deliver(Sheet(account=account, currency=currency, entries=payments))

    def rows(self, query: str, *given: Any) -> list[dict[str, Any]]:
        """Rows as the application's role sees them."""
        return connected(self.url).execute(query.encode(), given).fetchall()


def change_set_up(url: str, file: Path) -> None:
    """What a set-up file says, proposed by one operator and approved by another."""
    engine = engine_of(url)
    _, tables = activities.setup_file.read(file)
    with Session(engine) as session, session.begin():
        change = propose(session, ChangeInput(tables=tables, by="First Operator", reason="a test")).change
    decision = DecideChange(operator="Second Operator", reason="a test")
    assert not Changes(engine).decide(Decide(change=change, signal="approve", decision=decision)).refused


@asynccontextmanager
async def open_office(url: str, temporal: Client, **options: Any) -> AsyncIterator[Office]:
    """Workers on that Temporal and that database, until the end of the block."""
    engine = engine_of(url)
    if not _is_set_up(engine):
        activities.setup_file.apply(SETUP, url)
    wanted = Settings(database_url=url, **{"forms": "off", "attestation": "claim", **options})
    async with AsyncExitStack() as stack:
        renderer = await stack.enter_async_context(Renderer(processes=1))
        for worker in make_workers(temporal, engine, wanted, renderer):
            await stack.enter_async_context(worker)
        client = await stack.enter_async_context(await PrepayClient.connect(url, temporal))
        yield Office(client, temporal, engine, wanted, url)


def _is_set_up(engine: Engine) -> bool:
    with reading(engine) as session:
        return session.exec(select(Operator.id).limit(1)).first() is not None


def request_id() -> str:
    """A new one: the Temporal server is shared by the tests of a process."""
    return f"test-{uuid4()}"
