"""The bytes of bank files on their way into PostgreSQL and back: in pieces, so that no file is in memory as a whole."""

import hashlib
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import SpooledTemporaryFile
from typing import Any, BinaryIO, cast

import psycopg
from sqlalchemy import ColumnElement, Engine, literal_column
from sqlmodel import Session

from activities.database import psycopg_of

PIECE_BYTES = 256 * 1024
# As `gzip` writes and reads it, so that people can take a file out with what they have.
_GZIP = zlib.MAX_WBITS + 16

_STAGING = "CREATE TEMP TABLE IF NOT EXISTS incoming_piece (number bigint, bytes bytea) ON COMMIT DELETE ROWS"
_COPY = "COPY incoming_piece FROM STDIN (FORMAT binary)"

STAGED: ColumnElement[bytes] = literal_column(
    "(SELECT string_agg(bytes, ''::bytea ORDER BY number) FROM incoming_piece)"
)
"""What `stage_bytes` has brought in this transaction, as a value."""


def stage_bytes(connection: "psycopg.Connection[Any]", stream: BinaryIO) -> str:
    """Bring the bytes to PostgreSQL, as gzip packs them.

    Returns their SHA-256: of those that were brought, should the file change meanwhile.
    """
    stream.seek(0)
    digest = hashlib.sha256()
    # Packed here: PostgreSQL's own way takes ten times as long, and unpacks the whole for each piece.
    packer = zlib.compressobj(1, wbits=_GZIP)
    connection.execute(_STAGING)
    with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        copy.set_types(["int8", "bytea"])
        number = 0
        while piece := stream.read(PIECE_BYTES):
            digest.update(piece)
            if packed := packer.compress(piece):
                copy.write_row((number, packed))
            number += 1
        copy.write_row((number, packer.flush()))
    return digest.hexdigest()


_PIECES = """
    SELECT substring(content FROM n FOR %(piece)s)
    FROM bank_file, generate_series(1, octet_length(content), %(piece)s) n WHERE sha256 = %(sha256)s
"""


@contextmanager
def bytes_of(engine: Engine, sha256: str) -> Iterator[BinaryIO]:
    """The bytes of a stored file as a stream; those of a large one wait on the disk, where they have no name."""
    unpacker = zlib.decompressobj(wbits=_GZIP)
    with SpooledTemporaryFile(PIECE_BYTES) as stream:
        with Session(engine) as session, session.begin(), psycopg_of(session).cursor("pieces") as pieces:
            pieces.itersize = 1
            pieces.execute(_PIECES, {"sha256": sha256, "piece": PIECE_BYTES}, binary=True)
            for (packed,) in pieces:
                # Of one packed piece a thousand may come: they are unpacked one by one.
                piece = packed
                while piece:
                    stream.write(unpacker.decompress(piece, PIECE_BYTES))
                    piece = unpacker.unconsumed_tail
            stream.write(unpacker.flush())
        stream.seek(0)
        yield cast("BinaryIO", stream)
