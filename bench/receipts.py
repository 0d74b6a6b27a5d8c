"""Money without an owner: whether lists and searches take longer where there is more, and how fast it is opened.

The search of a claim is what a customer waits for; opening is a workflow for each receipt, with its candidates.
"""

import asyncio
import io
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from sqlalchemy import Engine, text
from sqlmodel import Session
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from activities.bank_files import BankFiles, store
from activities.bank_receipts import FIND_FOR_CLAIMS
from activities.database import make_engine, psycopg_of
from activities.outbox import Outbox
from activities.receipt_candidates import candidates
from activities.receipt_list import counts, page
from bankfiles.sample import Payment, Sheet, write_camt
from bench.bank_office import ACCOUNT, CURRENCY, CUSTOMER, TODAY, office
from bench.pgbench import BenchDatabase, settle
from documents.pool import Renderer
from embedded.temporal import TemporalServer
from settings import Settings
from worker import engine_for, make_workers

FEW, MANY = 500, 20_000
DEPOSITS = 1_000
TIMES = 30
MAX_RATIO, MAX_COUNTS_MS = 1.5, 200
FIRST_MINOR = 10_000

_PAGE = {"entity": None, "currency": None, "age": 0, "after": 0, "limit": 50}
_CLAIM = """
    INSERT INTO claim (customer_id, request_id, content_hash, amount_minor, currency, paid_on, payer_account)
    SELECT id, 'bench', '', %(amount_minor)s, %(currency)s, %(paid_on)s, %(account)s FROM customer
    WHERE number = %(customer)s RETURNING id
"""


class NotFound(RuntimeError):
    """What was measured is not what was wanted."""

    def __init__(self, what: str) -> None:
        super().__init__(f"The bench must learn anew what it measures: {what}.")


def measure(server: BenchDatabase, rounds: int) -> list[dict[str, Any]]:
    """The same look-ups where few receipts are open and where many are, in turn; the medians of the rounds."""
    few: list[dict[str, float]] = []
    many: list[dict[str, float]] = []
    with (
        _receipts(server, "bench_receipts_few", FEW) as (small, _),
        _receipts(server, "bench_receipts_many", MANY) as (large, posted),
    ):
        for _ in range(rounds + 1):  # the first warms both
            few.append(_look_up(small, FEW))
            many.append(_look_up(large, MANY))
        opened = asyncio.run(_open(small))
    ours, theirs = ({name: median(t[name] for t in times[1:]) for name in times[0]} for times in (many, few))
    rows = [_row(name, ours[name], "ms, less is better", f"{FEW:,}", theirs[name], f"<= {MAX_RATIO}", rounds)
            for name in ("first page of the list", "search of a claim", "candidates of one")]  # fmt: skip
    goal = f"<= {MAX_COUNTS_MS} ms"
    return [
        *rows,
        _row("counts", ours["counts"], "ms, less is better", f"{FEW:,}", theirs["counts"], goal, rounds),
        _row("posted with their entries", posted, "receipts/s", "nothing", None, "printed", 1),
        _row("opened, workflows and all", opened, "receipts/s", "nothing", None, "printed", 1, among=FEW),
    ]


def _row(
    what: str,
    ours: float,
    unit: str,
    against: str,
    theirs: float | None,
    goal: str,
    rounds: int,
    *,
    among: int = MANY,
) -> dict[str, Any]:
    return {
        "name": f"{among:,} receipts, {what}",
        "ours": round(ours, 2),
        "unit": unit,
        "against": against,
        "theirs": None if theirs is None else round(theirs, 2),
        "ratio": None if theirs is None else round(ours / theirs, 2),
        "goal": goal,
        "rounds": rounds,
    }


