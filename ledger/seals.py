"""Seals of the book: blocks of transfers, each bound to the one before by SHA-256.

The sweep seals each minute and writes the newest seal outside the database as well. A seal from outside that
the database no longer has, or has with another hash, shows that the book was changed or went back in time.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import tuple_row

from ledger.refusals import refusal

Connection = psycopg.Connection[Any]
COLUMNS = "id, epoch, transfers, last_id, encode(hash, 'hex'), sealed_at"


@dataclass(frozen=True, slots=True)
class Seal:
    """`transfers`: how many the block holds; `last_id`: no transfer in it has a higher id."""

    id: int
    epoch: int
    transfers: int
    last_id: int
    hash: str
    sealed_at: datetime


@dataclass(frozen=True, slots=True)
class BrokenSeal:
    seal_id: int
    problem: str


def _one(conn: Connection, query: str) -> Seal | None:
    try:
        with conn.cursor(row_factory=tuple_row) as cursor:
            row = cursor.execute(query.encode()).fetchone()
    except psycopg.Error as error:
        raise refusal(error) or error from error
    return Seal(*row) if row else None


def seal_now(conn: Connection) -> Seal | None:
    """Seal what transactions that are over have written, or answer None when there is nothing new."""
    return _one(conn, f"SELECT {COLUMNS} FROM ledger_seal_now()")


def newest(conn: Connection) -> Seal | None:
    """The seal to keep outside the database."""
    return _one(conn, f"SELECT {COLUMNS} FROM ledger_seal ORDER BY id DESC LIMIT 1")


def rebase(conn: Connection) -> Seal | None:
    """After a restore, as the owner: seal what is left and start an epoch; transactions count anew."""
    return _one(conn, f"SELECT {COLUMNS} FROM ledger_rebase()")


def verify(conn: Connection) -> list[BrokenSeal]:
    """Compute every seal again."""
    with conn.cursor(row_factory=tuple_row) as cursor:
        return [BrokenSeal(*row) for row in cursor.execute("SELECT * FROM ledger_verify_seals()")]


def proves(conn: Connection, kept: Seal) -> bool:
    """Whether the book still has a seal that was kept outside."""
    query = "SELECT FROM ledger_seal WHERE id = %s AND encode(hash, 'hex') = %s"
    return conn.execute(query, [kept.id, kept.hash]).fetchone() is not None


def keep(seal: Seal, file: Path) -> None:
    """Append the seal to a file outside the database, unless it stands there last."""
    line = f"{seal.id} {seal.hash}\n"
    if not file.exists() or not file.read_text(encoding="ascii").endswith(line):
        with file.open("a", encoding="ascii") as seals:
            seals.write(line)


def missing(conn: Connection, file: Path) -> str | None:
    """What is wrong with the newest seal that was kept outside: the database lacks it, or has another; else None."""
    lines = file.read_text(encoding="ascii").splitlines() if file.exists() else []
    if not lines:
        return None
    number, _, kept = lines[-1].partition(" ")
    with conn.cursor(row_factory=tuple_row) as cursor:
        query = "SELECT encode(hash, 'hex') FROM ledger_seal WHERE id = %s"
        row = cursor.execute(query, [int(number)]).fetchone()
    if row is None:
        return f"Seal {number} is kept in {file}, and the database does not have it: it went back in time."
    return (
        None
        if row[0] == kept
        else f"Seal {number} in {file} is another than the database's: the book was changed."
    )
