"""How long the statement of a busy month takes, from the request's row to the PDF."""

import asyncio
from statistics import median
from time import perf_counter
from typing import Any

import psycopg

from activities.database import make_engine
from activities.statements import Statements
from bench.bank_office import CURRENCY
from bench.movements import CUSTOMER, last_month, moved
from bench.pgbench import BenchDatabase
from documents.pool import Renderer
from documents.statement import read_paper
from prepay.statements import StatementRequest

MOVEMENTS = 10_000
MAX_SECONDS = 20


def measure(server: BenchDatabase, rounds: int) -> list[dict[str, Any]]:
    """A month of so many movements, issued and drawn as the workers do it; the medians of the rounds."""
    issuing, drawing = [], []
    with moved(server, "bench_statement", MOVEMENTS) as database:
        for number in range(rounds):
            issued, drawn = asyncio.run(_measure(database, number))
            issuing.append(issued)
            drawing.append(drawn)
    together = median(a + b for a, b in zip(issuing, drawing, strict=True))
    return [
        _row(f"statement of a month with {MOVEMENTS:,} movements", together, rounds),
        _row("of this, fixing what it says", median(issuing), rounds),
        _row("of this, drawing it", median(drawing), rounds),
    ]


async def _measure(database: BenchDatabase, number: int) -> tuple[float, float]:
    # Each round asks for another last day, else the first one's statement would be given again.
    first, last = last_month()
    as_of = last.replace(day=last.day - 1 - number % 20) if number else None
    request = StatementRequest(customer=CUSTOMER, currency=CURRENCY, period=f"{first:%Y-%m}", as_of=as_of)
    engine = make_engine(database.app_url, 1)
    async with Renderer(processes=1) as renderer:
        began = perf_counter()
        issued = await asyncio.to_thread(Statements(engine).issue, request)
        read = perf_counter()
        with psycopg.connect(database.app_url) as connection:
            query = "SELECT content FROM document WHERE id = %s"
            [content] = connection.execute(query, [issued.document_id]).fetchone() or [b""]
        await renderer.render(read_paper(content))
        done = perf_counter()
    engine.dispose()
    return read - began, done - read


def _row(name: str, seconds: float, rounds: int) -> dict[str, Any]:
    return {
        "name": name,
        "ours": round(seconds, 2),
        "unit": "s, less is better",
        "against": "what we ask for",
        "theirs": MAX_SECONDS,
        "ratio": round(seconds / MAX_SECONDS, 2),
        "goal": "<= 1",
        "rounds": rounds,
    }
