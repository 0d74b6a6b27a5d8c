"""A company with open deposits, and a bank's files that pay them: what the benches of bank files work on."""

import gc
import io
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from multiprocessing import get_context
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from sys import platform
from time import perf_counter

import psycopg
from sqlalchemy import Engine
from sqlmodel import SQLModel

import activities.setup_file
import ledger.postings
import migrations
from activities.bank_files import BankFiles, store
from activities.database import make_engine
from activities.deposits import Deposits, Issue
from bankfiles.sample import Sheet
from bankfiles.sample_file import WRITERS, Wanted, payments
from bench.pgbench import BenchDatabase, fresh_database, settle
from prepay.deposits import DepositRequest
from prepay.ids import payment_reference
from rules.bank_file import BankFileState
from settings import Settings

SETUP = Path(__file__).resolve().parent.parent / "examples" / "setup.toml"
ACCOUNT, CURRENCY, ENTITY = "NL07MOCK0000001001", "EUR", "nimbus-eu"
CUSTOMER, CUSTOMERS = "C-1001", 2_000
TODAY = date(2026, 11, 23)
# What a deposit awaits before a file that pays it is made.
AWAITED_MINOR = 100_000
# The first deposit has a number before these.
OFFSET = 1_000

_CUSTOMERS = {"number": "'B-' || n"}
_DEPOSITS = {
    "id": "n",
    "number": "'D-' || n",
    "reference": "wanted.reference",
    "customer_id": "customer",
    "request_id": "n::text",
    "workflow_id": "'deposit-' || n",
    "amount_minor": str(AWAITED_MINOR),
}
_AWAIT = """
    UPDATE deposit SET stage = 'issued', amount_minor = paid.amount_minor, credited_minor = 0, version = 1,
        handled_version = 1
    FROM (SELECT reference, sum(amount_minor) AS amount_minor FROM paid GROUP BY 1) paid
    WHERE deposit.reference = paid.reference
"""


class NotCredited(RuntimeError):
    """What was measured is not what was wanted."""

    def __init__(self, state: BankFileState) -> None:
        super().__init__(
            f"The file is {state.stage}, {state.credited} of its {state.entries} entries credited: {state.reason}"
        )


@dataclass(frozen=True)
class Posted:
    """A file from bytes to balances: how long it took, and the most memory its process had."""

    seconds: float
    peak_mb: float


@contextmanager
def office(server: BenchDatabase, name: str, deposits: int) -> Iterator[BenchDatabase]:
    """A database with as many open deposits, each of one of the customers."""
    with fresh_database(server, name) as database:
        migrations.upgrade(database.owner_url)
        activities.setup_file.apply(SETUP, database.app_url)
        first = _first_deposit(database)
        with psycopg.connect(database.app_url) as connection:
            customers = _open_customers(connection)
            _open_deposits(connection, first, customers, deposits)
        settle(database)
        yield database


def _first_deposit(database: BenchDatabase) -> int:
    """A real one, which the others are copies of."""
    request = DepositRequest(
        customer=CUSTOMER, request_id="1", amount="1.00", currency=CURRENCY, product="Compute"
    )
    engine = make_engine(database.app_url, 1)
    issue = Issue(request=request, workflow_id="deposit-first", at=datetime.now(UTC))
    first = Deposits(engine, Settings(forms="off")).issue(issue)
    engine.dispose()
    return first.deposit


def _copies(table: str, changed: dict[str, str], source: str) -> bytes:
    """Copies of one row of the table for each row of the source, with other values in some columns."""
    columns = [
        column.name
        for column in SQLModel.metadata.tables[table].columns
        if not column.identity and not column.computed
    ]
    values = ", ".join(changed.get(column, f"one.{column}") for column in columns)
    return f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM {table} one, {source}".encode()


def _open_customers(connection: ledger.postings.Connection) -> list[int]:
    copies = _copies("customer", _CUSTOMERS, "generate_series(1, %s) n WHERE one.number = %s")
    rows = connection.execute(copies + b" RETURNING id, number", (CUSTOMERS, CUSTOMER)).fetchall()
    for _, number in rows:
        ledger.postings.open_customer(connection, customer=number, entity=ENTITY, currency=CURRENCY)
    return [id for id, _ in rows]


def _open_deposits(
    connection: ledger.postings.Connection, first: int, customers: list[int], deposits: int
) -> None:
    connection.execute("CREATE TEMP TABLE wanted (n bigint, reference text, customer bigint)")
    with connection.cursor() as cursor, cursor.copy("COPY wanted FROM STDIN") as copy:
        for n in range(OFFSET + 1, OFFSET + deposits + 1):
            copy.write_row((n, payment_reference(n), customers[n % len(customers)]))
    connection.execute(_copies("deposit", _DEPOSITS, "wanted WHERE one.id = %s"), (first,))


def wanted(format: str, entries: int, seed: int, deposits: int) -> Wanted:
    """A file of credits, each to a deposit of its own as far as there are so many, spread over all of them."""
    step = max(deposits // entries, 1)
    references = [payment_reference(OFFSET + 1 + n * step % deposits) for n in range(entries)]
    return Wanted(format, ACCOUNT, CURRENCY, entries, seed, TODAY, references)


def await_payments(database: BenchDatabase, file: Wanted) -> None:
    """Open each deposit that the file pays, for just that; whatever was paid in earlier rounds."""
    with psycopg.connect(database.owner_url) as connection:
        connection.execute("CREATE TEMP TABLE paid (reference text, amount_minor bigint)")
        with connection.cursor() as cursor, cursor.copy("COPY paid FROM STDIN") as copy:
            for reference, (_, payment) in zip(file.references, payments(file), strict=True):
                copy.write_row((reference, payment.amount_minor))
        connection.execute(_AWAIT)


def content(file: Wanted) -> bytes:
    """The file as the bank sends it."""
    closing = sum(payment.amount_minor for _, payment in payments(file))
    # MT940 has room for 16 characters of a bank's reference.
    paid = (
        replace(payment, bank_reference=f"{file.seed}N{n}") for n, (_, payment) in enumerate(payments(file))
    )
    sheet = Sheet(ACCOUNT, CURRENCY, paid, f"BENCH-{file.seed}", closing_minor=closing, created_on=TODAY)
    target = io.BytesIO()
    WRITERS[file.format](target, [sheet])
    return target.getvalue()


def post_alone(url: str, path: Path) -> Posted:
    """Post a file in a process of its own, whose memory nothing else has used."""
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        return process.submit(_post, url, path).result()


def _post(url: str, path: Path) -> Posted:
    # As a worker does.
    gc.freeze()
    engine = make_engine(url, 4)
    seconds = post(engine, path)
    engine.dispose()
    return Posted(seconds, _peak_mb())


def post(engine: Engine, path: Path) -> float:
    """Store, read and post a file as its workflow does; the seconds it took. Raises NotCredited."""
    files = BankFiles(engine)
    began = perf_counter()
    with path.open("rb") as content:
        sha256, _ = store(engine, content, path.name, "inbox")
    files.read(sha256)
    state = files.post(sha256)
    seconds = perf_counter() - began
    if state.stage != "posted" or not state.entries == state.credited == state.posted:
        raise NotCredited(state)
    return seconds


def _peak_mb() -> float:
    """Of this process since it began its program; what it was started from may have had more."""
    status = Path("/proc/self/status")
    if status.exists():
        peaks = [line.split() for line in status.read_text().splitlines() if line.startswith("VmHWM:")]
        return int(peaks[0][1]) / 1024
    return getrusage(RUSAGE_SELF).ru_maxrss / (1024**2 if platform == "darwin" else 1024)
