"""Open bills of one customer when a deposit arrives: settled the oldest first, each once, killed in the middle too.

The first part has no Temporal: 10,000 bills are issued, money for some of them comes, and processes that settle are
killed with -9 one after the other until one is let finish. Then every payment's order and all invariants are looked at.
The second part has one, with fewer bills: how many events a bill's workflow takes from its issue to its end.
"""

import asyncio
import subprocess
import sys
import time
from contextlib import AsyncExitStack
from datetime import date
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

import activities.setup_file
import migrations
from bench.pgbench import BenchDatabase, fresh_database
from documents.pool import Renderer
from embedded.temporal import TemporalServer
from ledger import bills, postings
from ledger.checks import run_checks
from ledger.events import Credit, Receipt
from prepay.ids import TASK_QUEUE
from settings import Settings
from worker import engine_for, make_workers
from workflows.relay import Relay

NAME = "bills"
BILLS, WITH_WORKFLOWS = 10_000, 200
KILLS = 8
KILLED_AFTER = 0.05
CUSTOMER = "C-1001"
PLACE: dict[str, Any] = {"entity": "nimbus-eu", "currency": "EUR"}
SETUP = Path(__file__).resolve().parent.parent / "examples" / "setup.toml"

_PAID = """
    SELECT b.id, b.amount_minor, t.amount_minor FROM ledger_transfer t
    JOIN (SELECT DISTINCT transfer_id, bill_id FROM bill_payment) p ON p.transfer_id = t.id
    JOIN bill b ON b.id = p.bill_id ORDER BY t.id
"""
_TERMINATE = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE '%%ledger_settle_bills%%'
"""


class OutOfOrder(RuntimeError):
    """A bill was paid before an older one was paid in full, or twice."""


def issue(conn: postings.Connection, number: int) -> int:
    """So many bills of two lines each; what they come to."""
    total = 0
    for n in range(number):
        lines = [bills.Line("Compute", 100 + n % 7), bills.Line("Storage", 50 + n % 3)]
        bills.issue(
            conn, number=f"B-{n}", customer=CUSTOMER, currency="EUR", due_on=date(2999, 1, 1), lines=lines
        )
        total += sum(line.amount_minor for line in lines)
    return total


def money_comes(conn: postings.Connection, amount_minor: int) -> None:
    """A deposit on the customer's balance."""
    receipt = Receipt(key="r", account="GIRO", amount_minor=amount_minor, **PLACE)
    postings.receive_many(conn, [receipt])
    credit = Credit(key="r+", source="r", customer=CUSTOMER, amount_minor=amount_minor, **PLACE)
    postings.credit_many(conn, [credit])


def settle_all(url: str) -> None:
    """As the relay does: a chunk a transaction, until nothing is left."""
    with psycopg.connect(url) as conn:
        print("ready", flush=True)
        while bills.settle(conn, limit=100):
            conn.commit()


def settle_and_kill(url: str, kills: int) -> tuple[int, float]:
    """How many were killed in the middle, and the seconds of those that worked."""
    killed, began = 0, 0.0
    while True:
        command = [sys.executable, "-m", "bench.bills", url]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        process.stdout.readline()
        started = time.monotonic()
        if killed < kills:
            time.sleep(KILLED_AFTER)
            process.kill()
            killed += process.wait() < 0
            _end_backends(url)
        else:
            process.wait()
        process.stdout.close()
        began += time.monotonic() - started
        with psycopg.connect(url) as conn:
            left = conn.execute("SELECT FROM bill_queue").fetchall()
        if not left:
            return killed, began


def _end_backends(url: str) -> None:
    """What the killed process had asked for ends with it."""
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(_TERMINATE.replace("%%", "%").encode())


def in_order(conn: postings.Connection) -> int:
    """How many bills were paid in full. Raises OutOfOrder."""
    paid: dict[int, int] = {}
    amounts: dict[int, int] = {}
    for bill, amount, part in conn.execute(_PAID):
        if paid and bill != max(paid) and paid[max(paid)] != amounts[max(paid)]:
            raise OutOfOrder
        if bill < max(paid, default=0):
            raise OutOfOrder
        amounts[bill] = amount
        paid[bill] = paid.get(bill, 0) + part
    return sum(paid[bill] == amounts[bill] for bill in paid)


def measure(server: BenchDatabase, rounds: int) -> list[dict[str, Any]]:
    """Both parts, once: they prove more than they measure."""
    with fresh_database(server, "bench_bills") as database:
        migrations.upgrade(database.owner_url)
        activities.setup_file.apply(SETUP, database.app_url)
        with psycopg.connect(database.app_url) as conn:
            total = issue(conn, BILLS)
            conn.execute("DELETE FROM outbox")
            money_comes(conn, total * 6 // 10)
        killed, seconds = settle_and_kill(database.app_url, KILLS)
        with psycopg.connect(database.app_url) as conn:
            full = in_order(conn)
            breaches = sum(len(check.breaches) for check in run_checks(conn))
    return [
        _row(f"{BILLS:,} bills, settled, processes killed: {killed}", full / seconds, "bills/s", "printed"),
        _row("paid in full, in order and once", full, "bills", "all that the money pays"),
        _row("breaches of invariants", breaches, "breaches", "0"),
        *_with_workflows(server),
    ]


def _row(name: str, ours: float, unit: str, goal: str) -> dict[str, Any]:
    shown = {"name": name, "ours": ours, "unit": unit, "against": "nothing", "theirs": None}
    return {**shown, "ratio": None, "goal": goal, "rounds": 1}


def _with_workflows(server: BenchDatabase) -> list[dict[str, Any]]:
    with fresh_database(server, "bench_bills") as database, TemporaryDirectory() as folder:
        migrations.upgrade(database.owner_url)
        activities.setup_file.apply(SETUP, database.app_url)
        temporal = TemporalServer(Path(folder), ui=False)
        temporal.start()
        try:
            return asyncio.run(_events(database.app_url, temporal.address))
        finally:
            temporal.stop()


async def _events(url: str, address: str) -> list[dict[str, Any]]:
    client = await Client.connect(address, data_converter=pydantic_data_converter)
    options = Settings(database_url=url, forms="off")
    async with AsyncExitStack() as stack:
        renderer = await stack.enter_async_context(Renderer(processes=1))
        for worker in make_workers(client, engine_for(options), options, renderer):
            await stack.enter_async_context(worker)
        relay = await client.start_workflow(Relay.run, id="relay", task_queue=TASK_QUEUE)
        with psycopg.connect(url) as conn:
            total = issue(conn, WITH_WORKFLOWS)
        await _until(client, "Stage = 'issued'")
        began = time.monotonic()
        with psycopg.connect(url) as conn:
            money_comes(conn, total)
        await _until(client, "ExecutionStatus = 'Completed'")
        took = time.monotonic() - began
        lengths = [e.history_length async for e in client.list_workflows("WorkflowType = 'Bill'")]
        await relay.terminate()
    return [
        _row(f"{WITH_WORKFLOWS} bills with their workflows, paid and ended", took, "s", "printed"),
        _row("events of a bill", median(lengths), "events", "printed"),
    ]


async def _until(client: Client, where: str) -> None:
    while (await client.count_workflows(f"WorkflowType = 'Bill' AND {where}")).count < WITH_WORKFLOWS:  # noqa: ASYNC110
        await asyncio.sleep(0.1)


if __name__ == "__main__":
    settle_all(sys.argv[1])
