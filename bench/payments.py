"""Payments through the book's posting function, against pgbench's TPC-B on the same PostgreSQL.

Both run with 16 clients, prepared statements and durable commits, in turn. The payments connect as the
application's role: spread over 2,000 customers, and all of one customer. Each measurement begins with a
checkpoint, so that none pays for the pages that another has left to be written, and a warm-up.
"""

from statistics import median
from typing import Any

from bench.pgbench import (
    CLIENTS,
    CURRENCY,
    ENTITY,
    BenchDatabase,
    book_database,
    checkpoint,
    pgbench,
    tpcb_database,
)

NAME = "payments"
GOAL = 1.5
GOAL_ONE = 0.4
CUSTOMERS = 2_000
SECONDS = 8
WARM_UP_SECONDS = 2
SPREAD, ONE = "payments, 2,000 customers", "payments, one customer"

PAY = """\\set customer {customer}
SELECT ledger_pay('order-' || :client_id || '-' || extract(epoch FROM clock_timestamp()),
    'C-' || :customer, '{entity}', '{currency}', 1::bigint);
"""


def _script(customer: str) -> str:
    return PAY.format(customer=customer, entity=ENTITY, currency=CURRENCY)


def _run(server: BenchDatabase, url: str, script: str | None = None) -> float:
    arguments = (f"--client={CLIENTS}", "--jobs=2", "--protocol=prepared", "--no-vacuum")
    checkpoint(server)
    pgbench(url, *arguments, f"--time={WARM_UP_SECONDS}", script=script)
    return pgbench(url, *arguments, f"--time={SECONDS}", script=script).tps


def measure(server: BenchDatabase, rounds: int) -> list[dict[str, Any]]:
    """Transactions a second, ours and TPC-B's in turn; the medians of the rounds."""
    scripts = {SPREAD: _script(f"random(1, {CUSTOMERS})"), ONE: _script("1")}
    ours: dict[str, list[float]] = {name: [] for name in scripts}
    theirs: list[float] = []
    with tpcb_database(server) as tpcb_url, book_database(server, CUSTOMERS) as book:
        for _ in range(rounds):
            theirs.append(_run(server, tpcb_url))
            for name, script in scripts.items():
                ours[name].append(_run(server, book.app_url, script))
    return [
        {
            "name": name,
            "ours": round(median(ours[name])),
            "unit": "transactions/s",
            "against": "pgbench TPC-B, scale 50",
            "theirs": round(median(theirs)),
            "ratio": round(median(ours[name]) / median(theirs), 2),
            "goal": goal,
            "rounds": rounds,
        }
        for name, goal in ((SPREAD, GOAL), (ONE, GOAL_ONE))
    ]
