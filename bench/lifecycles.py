"""Whole deposits a second, SQL included, against an empty workflow that waits for one signal."""

import asyncio
import io
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import monotonic, sleep
from typing import Any
from uuid import uuid4

import psycopg
from temporalio.client import Client, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import PollerBehaviorAutoscaling, Worker

import activities.setup_file
import migrations
from activities.bank_files import store
from activities.database import make_engine
from bankfiles.sample import Payment, Sheet, write_camt
from bench import waiting
from bench.empty_workflow import Empty
from bench.pgbench import BenchDatabase, fresh_database
from documents.pool import Renderer
from embedded.temporal import TemporalServer
from prepay.ids import TASK_QUEUE, deposit_workflow_id
from sandbox import workflow_runner
from settings import Settings
from worker import engine_for, make_workers, settle
from workflows.relay import Relay

LIFECYCLES = 1000
AT_ONCE = 64
POLL_SECONDS = 0.05
FILE_SECONDS = 1.0
GOAL = ">= 0.6"
SETUP = Path(__file__).resolve().parent.parent / "examples" / "setup.toml"


def measure(server: BenchDatabase, rounds: int) -> list[dict[str, Any]]:
    """Both on the same Temporal, in turn, from the first start to the last end."""
    with fresh_database(server, "bench_lifecycles") as database, TemporaryDirectory() as folder:
        migrations.upgrade(database.owner_url)
        temporal = TemporalServer(Path(folder), ui=False)
        temporal.start()
        try:
            return asyncio.run(_measure(database.app_url, temporal.address, rounds))
        finally:
            temporal.stop()


async def _measure(url: str, address: str, rounds: int) -> list[dict[str, Any]]:
    client = await Client.connect(address, data_converter=pydantic_data_converter)
    options = Settings(database_url=url, forms="off")
    activities.setup_file.apply(SETUP, url)
    ours: list[float] = []
    theirs: list[float] = []
    async with AsyncExitStack() as stack:
        renderer = await stack.enter_async_context(Renderer(processes=1))
        for worker in make_workers(client, engine_for(options), options, renderer):
            await stack.enter_async_context(worker)
        polling = PollerBehaviorAutoscaling(initial=2, maximum=16)
        empty = Worker(
            client,
            task_queue="empty",
            workflows=[Empty],
            activity_executor=ThreadPoolExecutor(1),
            workflow_runner=workflow_runner(),
            workflow_task_poller_behavior=polling,
        )
        await stack.enter_async_context(empty)
        relay = await client.start_workflow(Relay.run, id="relay", task_queue=TASK_QUEUE)
        await _deposits(client, url)  # a warm-up of both
        await _empties(client)
        settle()
        for _ in range(rounds):
            ours.append(await _deposits(client, url))
            theirs.append(await _empties(client))
        events = await _events(client)
        await relay.terminate()
    ours_median, theirs_median = median(ours), median(theirs)
    row = {
        "name": "lifecycles",
        "ours": ours_median,
        "unit": "lifecycles/s",
        "against": "empty workflow, one signal",
        "theirs": theirs_median,
        "ratio": ours_median / theirs_median,
        "goal": GOAL,
        "rounds": rounds,
    }
    return [row, _events_row(events, rounds)]


def _events_row(events: tuple[int, int], rounds: int) -> dict[str, Any]:
    return {
        "name": "events a lifecycle",
        "ours": events[0],
        "unit": "events",
        "against": "empty workflow, one signal",
        "theirs": events[1],
        "ratio": events[0] / events[1],
        "goal": "<= 20 events",
        "rounds": rounds,
    }


async def _events(client: Client) -> tuple[int, int]:
    counts = []
    for kind in ("Deposit", "Empty"):
        listed = client.list_workflows(f"WorkflowType = '{kind}' AND ExecutionStatus = 'Completed'", limit=20)
        counts.append(int(median([e.history_length async for e in listed])))
    return counts[0], counts[1]


async def _at_once(work: Callable[[int], Awaitable[Any]]) -> list[Any]:
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> Any:
        async with gate:
            return await work(number)

    return await asyncio.gather(*(one(number) for number in range(LIFECYCLES)))


async def _empties(client: Client) -> float:
    """Signalled when all of them wait, as deposits do when their money comes."""
    began, batch, all_wait = monotonic(), uuid4(), waiting.count() + LIFECYCLES

    async def start(number: int) -> WorkflowHandle[Any, Any]:
        return await client.start_workflow(Empty.run, id=f"empty-{batch}-{number}", task_queue="empty")

    handles = await _at_once(start)
    while waiting.count() < all_wait:  # noqa: ASYNC110  (it is counted in the workflows' threads)
        await asyncio.sleep(POLL_SECONDS / 10)
    await _at_once(lambda number: handles[number].signal("ring"))
    await _at_once(lambda number: handles[number].result())
    return LIFECYCLES / (monotonic() - began)


async def _deposits(client: Client, url: str) -> float:
    """Requests started as any service would, paid by files of the bank, rung by the relay."""
    began, batch = monotonic(), uuid4()

    async def start(number: int) -> WorkflowHandle[Any, Any]:
        request_id = f"{batch}-{number}"
        request = {
            "customer": "C-1001",
            "request_id": request_id,
            "amount": "10.00",
            "currency": "EUR",
            "product": "Compute",
        }
        workflow_id = deposit_workflow_id("C-1001", request_id)
        return await client.start_workflow("Deposit", request, id=workflow_id, task_queue=TASK_QUEUE)

    paying = asyncio.create_task(asyncio.to_thread(_pay, url, str(batch)))
    handles = await _at_once(start)
    await paying
    await _at_once(lambda number: handles[number].result())
    return LIFECYCLES / (monotonic() - began)


def _pay(url: str, batch: str) -> None:
    """The bank's files come while requests still do: each pays what was issued since the last."""
    paid: set[str] = set()
    engine = make_engine(url, 1)
    with psycopg.connect(url, autocommit=True) as connection:
        while len(paid) < LIFECYCLES:
            sleep(FILE_SECONDS)
            found = connection.execute(
                "SELECT reference FROM deposit WHERE request_id LIKE %s", (batch + "%",)
            )
            issued = {reference for (reference,) in found} - paid
            if issued:
                store(engine, _file(sorted(issued)), f"{batch}-{len(paid)}.xml", "bench")
                paid |= issued
    engine.dispose()


def _file(references: list[str]) -> bytes:
    payments = [Payment(amount_minor=1000, structured=reference) for reference in references]
    today = datetime.now(UTC).date()
    file = io.BytesIO()
    write_camt(
        file, [Sheet(account="NL07MOCK0000001001", currency="EUR", entries=payments, created_on=today)]
    )
    return file.getvalue()
