"""A bank file on its way into the book, chunk by chunk: while one is posted, the next is kept, and a third is read."""

from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import BinaryIO

import psycopg
import structlog
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, col, select

from activities.bank_keeping import Account, Items, chunks, keep_new
from activities.bank_posting import post_chunk, post_kept
from activities.database import psycopg_of
from activities.pulse import Pulse
from bankfiles import Format, Quarantine, entries
from models import BankStatement, CollectionAccount

CHUNK = 1000

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

    def __init__(self, where: str, expected: str, error: psycopg.Error) -> None:
        super().__init__(
            f"{where}: expected {expected}, found that PostgreSQL refuses it ({type(error).__name__}, SQLSTATE "
            f"{error.sqlstate}). What stands before is posted. Report it with the worker's log; two people release "
            "the file when it has been mended."
        )


@contextmanager
def stops(file_id: int, where: str, expected: str) -> Iterator[None]:
    """Raises PostingStopped for what PostgreSQL refuses; what may go better later stays as it is."""
    try:
        yield
    except (*REFUSED_BY_POSTGRESQL, DBAPIError) as error:
        refused = error.orig if isinstance(error, DBAPIError) else error
        if not isinstance(refused, REFUSED_BY_POSTGRESQL):
            raise
        log.error("posting stopped", file=file_id, sqlstate=refused.sqlstate)
        raise PostingStopped(where, expected, refused) from error


def post_entries(engine: Engine, file_id: int, content: BinaryIO, cursor: int) -> None:
    """Post the entries of a sound file from a cursor on. Raises PostingStopped.

    A chunk that tells of nothing known is kept in a transaction of its own, beside the posting of the one before it;
    when something was told before, this chunk and all after it are kept and posted in one transaction each.
    """
    with Session(engine) as session:
        accounts = accounts_by_position(session, file_id)
        unread = set(session.execute(_UNREAD, {"file": file_id}).scalars())
    # What could not be read once is for people, also when a newer reader could.
    found = (i for i in entries(content, cursor) if isinstance(i, Quarantine) or i.ordinal not in unread)
    read = chunks(found, CHUNK)
    steps = _Steps(engine, file_id, accounts)
    with (
        Pulse(cursor) as pulse,
        ThreadPoolExecutor(1, "bank-file-reader") as reader,
        ThreadPoolExecutor(1, "bank-file-poster") as poster,
    ):
        following = reader.submit(next, read, None)
        posted: Future[int] | None = None
        new = True
        while chunk := following.result():
            following = reader.submit(next, read, None)
            kept = False
            if posted is not None:
                try:
                    kept = new = new and steps.keep(chunk)
                finally:
                    # What failed before it is told first.
                    pulse.reach(posted.result())
            posted = poster.submit(steps.post, chunk, kept=kept)
        if posted is not None:
            pulse.reach(posted.result())


class _Steps:
    """What is done with a chunk of a file, each in a transaction."""

    def __init__(self, engine: Engine, file_id: int, accounts: Mapping[int, Account]) -> None:
        self._engine, self._file_id, self._accounts = engine, file_id, accounts

    def keep(self, chunk: Items) -> bool:
        """Whether all of it was new, and has been kept."""
        with self._stops(chunk), Session(self._engine) as session:
            new = keep_new(psycopg_of(session), self._file_id, self._accounts, chunk)
            if new:
                session.commit()
            return new

    def post(self, chunk: Items, *, kept: bool) -> int:
        """Post it, and keep it first where that is not done; returns the cursor after it."""
        step = post_kept if kept else post_chunk
        with self._stops(chunk), Session(self._engine) as session, session.begin():
            step(psycopg_of(session), self._file_id, self._accounts, chunk)
        return chunk[-1].ordinal + 1

    def _stops(self, chunk: Items) -> AbstractContextManager[None]:
        where = f"Lines {chunk[0].line} to {chunk[-1].line}"
        return stops(self._file_id, where, f"{len(chunk)} entries to be posted")


def accounts_by_position(session: Session, file_id: int) -> dict[int, Account]:
    """The account of each statement of a file."""
    statement = (
        select(BankStatement, CollectionAccount)
        .join(CollectionAccount, col(CollectionAccount.id) == BankStatement.account_id)
        .where(BankStatement.file_id == file_id)
    )
    return {
        s.position: Account(
            a.id or 0,
            a.code,
            a.entity,
            a.currency,
            s.pages_of,
            s.page,
            Format(s.kind),
            a.iban[:2],
            s.related_account,
        )
        for s, a in session.exec(statement)
    }


_UNREAD = text("SELECT ordinal FROM bank_quarantine WHERE file_id = :file")
