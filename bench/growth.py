"""Whether a file takes longer where more deposits are open, and how long the book looks for its references there."""

from contextlib import nullcontext
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import psycopg
from sqlalchemy import event
from sqlmodel import Session

from activities.bank_files import BankFiles, store
from activities.bank_incoming import chunks_of
from activities.bank_posting import post_chunk
from activities.database import make_engine, psycopg_of
from bankfiles import Format
from bench.bank_office import await_payments, content, office, post, wanted
from bench.pgbench import BenchDatabase, settle

ENTRIES = 10_000
FEW, MANY = 10_000, 1_000_000
MAX_RATIO = 1.3
MAX_MATCH_MS = 200


class NothingMatched(RuntimeError):
    """The bench does not know matching any more."""

    def __init__(self) -> None:
        super().__init__(
            "No statement looked for the deposits of references: the bench must learn how they are found."
        )


class _Matching(psycopg.Cursor[Any]):
    """Adds up the time of the statements that find deposits by the references of entries."""

    seconds = 0.0

    def execute(self, query: Any, *arguments: Any, **options: Any) -> Any:
        began = perf_counter()
        try:
            return super().execute(query, *arguments, **options)
        finally:
            if "text_references" in str(query) and "deposit" in str(query):
                _Matching.seconds += perf_counter() - began


def measure(server: BenchDatabase, rounds: int) -> list[dict[str, Any]]:
    """The same file where few deposits are open and where many are, in turn; the medians of the rounds."""
    few: list[float] = []
    many: list[float] = []
    matching: list[float] = []
    with (
        office(server, "bench_few", FEW) as small,
        office(server, "bench_many", MANY) as large,
        TemporaryDirectory() as folder,
    ):
        path = Path(folder) / "bank.xml"
        for number in range(rounds + 1):  # the first warms both
            for database, deposits, times in ((small, FEW, few), (large, MANY, many)):
                _file(database, path, 2 * number + 1, deposits)
                times.append(_post(database, path))
            _file(large, path, 2 * number + 2, MANY)
            matching.append(_match(large, path))
    ours, theirs, match = (median(times[1:]) for times in (many, few, matching))
    return [
        {
            "name": f"{ENTRIES:,} entries, {MANY:,} open deposits",
            "ours": round(ours, 2),
            "unit": "s, less is better",
            "against": f"{FEW:,} open deposits",
            "theirs": round(theirs, 2),
            "ratio": round(ours / theirs, 2),
            "goal": f"<= {MAX_RATIO}",
            "rounds": rounds,
        },
        {
            "name": "matching alone among so many",
            "ours": round(match * 1000),
            "unit": "ms, less is better",
            "against": "what we ask for",
            "theirs": MAX_MATCH_MS,
            "ratio": round(match * 1000 / MAX_MATCH_MS, 2),
            "goal": "<= 1",
            "rounds": rounds,
        },
    ]


def _file(database: BenchDatabase, path: Path, seed: int, deposits: int) -> None:
    payments = wanted(Format.CAMT_054, ENTRIES, seed, deposits)
    path.write_bytes(content(payments))
    await_payments(database, payments)
    settle(database)


def _post(database: BenchDatabase, path: Path) -> float:
    """The seconds of the whole file."""
    engine = make_engine(database.app_url, 4)
    seconds = post(engine, path)
    engine.dispose()
    return seconds


def _match(database: BenchDatabase, path: Path) -> float:
    """The seconds of matching, while nothing else is done."""
    _Matching.seconds = 0.0
    engine = make_engine(database.app_url, 4)
    event.listen(engine, "connect", _time_matching)
    with path.open("rb") as content:
        sha256, _ = store(engine, content, path.name, "inbox")
    file = BankFiles(engine).read(sha256).file
    with Session(engine) as session:
        chunks = chunks_of(psycopg_of(session), file)
    for chunk in chunks:
        with Session(engine) as session, session.begin():
            post_chunk(psycopg_of(session), file, chunk)
    BankFiles(engine).post(sha256)
    engine.dispose()
    if not _Matching.seconds:
        raise NothingMatched
    return _Matching.seconds


def _time_matching(connection: psycopg.Connection[Any], _: object) -> None:
    connection.cursor_factory = _Matching
    # Each statement is waited for before the next is sent.
    connection.pipeline = nullcontext  # type: ignore[method-assign,assignment]
