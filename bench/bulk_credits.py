"""Credits in chunks of 1,000 while payments go on: how many a second, and how long the payments wait.

The payments come at a steady rate from clients of their own; the wait of a payment that could not start in time
counts. There is no other side: both figures are measured against what we ask of the book.
"""

from concurrent.futures import ThreadPoolExecutor
from math import ceil
from statistics import median
from time import perf_counter
from typing import Any

import psycopg

from bench.payments import CUSTOMERS, _script
from bench.pgbench import BenchDatabase, book_database, credits, pgbench, receive, settle
from ledger import postings
from ledger.events import Credit

NAME = "bulk-credits"
GOAL = 1.0
CREDITS_PER_SECOND = 20_000
WAIT_MS = 50
CHUNK, CHUNKS = 1_000, 100
PAYMENTS_PER_SECOND, CLIENTS = 200, 4


def _chunks(conn: postings.Connection, round_number: int) -> list[list[Credit]]:
    """Book the receipts of a round and answer their credits, each chunk over other customers."""
    chunks = []
    for chunk in range(CHUNKS):
        names = [f"{round_number}-{chunk}-{n}" for n in range(CHUNK)]
        receive(conn, names, 100)
        customers = [f"C-{1 + (chunk * 7 + n * 13) % CUSTOMERS}" for n in range(CHUNK)]
        chunks.append(credits(names, customers, 100))
    conn.commit()
    return chunks


def _payments(url: str) -> list[float]:
    seconds = ceil(CHUNKS * CHUNK / CREDITS_PER_SECOND) + 1
    arguments = (f"--client={CLIENTS}", "--protocol=prepared", "--no-vacuum", f"--time={seconds}")
    run = pgbench(
        url, *arguments, f"--rate={PAYMENTS_PER_SECOND}", script=_script(f"random(1, {CUSTOMERS})"), log=True
    )
    return sorted(run.latencies_ms)


def _round(book: BenchDatabase, number: int) -> tuple[float, float]:
    """Credits a second, and the wait in milliseconds that 99 of 100 payments stay under."""
    with psycopg.connect(book.app_url) as conn, ThreadPoolExecutor(1) as pool:
        chunks = _chunks(conn, number)
        settle(book)
        payments = pool.submit(_payments, book.app_url)
        began = perf_counter()
        for chunk in chunks:
            postings.credit_many(conn, chunk)
            conn.commit()
        took = perf_counter() - began
        waits = payments.result()
        return CHUNK * CHUNKS / took, waits[int(len(waits) * 0.99)]


def measure(server: BenchDatabase, rounds: int) -> list[dict[str, Any]]:
    """The medians of the rounds."""
    with book_database(server, CUSTOMERS) as book:
        results = [_round(book, number) for number in range(rounds)]
    rate, wait = (median(values) for values in zip(*results, strict=True))
    return [
        {
            "name": "bulk credits",
            "ours": round(rate),
            "unit": "credits/s",
            "against": "what we ask for",
            "theirs": CREDITS_PER_SECOND,
            "ratio": round(rate / CREDITS_PER_SECOND, 2),
            "goal": GOAL,
            "rounds": rounds,
        },
        {
            "name": "payments meanwhile, p99",
            "ours": round(wait, 1),
            "unit": "ms, less is better",
            "against": "what we ask for",
            "theirs": WAIT_MS,
            "ratio": round(WAIT_MS / wait, 2),
            "goal": GOAL,
            "rounds": rounds,
        },
    ]
