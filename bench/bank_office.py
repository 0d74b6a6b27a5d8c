"""A company with open deposits, and a bank's files that pay them: what the benches of bank files work on."""

import io
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from sys import platform
from time import perf_counter

import psycopg
from sqlalchemy import Engine

import activities.setup_file
import ledger.postings
import migrations
from activities.bank_files import BankFiles, store
from activities.database import make_engine
from bankfiles.sample import Sheet
from bankfiles.sample_file import WRITERS, Wanted, payments
from bench.pgbench import BenchDatabase, fresh_database, settle
from prepay.ids import payment_reference
from rules.bank_file import BankFileState

SETUP = Path(__file__).resolve().parent.parent / "examples" / "setup.toml"
ACCOUNT, CURRENCY, ENTITY = "NL07MOCK0000001001", "EUR", "nimbus-eu"
CUSTOMERS = 2_000
TODAY = date(2026, 11, 23)
# More than all that is paid: they stay open from round to round.
AWAITED_MINOR = 10**15

_CUSTOMERS = """
    INSERT INTO customer (number, legal_name, address, country, entity, currencies, email, locale)
    SELECT 'B-' || n, 'ACME ' || n, '{}', 'DE', %s, ARRAY[%s], '', 'en' FROM generate_series(1, %s) n
    RETURNING id, number
"""
_DEPOSITS = """
    COPY deposit (id, number, reference, customer_id, entity, account_id, request_id, content_hash, amount_minor,
        currency, product, issued_at, expires_at, workflow_id, note, stage, credited_minor, late, decided, version,
        handled_version) FROM STDIN
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
        with psycopg.connect(database.app_url) as connection:
            customers = _open_customers(connection)
            _open_deposits(connection, customers, deposits)
        settle(database)
        yield database


def _open_customers(connection: ledger.postings.Connection) -> list[int]:
    rows = connection.execute(_CUSTOMERS, (ENTITY, CURRENCY, CUSTOMERS)).fetchall()
    for _, number in rows:
        ledger.postings.open_customer(connection, customer=number, entity=ENTITY, currency=CURRENCY)
    return [id for id, _ in rows]


def _open_deposits(connection: ledger.postings.Connection, customers: list[int], deposits: int) -> None:
    account = connection.execute("SELECT id FROM collection_account WHERE iban = %s", (ACCOUNT,)).fetchall()
    now = datetime.now(UTC)
    same = ("issued", 0, False, "{}", 1, 1)
    with connection.cursor() as cursor, cursor.copy(_DEPOSITS) as copy:
        for n in range(1, deposits + 1):
            who = customers[n % len(customers)]
            what = (
                AWAITED_MINOR,
                CURRENCY,
                "Compute",
                now,
                now + timedelta(days=14),
                f"deposit-bench-{n}",
                "",
            )
            copy.write_row(
                (
                    n,
                    f"D-{n}",
                    payment_reference(n),
                    who,
                    ENTITY,
                    account[0][0],
                    f"bench-{n}",
                    "",
                    *what,
                    *same,
                )
            )


def wanted(format: str, entries: int, seed: int, deposits: int) -> Wanted:
    """A file of credits, each to a deposit of its own as far as there are so many, spread over all of them."""
    step = max(deposits // entries, 1)
    references = [payment_reference(1 + n * step % deposits) for n in range(entries)]
    return Wanted(format, ACCOUNT, CURRENCY, entries, seed, TODAY, references)


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
    engine = make_engine(url, 4)
    seconds = post(engine, path)
    engine.dispose()
    return Posted(seconds, _peak_mb())


def post(engine: Engine, path: Path) -> float:
    """Store, read and post a file as its workflow does; the seconds it took. Raises NotCredited."""
    files = BankFiles(engine)
    began = perf_counter()
    with path.open("rb") as content:
        sha256, _ = store(engine, content, path.name, "bench")
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
