"""50 clients spend one balance to zero, a thousand times: to the cent, never below.

Each client has a connection of its own, and pays orders of a few cents until it is told that nothing is available.
"""

import asyncio
import random
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, cast

import psycopg
from temporalio.client import Client

import activities.setup_file
import migrations
from bench.pgbench import BenchDatabase, fresh_database
from ledger import postings
from ledger.checks import run_checks
from ledger.events import Credit, Receipt
from prepay.client import InsufficientBalance, PrepayClient

NAME = "last_cent"
CLIENTS, ROUNDS = 50, 1_000
CENTS = 1_000
CUSTOMER = "C-1001"
PLACE: dict[str, Any] = {"entity": "nimbus-eu", "currency": "EUR"}
SETUP = Path(__file__).resolve().parent.parent / "examples" / "setup.toml"


async def spend_all(url: str, clients: int, rounds: int) -> tuple[int, list[int]]:
    """How many orders were paid, and what was paid more or less than there was in each round."""
    orders, off = 0, []
    async with AsyncExitStack() as stack:
        # Nothing of it needs Temporal.
        opened = [
            await stack.enter_async_context(
                await PrepayClient.connect(url, cast("Client", object()), connections=1)
            )
            for _ in range(clients)
        ]
        with psycopg.connect(url, autocommit=True) as conn:
            for number in range(rounds):
                _give(conn, number)
                paid = await asyncio.gather(
                    *(_spend(client, f"{number}-{n}") for n, client in enumerate(opened))
                )
                [left] = postings.balances(conn, CUSTOMER)
                off.append(sum(map(sum, paid)) - CENTS + left.available_minor + left.held_minor)
                orders += sum(map(len, paid))
    return orders, off


def _give(conn: postings.Connection, number: int) -> None:
    key, money = f"r{number}", {**PLACE, "amount_minor": CENTS}
    postings.receive_many(conn, [Receipt(key=key, account="GIRO", **money)])
    postings.credit_many(conn, [Credit(key=f"{key}+", source=key, customer=CUSTOMER, **money)])


async def _spend(client: PrepayClient, name: str) -> list[int]:
    """What one client paid, until nothing is available."""
    chance, paid, wanted = random.Random(name), [], 0
    for number in range(CENTS):
        wanted = wanted or chance.randint(1, 40)
        try:
            await client.pay_order(f"{name}-{number}", CUSTOMER, f"0.{wanted:02}", "EUR", product="Compute")
        except InsufficientBalance as refused:
            if refused.available_minor == 0:
                break
            wanted = min(wanted, refused.available_minor)
            continue
        paid.append(wanted)
        wanted = 0
    return paid


def measure(server: BenchDatabase, rounds: int) -> list[dict[str, Any]]:
    """A thousand rounds, however many are asked for: it proves more than it measures."""
    with fresh_database(server, "bench_last_cent") as database:
        migrations.upgrade(database.owner_url)
        activities.setup_file.apply(SETUP, database.app_url)
        began = time.monotonic()
        orders, off = asyncio.run(spend_all(database.app_url, CLIENTS, ROUNDS))
        took = time.monotonic() - began
        with psycopg.connect(database.app_url) as conn:
            breaches = sum(len(check.breaches) for check in run_checks(conn))
    name = f"{CLIENTS} clients, one balance to zero, {len(off):,} rounds"
    return [
        _row(f"{name}: cents too many or too few", sum(map(abs, off)), "cents", "0"),
        _row("orders paid", orders / took, "orders/s", "printed"),
        _row("breaches of invariants", breaches, "breaches", "0"),
    ]


def _row(name: str, ours: float, unit: str, goal: str) -> dict[str, Any]:
    shown = {"name": name, "ours": ours, "unit": unit, "against": "nothing", "theirs": None}
    return {**shown, "ratio": None, "goal": goal, "rounds": 1}
