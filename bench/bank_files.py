"""Bank files: from bytes to credited balances and doorbells, beside the raw parts of it.

Each file is stored, read and posted by the activities, in a process of its own that starts anew for each file. The raw
parts are a walk through the same XML that keeps nothing, and the COPY of rows such as its entries into a plain table.
"""

import io
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import psycopg
from lxml import etree

from bankfiles import Entry, Format, entries
from bench.bank_office import await_payments, content, office, post_alone, wanted
from bench.pgbench import BenchDatabase, settle

ENTRIES, FEW = 100_000, 10_000
ENTRIES_PER_SECOND = 10_000
MAX_PEAK_MB = 300
WALK, COPY = "lxml walk of the file", "COPY of its rows"

_RAW = """
    CREATE TABLE IF NOT EXISTS raw_entry (key text, amount_minor bigint, currency text, booked_on date, value_on date,
        bank_reference text, end_to_end_id text, remittance text, payer_name text, payer_account text)
"""


def measure(server: BenchDatabase, rounds: int) -> list[dict[str, Any]]:
    """The medians of the rounds."""
    with office(server, "bench_bank_files", ENTRIES) as database, TemporaryDirectory() as folder:
        found = [_round(database, Path(folder) / "bank.xml", number) for number in range(rounds)]
    middle = {name: median(values[name] for values in found) for name in found[0]}
    rate, unit = round(ENTRIES / middle["ours"]), "entries/s"
    return [
        _row(f"bank file, {ENTRIES:,} credits", rate, unit, "what we ask for", ENTRIES_PER_SECOND, ">= 1", rounds),
        _row("the same", rate, unit, WALK, round(ENTRIES / middle[WALK]), "beside", rounds),
        _row("the same", rate, unit, COPY, round(ENTRIES / middle[COPY]), "beside", rounds),
        _row(
            f"peak memory, {ENTRIES:,} credits", round(middle["peak"]), "MB, less is better", f"{FEW:,} credits",
            round(middle["few_peak"]), f"<= {MAX_PEAK_MB} MB, the same", rounds,
        ),
    ]  # fmt: skip


def _row(
    name: str, ours: float, unit: str, against: str, theirs: float | None, goal: str, rounds: int
) -> dict[str, Any]:
    return {
        "name": name,
        "ours": ours,
        "unit": unit,
        "against": against,
        "theirs": theirs,
        "ratio": None if theirs is None else round(ours / theirs, 2),
        "goal": goal,
        "rounds": rounds,
    }


def _round(database: BenchDatabase, path: Path, number: int) -> dict[str, float]:
    """The seconds of each, and the peaks in MB."""
    few_payments = wanted(Format.CAMT_054, FEW, 2 * number + 1, ENTRIES)
    path.write_bytes(content(few_payments))
    await_payments(database, few_payments)
    few = post_alone(database.app_url, path)
    payments = wanted(Format.CAMT_054, ENTRIES, 2 * number + 2, ENTRIES)
    file = content(payments)
    path.write_bytes(file)
    await_payments(database, payments)
    settle(database)
    ours = post_alone(database.app_url, path)
    settle(database)
    raw = {WALK: _seconds(lambda: _walk(file)), COPY: _copy(database, file)}
    settle(database)
    return raw | {"ours": ours.seconds, "peak": ours.peak_mb, "few_peak": few.peak_mb}


def _seconds(work: Callable[[], object]) -> float:
    began = perf_counter()
    work()
    return perf_counter() - began


def _walk(file: bytes) -> None:
    for _, element in etree.iterparse(io.BytesIO(file), tag="{*}Ntry"):
        element.clear()


def _copy(database: BenchDatabase, file: bytes) -> float:
    rows = [
        (
            e.key, e.amount_minor, e.currency, e.booked_on, e.value_on, e.bank_reference, p.end_to_end_id,
            "\n".join([*p.structured, *p.free]), p.payer_name, p.payer_account,
        )
        for e in entries(file) if isinstance(e, Entry) for p in e.parts
    ]  # fmt: skip
    with psycopg.connect(database.owner_url) as connection:
        connection.execute(_RAW)
        connection.commit()
        began = perf_counter()
        with connection.cursor() as cursor, cursor.copy("COPY raw_entry FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        connection.commit()
        return perf_counter() - began