@contextmanager
def _receipts(server: BenchDatabase, name: str, number: int) -> Iterator[tuple[BenchDatabase, float]]:
    """A database with as many receipts, each of an amount and a payer of its own, and how many a second were posted."""
    with office(server, name, DEPOSITS) as database:
        engine = make_engine(database.app_url, 4)
        file = io.BytesIO()
        write_camt(file, [Sheet(ACCOUNT, CURRENCY, map(_payment, range(number)), closing_minor=0)])
        began = perf_counter()
        sha256, _ = store(engine, file.getvalue(), "bench.xml", "inbox")
        files = BankFiles(engine)
        files.read(sha256)
        state = files.post(sha256)
        rate = number / (perf_counter() - began)
        engine.dispose()
        if state.unapplied != number:
            raise NotFound(f"{state.unapplied} of {number} payments are unapplied, the file is {state.stage}")
        settle(database)
        yield database, rate


def _payment(n: int) -> Payment:
    return Payment(
        FIRST_MINOR + n,
        f"R-{n}",
        free=("your invoice",),
        payer_name=f"Payer {n} Ltd",
        payer_account=f"PAYER{n:08d}",
    )


def _look_up(database: BenchDatabase, number: int) -> dict[str, float]:
    """The milliseconds of each."""
    engine = make_engine(database.app_url, 1)
    looks: dict[str, Callable[[Session], object]] = {
        "first page of the list": lambda session: page(session, _PAGE),
        "counts": counts,
        "candidates of one": lambda session: candidates(session, _last(session)),
    }
    found = {name: _milliseconds(engine, look) for name, look in looks.items()}
    found["search of a claim"] = median(_search(engine, number // 2 + n) for n in range(TIMES))
    engine.dispose()
    return found


def _last(session: Session) -> int:
    newest: int = page(session, _PAGE)[-1]["receipt"]
    return newest


def _milliseconds(engine: Engine, look: Callable[[Session], object]) -> float:
    times = []
    with Session(engine) as session:
        for _ in range(TIMES):
            began = perf_counter()
            look(session)
            times.append((perf_counter() - began) * 1000)
    return median(times)


def _search(engine: Engine, n: int) -> float:
    """A claim that is taken back afterwards: the milliseconds until its receipt is found."""
    payment = _payment(n)
    given = {
        "amount_minor": payment.amount_minor,
        "currency": CURRENCY,
        "paid_on": TODAY,
        "customer": CUSTOMER,
    }
    with Session(engine) as session:
        connection = psycopg_of(session)
        row = connection.execute(_CLAIM.encode(), given | {"account": payment.payer_account}).fetchone()
        claim = row[0] if row else 0
        began = perf_counter()
        connection.execute(FIND_FOR_CLAIMS.encode(), {"claims": [claim]})
        seconds = perf_counter() - began
        found = connection.execute(b"SELECT stage FROM claim WHERE id = %s", (claim,)).fetchone()
        session.rollback()
    if found != ("found",):
        raise NotFound(f"the claim of payment {n} is {found}")
    return seconds * 1000


async def _open(database: BenchDatabase) -> float:
    """Receipts a second that are opened: rung, started, looked at, with their attributes and details."""
    with TemporaryDirectory() as folder:
        temporal = TemporalServer(Path(folder), ui=False)
        temporal.start()
        try:
            client = await Client.connect(temporal.address, data_converter=pydantic_data_converter)
            return await _until_all_are_open(client, database)
        finally:
            temporal.stop()


async def _until_all_are_open(client: Client, database: BenchDatabase) -> float:
    options = Settings(database_url=database.app_url, forms="off")
    engine = make_engine(database.app_url, 8)
    async with AsyncExitStack() as stack:
        renderer = await stack.enter_async_context(Renderer(processes=1))
        for worker in make_workers(client, engine_for(options), options, renderer):
            await stack.enter_async_context(worker)
        outbox, began = Outbox(engine, client), perf_counter()
        while await outbox.ring_batch():
            pass
        while unheard := await asyncio.to_thread(_unheard, engine):
            if perf_counter() - began > FEW:
                raise NotFound(f"{unheard} receipts were not opened within {FEW} s")
            await asyncio.sleep(0.05)
        seconds = perf_counter() - began
    engine.dispose()
    return FEW / seconds


def _unheard(engine: Engine) -> int:
    with Session(engine) as session:
        count: int = session.execute(text("SELECT count(*) FROM receipt WHERE NOT heard")).scalar_one()
        return count
