"""Whether a customer's balance and newest records take longer where there are more movements."""

import asyncio
from collections.abc import Awaitable, Callable
from statistics import median
from time import perf_counter
from typing import Any

from bench.bank_office import CURRENCY
from bench.movements import CUSTOMER, moved
from bench.pgbench import BenchDatabase
from prepay.client import PrepayClient

FEW, MANY = 10_000, 5_000_000
TIMES = 200
MAX_RATIO = 1.3


def measure(server: BenchDatabase, rounds: int) -> list[dict[str, Any]]:
    """The same look-ups through the client where there are few movements and where there are many, in turn."""
    with moved(server, "bench_moved_few", FEW) as few, moved(server, "bench_moved_many", MANY) as many:
        return asyncio.run(_measure(few, many, rounds))


async def _measure(few: BenchDatabase, many: BenchDatabase, rounds: int) -> list[dict[str, Any]]:
    async with (
        await PrepayClient.connect(few.app_url) as small,
        await PrepayClient.connect(many.app_url) as large,
    ):
        times: dict[str, tuple[list[float], list[float]]] = {}
        for number in range(rounds + 1):  # the first warms both
            for _ in range(TIMES):
                for side, client in enumerate((large, small)):
                    for what, look in _looks(client).items():
                        seconds = await _timed(look)
                        if number:
                            times.setdefault(what, ([], []))[side].append(seconds * 1000)
    return [_row(what, median(ours), median(theirs), rounds) for what, (ours, theirs) in times.items()]


def _looks(client: PrepayClient) -> dict[str, Callable[[], Awaitable[Any]]]:
    return {
        "balance": lambda: client.balance(CUSTOMER),
        "first page of records": lambda: client.records(CUSTOMER),
        "the same, payments of a currency": lambda: client.records(
            CUSTOMER, only={"kinds": ["payment"], "currency": CURRENCY}
        ),
    }


async def _timed(look: Callable[[], Awaitable[Any]]) -> float:
    began = perf_counter()
    await look()
    return perf_counter() - began


def _row(what: str, ours: float, theirs: float, rounds: int) -> dict[str, Any]:
    return {
        "name": f"{what}, {MANY:,} movements",
        "ours": round(ours, 3),
        "unit": "ms, less is better",
        "against": f"{FEW:,} movements",
        "theirs": round(theirs, 3),
        "ratio": round(ours / theirs, 2),
        "goal": f"<= {MAX_RATIO}",
        "rounds": rounds,
    }
