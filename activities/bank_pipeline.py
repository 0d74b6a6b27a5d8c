"""A bank file on its way into the book, chunk by chunk: while one is posted, the next is kept."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager

import psycopg
import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from activities.bank_incoming import Chunk
from activities.bank_keeping import keep_new
from activities.bank_posting import post_chunk, post_kept
from activities.database import psycopg_of
from activities.pulse import Pulse

REFUSED_BY_POSTGRESQL = (
    psycopg.DataError,
    psycopg.IntegrityError,
    psycopg.ProgrammingError,
    # Of the errors that may go better later, the one that never does.
    psycopg.errors.ProgramLimitExceeded,
)

log = structlog.get_logger()


class PostingStopped(Exception):
    """What PostgreSQL refuses, it refuses each time: a person must see it. The chunks before stay posted."""

    def __init__(self, where: str, expected: str, posted: str, error: psycopg.Error) -> None:
        super().__init__(
            f"{where}: expected {expected}, found that PostgreSQL refuses it ({type(error).__name__}, SQLSTATE "
            f"{error.sqlstate}). {posted} Report it with the worker's log; two people release the file when it has "
            "been mended."
        )


@contextmanager
def stops(where: str, expected: str, posted: str = "What stands before is posted.") -> Iterator[None]:
    """Raises PostingStopped for what PostgreSQL refuses; what may go better later stays as it is."""
    try:
        yield
    except (*REFUSED_BY_POSTGRESQL, DBAPIError) as error:
        refused = error.orig if isinstance(error, DBAPIError) else error
        if not isinstance(refused, REFUSED_BY_POSTGRESQL):
            raise
        log.error("posting stopped", where=where, sqlstate=refused.sqlstate)
        raise PostingStopped(where, expected, posted, refused) from error


def post_entries(engine: Engine, file_id: int, chunks: Sequence[Chunk]) -> None:
    """Post what a sound file has told and is not posted yet. Raises PostingStopped, KeptWasLost, and ToldAtOnce.

    A chunk that tells of nothing known is kept in a transaction of its own, beside the posting of the one before it;
    when something was told before, this chunk and all after it are kept and posted in one transaction each.
    """
    steps = _Steps(engine, file_id)
    with Pulse(), ThreadPoolExecutor(1, "bank-file-poster") as poster:
        posted: Future[None] | None = None
        new = True
        for chunk in chunks:
            kept = False
            if posted is not None:
                try:
                    kept = new = new and steps.keep(chunk)
                finally:
                    # What failed before it is told first.
                    posted.result()
            posted = poster.submit(steps.post, chunk, kept=kept)
        if posted is not None:
            posted.result()


class _Steps:
    """What is done with a chunk of a file, each in a transaction."""

    def __init__(self, engine: Engine, file_id: int) -> None:
        self._engine, self._file_id = engine, file_id

    def keep(self, chunk: Chunk) -> bool:
        """Whether all of it was new, and has been kept."""
        with self._stops(chunk), Session(self._engine) as session:
            new = keep_new(psycopg_of(session), self._file_id, chunk)
            if new:
                session.commit()
            return new

    def post(self, chunk: Chunk, *, kept: bool) -> None:
        """Post it, and keep it first where that is not done."""
        step = post_kept if kept else post_chunk
        with self._stops(chunk), Session(self._engine) as session, session.begin():
            step(psycopg_of(session), self._file_id, chunk)

    def _stops(self, chunk: Chunk) -> AbstractContextManager[None]:
        where = f"Lines {chunk.first_line} to {chunk.last_line}"
        return stops(where, f"{chunk.entries + chunk.unread} entries to be posted")
