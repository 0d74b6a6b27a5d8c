"""The bytes of bank files on their way into PostgreSQL and back: in pieces, so that no file is in memory as a whole."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import SpooledTemporaryFile
from typing import Any, BinaryIO, cast

import psycopg
from sqlalchemy import ColumnElement, Engine, literal_column
from sqlmodel import Session

from activities.database import psycopg_of

PIECE_BYTES = 256 * 1024

_STAGING = "CREATE TEMP TABLE IF NOT EXISTS incoming_piece (number bigint, bytes bytea) ON COMMIT DELETE ROWS"
_COPY = "COPY incoming_piece FROM STDIN (FORMAT binary)"

STAGED: ColumnElement[bytes] = literal_column(
    "(SELECT string_agg(bytes, ''::bytea ORDER BY number) FROM incoming_piece)"
)
"""What `stage_bytes` has brought in this transaction, as a value."""


def stage_bytes(connection: "psycopg.Connection[Any]", stream: BinaryIO) -> str:
    """Bring the bytes to PostgreSQL; the SHA-256 is of those that were brought, should the file change meanwhile."""
    stream.seek(0)
    digest = hashlib.sha256()
    connection.execute(_STAGING)
    with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        copy.set_types(["int8", "bytea"])
        for number, piece in enumerate(iter(lambda: stream.read(PIECE_BYTES), b"")):
            digest.update(piece)
            copy.write_row((number, piece))
    return digest.hexdigest()


# What is added to it, nothing, makes PostgreSQL unpack the whole once and not for each piece.
_PIECES = """
    SELECT substring(whole.content FROM n FOR %(piece)s)
    FROM (SELECT content || ''::bytea AS content FROM bank_file WHERE sha256 = %(sha256)s OFFSET 0) whole,
        generate_series(1, octet_length(whole.content), %(piece)s) n
"""


@contextmanager
def bytes_of(engine: Engine, sha256: str) -> Iterator[BinaryIO]:
    """The bytes of a stored file as a stream; those of a large one wait on the disk, where they have no name."""
    with SpooledTemporaryFile(PIECE_BYTES) as stream:
        with Session(engine) as session, psycopg_of(session).cursor("pieces") as pieces:
            pieces.itersize = 1
            pieces.execute(_PIECES, {"sha256": sha256, "piece": PIECE_BYTES}, binary=True)
            for (piece,) in pieces:
                stream.write(piece)
        stream.seek(0)
        yield cast("BinaryIO", stream)
