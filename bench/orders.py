"""`client.pay_order` at 16 connections, against pgbench's TPC-B with 16 clients on the same PostgreSQL, in turn.

Two processes pay through the Python client, as two instances of a service would, each with a pool of eight connections
and four callers for each of them, as the requests of a busy service are: what waits at the same moment goes together,
so a client has at most two statements on their way. Beside it, one caller for each connection. The clients' own work is
done on the same two cores as PostgreSQL's; TPC-B is driven by pgbench, which is written in C.
"""

import asyncio
import json
import random
import subprocess
import sys
import time
from statistics import median
from typing import Any, cast

import psycopg

from bench.payments import SECONDS, WARM_UP_SECONDS, _run
from bench.pgbench import CLIENTS, CURRENCY, ENTITY, BenchDatabase, book_database, checkpoint, tpcb_database

NAME = "orders"
GOAL, GOAL_ONE = 1.2, 0.4
CUSTOMERS = 2_000
PROCESSES, CALLERS = 2, 4
SPREAD, ONE = "pay_order, 2,000 customers", "pay_order, one customer"
FEW, FEW_ONE = f"{SPREAD}, 16 callers", f"{ONE}, 16 callers"
WANTED = {SPREAD: (CUSTOMERS, CALLERS), ONE: (1, CALLERS), FEW: (CUSTOMERS, 1), FEW_ONE: (1, 1)}
GOALS = {SPREAD: GOAL, ONE: GOAL_ONE, FEW: "beside", FEW_ONE: "beside"}

_CUSTOMERS = """
    INSERT INTO contracting_entity (code, legal_name, address, country, registration_id, time_zone, short_tolerance,
        apply_alone) VALUES (%(entity)s, 'ACME', '{}', 'DE', 'x', 'Europe/Berlin', '{}', '{}');
    INSERT INTO customer (number, legal_name, address, country, entity, currencies)
    SELECT 'C-' || n, 'C-' || n, '{}', 'DE', %(entity)s, ARRAY[%(currency)s] FROM generate_series(1, %(customers)s) n
"""


async def pay(url: str, customers: int, connections: int, callers: int, name: str) -> dict[str, Any]:
    """Pay for so many seconds on so many connections; how many orders, and how long each took in milliseconds."""
    from temporalio.client import Client

    from prepay.client import PrepayClient

    waits: list[float] = []
    warm = time.perf_counter() + WARM_UP_SECONDS
    end = warm + SECONDS

    async def one(client: PrepayClient, worker: int) -> None:
        chance = random.Random(f"{name}-{worker}")
        number = 0
        while (began := time.perf_counter()) < end:
            customer = f"C-{chance.randint(1, customers)}"
            number += 1
            await client.pay_order(f"{name}-{worker}-{number}", customer, "0.01", CURRENCY, product="Compute")
            if began >= warm:
                waits.append((time.perf_counter() - began) * 1000)

    # Nothing of it needs Temporal.
    async with await PrepayClient.connect(url, cast("Client", object()), connections=connections) as client:
        await asyncio.gather(*(one(client, worker) for worker in range(callers)))
    return {"orders": len(waits), "waits_ms": waits}


def _load(
    server: BenchDatabase, url: str, customers: int, callers: int, name: str
) -> tuple[float, list[float]]:
    checkpoint(server)
    connections = CLIENTS // PROCESSES
    numbers = [str(n) for n in (customers, connections, callers * connections)]
    command = [sys.executable, "-m", "bench.orders", url, *numbers]
    running = [
        subprocess.Popen([*command, f"{name}-{n}"], stdout=subprocess.PIPE, text=True)
        for n in range(PROCESSES)
    ]
    done = [json.loads(process.communicate()[0]) for process in running]
    waits = sorted(wait for one in done for wait in one["waits_ms"])
    return sum(one["orders"] for one in done) / SECONDS, waits


def measure(server: BenchDatabase, rounds: int) -> list[dict[str, Any]]:
    """Orders a second, ours and TPC-B's in turn; the medians of the rounds, and the wait of 99 of 100."""
    rates: dict[str, list[float]] = {name: [] for name in WANTED}
    waits: dict[str, list[float]] = {name: [] for name in WANTED}
    theirs: list[float] = []
    with tpcb_database(server) as tpcb_url, book_database(server, CUSTOMERS) as book:
        with psycopg.connect(book.app_url) as conn:
            given = {"entity": ENTITY, "currency": CURRENCY, "customers": CUSTOMERS}
            for statement in _CUSTOMERS.split(";"):
                conn.execute(statement.encode(), given)
        for number in range(rounds):
            theirs.append(_run(server, tpcb_url))
            for name, (customers, callers) in WANTED.items():
                run = f"{customers}-{callers}-{number}"
                rate, took = _load(server, book.app_url, customers, callers, run)
                rates[name].append(rate)
                waits[name].append(took[int(len(took) * 0.99)])
    results = []
    for name, goal in GOALS.items():
        results.append(
            {
                "name": name,
                "ours": round(median(rates[name])),
                "unit": "orders/s",
                "against": "pgbench TPC-B, scale 50",
                "theirs": round(median(theirs)),
                "ratio": round(median(rates[name]) / median(theirs), 2),
                "goal": goal,
                "rounds": rounds,
            }
        )
        results.append(_waits(name, median(waits[name]), rounds))
    return results


def _waits(name: str, p99: float, rounds: int) -> dict[str, Any]:
    shown = {"name": f"{name}, p99", "ours": round(p99, 1), "unit": "ms", "against": "nothing"}
    return {**shown, "theirs": None, "ratio": None, "goal": "printed", "rounds": rounds}


if __name__ == "__main__":
    target, customers_of, connections_of, callers_of, prefix = sys.argv[1:]
    paid = pay(target, int(customers_of), int(connections_of), int(callers_of), prefix)
    print(json.dumps(asyncio.run(paid)))
