"""pgbench, and databases of their own for benches that compare with it."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

import migrations
from embedded.postgres import binaries
from ledger import postings
from ledger.events import Credit, Receipt

CLIENTS = 16
SCALE = 50
ENTITY, CURRENCY, ACCOUNT = "acme-de", "EUR", "GIRO"


@dataclass(frozen=True)
class BenchDatabase:
    """One server with durable commits: URLs of the application's role, the owner, and one that may create databases."""

    app_url: str
    owner_url: str
    superuser_url: str


@dataclass(frozen=True)
class Run:
    """What pgbench reports: transactions a second, and the latency of each in milliseconds where it was logged."""

    tps: float
    latencies_ms: list[float]


class PgbenchFailed(RuntimeError):
    def __init__(self, output: str) -> None:
        super().__init__(f"pgbench failed:\n{output}")


def pgbench(url: str, *arguments: str, script: str | None = None, log: bool = False) -> Run:
    """Run pgbench to its end, with a script of ours or its own TPC-B."""
    with TemporaryDirectory(prefix="prepay-bench-") as folder:
        program: list[str | Path] = [binaries() / "pgbench", *arguments]
        if script is not None:
            file = Path(folder) / "script.sql"
            file.write_text(script, encoding="utf-8")
            program += ["--file", file]
        if log:
            program += ["--log", "--log-prefix", Path(folder) / "latency"]
        ran = subprocess.run([*program, url], capture_output=True, text=True, check=False)
        if ran.returncode != 0:
            raise PgbenchFailed(ran.stdout + ran.stderr)
        return Run(_tps(ran.stdout), _latencies(Path(folder)))


def _tps(report: str) -> float:
    lines = [line.split() for line in report.splitlines() if line.startswith("tps = ")]
    return float(lines[0][2]) if lines else 0.0


def _latencies(folder: Path) -> list[float]:
    """The third column of a log is the microseconds that a transaction took."""
    lines = [line for file in folder.glob("latency.*") for line in file.read_text().splitlines()]
    return [int(line.split()[2]) / 1000 for line in lines if line.split()[2].isdigit()]


def _on(url: str, name: str) -> str:
    """The same server and role, another database."""
    return urlsplit(url)._replace(path=f"/{name}").geturl()


@contextmanager
def fresh_database(server: BenchDatabase, name: str) -> Iterator[BenchDatabase]:
    """A database for the length of a bench."""
    identifier = sql.Identifier(name)
    with psycopg.connect(_on(server.superuser_url, "postgres"), autocommit=True) as conn:
        conn.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(identifier))
        conn.execute(sql.SQL("CREATE DATABASE {} OWNER prepay_owner").format(identifier))
        try:
            yield BenchDatabase(
                *(_on(url, name) for url in (server.app_url, server.owner_url, server.superuser_url))
            )
        finally:
            conn.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(identifier))


@contextmanager
def tpcb_database(server: BenchDatabase) -> Iterator[str]:
    """pgbench's own tables at our scale: the URL of their owner."""
    with fresh_database(server, "bench_tpcb") as database:
        pgbench(database.owner_url, "--initialize", "--quiet", f"--scale={SCALE}")
        settle(database)
        yield database.owner_url


@contextmanager
def book_database(server: BenchDatabase, customers: int) -> Iterator[BenchDatabase]:
    """A book in which each customer has plenty to spend."""
    with fresh_database(server, "bench_book") as database:
        migrations.upgrade(database.owner_url)
        with psycopg.connect(database.app_url) as conn:
            numbers = [f"C-{n}" for n in range(1, customers + 1)]
            for customer in numbers:
                postings.open_customer(conn, customer=customer, entity=ENTITY, currency=CURRENCY)
            receive(conn, numbers, 10**12)
            postings.credit_many(conn, credits(numbers, numbers, 10**12))
        settle(database)
        yield database


def receive(conn: postings.Connection, names: list[str], amount_minor: int) -> None:
    """Book one receipt for each name."""
    place: dict[str, Any] = {"account": ACCOUNT, "entity": ENTITY, "currency": CURRENCY}
    postings.receive_many(
        conn, [Receipt(key=f"receipt-{n}", amount_minor=amount_minor, **place) for n in names]
    )


def credits(names: list[str], customers: list[str], amount_minor: int) -> list[Credit]:
    """The credit of each of these receipts."""
    return [
        Credit(
            key=f"credit-{name}", source=f"receipt-{name}", customer=customer, entity=ENTITY, currency=CURRENCY,
            amount_minor=amount_minor, deposit=f"D-{name}",
        )
        for name, customer in zip(names, customers, strict=True)
    ]  # fmt: skip


def settle(database: BenchDatabase) -> None:
    """Statistics and a checkpoint, so that a measurement does not pay for what was made before."""
    with psycopg.connect(database.superuser_url, autocommit=True) as conn:
        conn.execute("VACUUM (ANALYZE)")
    checkpoint(database)


def checkpoint(server: BenchDatabase) -> None:
    """Write what is waiting to be written."""
    with psycopg.connect(server.superuser_url, autocommit=True) as conn:
        conn.execute("CHECKPOINT")
