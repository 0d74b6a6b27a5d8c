"""Bank files: stored once, read whole, then posted in chunks that each are one transaction."""

import hashlib
import io
import os
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from tempfile import SpooledTemporaryFile
from typing import Any, BinaryIO, cast

import psycopg
import structlog
from sqlalchemy import Engine, func, text, update
from sqlalchemy.orm import defer
from sqlmodel import Session, col, select
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.bank_chain import WITHOUT_GAP, chain, chain_by_entries, gaps_of, lock_accounts
from activities.bank_missing import find_missing, missing_of
from activities.bank_posting import SLICE, Account, chunks, credit_waiting, post_chunk
from activities.bank_statements import MustWait, accounts_of, counted_once, keep_statements
from activities.database import psycopg_of
from activities.pulse import Pulse
from bankfiles import Format, Survey, entries, survey
from models import BankFile, BankStatement, CollectionAccount, Outbox
from prepay.bank_files import DecideBankFile
from prepay.ids import bank_file_workflow_id
from prepay.wire import Wire
from rules.bank_file import BankFileState

CHUNK = 1000
MAX_REASON = 1000
MAX_FILE_MINOR = 10**17
"""The sums of a file, in minor units: balances of many such files still fit 64 bits."""
MAX_FILE_BYTES = 256 * 1024 * 1024
PIECE_BYTES = 256 * 1024
"""A file's bytes pass through memory in pieces, to the database and back: a worker works off several at once."""

# A reason quotes what stood in the file, and that may be an account number: people read it from the database.
_QUOTED = re.compile(r"found ('[^']*'|\"[^\"]*\")")

log = structlog.get_logger()


class Discard(Wire):
    """Put a held file away, as an operator decided."""

    sha256: str
    decision: DecideBankFile


class FileTooLarge(ValueError):
    """More bytes than a bank file may have."""

    def __init__(self, name: str, size: int) -> None:
        super().__init__(
            f"{name} has {size:,} bytes; a bank file may have at most {MAX_FILE_BYTES:,}. Ask the bank to split it."
        )


class FileEmpty(ValueError):
    """Nothing to read."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is empty. Deliver it again when it has been written.")


def store(engine: Engine, content: bytes | BinaryIO, name: str, delivered_by: str) -> tuple[str, bool]:
    """Keep the bytes once and ring the file's workflow; returns the SHA-256 and whether it was new.

    An open file passes through memory in pieces. Raises FileTooLarge, FileEmpty.
    """
    stream = io.BytesIO(content) if isinstance(content, bytes) else content
    size = stream.seek(0, os.SEEK_END)
    if size > MAX_FILE_BYTES:
        raise FileTooLarge(name, size)
    if not size:
        raise FileEmpty(name)
    with Session(engine) as session, session.begin():
        sha256 = _stage(psycopg_of(session), stream)
        row: dict[str, Any] = {"sha256": sha256, "name": name, "delivered_by": delivered_by}
        new = session.execute(_KEEP, row).scalar_one_or_none()
        session.add(Outbox(workflow_id=bank_file_workflow_id(sha256), version=1))
    return sha256, new is not None


_STAGING = "CREATE TEMP TABLE IF NOT EXISTS incoming_piece (number bigint, bytes bytea) ON COMMIT DELETE ROWS"
_COPY = "COPY incoming_piece FROM STDIN (FORMAT binary)"
_KEEP = text("""
    INSERT INTO bank_file (sha256, name, delivered_by, content, format, stage, reason, entries)
    SELECT :sha256, :name, :delivered_by, string_agg(bytes, ''::bytea ORDER BY number), '', 'stored', '', 0
    FROM incoming_piece ON CONFLICT DO NOTHING RETURNING id
""")


def _stage(connection: "psycopg.Connection[Any]", stream: BinaryIO) -> str:
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
def _bytes_of(engine: Engine, sha256: str) -> Iterator[BinaryIO]:
    """The bytes of a stored file as a stream; those of a large one wait on the disk, where they have no name."""
    with SpooledTemporaryFile(PIECE_BYTES) as stream:
        with Session(engine) as session, psycopg_of(session).cursor("pieces") as pieces:
            pieces.itersize = 1
            pieces.execute(_PIECES, {"sha256": sha256, "piece": PIECE_BYTES}, binary=True)
            for (piece,) in pieces:
                stream.write(piece)
        stream.seek(0)
        yield cast("BinaryIO", stream)


class BankFiles:
    """The activities of the BankFile workflow."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self) -> list[Callable[..., Any]]:
        """What a worker registers."""
        return [self.look, self.read, self.post, self.discard]

    @activity.defn(name="look_at_bank_file")
    def look(self, sha256: str) -> BankFileState:
        """The file's row and counts."""
        with Session(self._engine) as session:
            return _state(session, sha256)

    @activity.defn(name="read_bank_file")
    def read(self, sha256: str) -> BankFileState:
        """Read the whole file and decide: sound, held or refused. Nothing is posted here."""
        with Pulse(), _bytes_of(self._engine, sha256) as content:
            found = survey(content)
        with Pulse(), Session(self._engine) as session, session.begin():
            file = _file(session, sha256)
            if file.stage in ("stored", "held"):
                file.format, file.entries = found.version or found.format, found.entries
                file.stage, file.reason = found.outcome, found.reason[:MAX_REASON]
                if found.outcome == "read":
                    self._keep_statements(session, file, found)
                session.flush()
            return _state(session, sha256)

    def _keep_statements(self, session: Session, file: BankFile, found: Survey) -> None:
        if any(max(t.credit_minor, t.debit_minor) > MAX_FILE_MINOR for t in found.totals.values()):
            file.stage = "held"
            file.reason = (
                f"its entries sum to more than {MAX_FILE_MINOR:,} minor units, which no book of ours can hold"
            )
            return
        try:
            with session.begin_nested():
                keep_statements(session, file, found.statements)
                chain(session, accounts_of(session, file.id or 0))
        except MustWait as reason:
            file.stage, file.reason = "held", str(reason)[:MAX_REASON]

    @activity.defn(name="post_bank_file")
    def post(self, sha256: str) -> BankFileState:
        """Post in chunks, each one transaction; a retry goes on at the heartbeat's cursor, or from the start.

        Where something is missing, it is looked for again: the file stays in alarm, or is posted.
        """
        with Session(self._engine) as session:
            file = _file(session, sha256)
            file_id, stage = file.id, file.stage
        assert file_id is not None
        if stage in ("read", "alarm"):
            try:
                if stage == "read":
                    with _bytes_of(self._engine, sha256) as content:
                        self._post(file_id, content, _cursor())
                self._finish(file_id)
            except (psycopg.DataError, psycopg.IntegrityError, psycopg.ProgrammingError) as error:
                self._hold(file_id, error)
        return self.look(sha256)

    def _finish(self, file_id: int) -> None:
        """Link the file's statements, credit what waited for them, and say what is still missing."""
        with Pulse():
            with Session(self._engine) as session, session.begin():
                accounts = accounts_of(session, file_id)
                chain_by_entries(session, accounts)
            waiting = SLICE
            while waiting == SLICE:
                with Session(self._engine) as session, session.begin():
                    waiting = settle_waiting(session, accounts)
            with Session(self._engine) as session, session.begin():
                stage, reason = conclude(session, file_id, accounts)
                session.execute(
                    update(BankFile)
                    .where(col(BankFile.id) == file_id)
                    .values(stage=stage, reason=reason, posted_at=func.now())
                )

    def _hold(self, file_id: int, error: psycopg.Error) -> None:
        """What PostgreSQL refuses, it refuses each time: a person must see it. The chunks before stay posted."""
        log.error("posting stopped", file=file_id, sqlstate=error.sqlstate)
        reason = (
            f"posting stopped: PostgreSQL refused a chunk ({type(error).__name__}, SQLSTATE {error.sqlstate}). "
            "What was posted before stays. Report it with the worker's log; release the file when it has been mended."
        )
        with Session(self._engine) as session, session.begin():
            session.execute(
                update(BankFile).where(col(BankFile.id) == file_id).values(stage="held", reason=reason)
            )

    def _post(self, file_id: int, content: BinaryIO, cursor: int) -> None:
        with Session(self._engine) as session:
            accounts = accounts_by_position(session, file_id)
        read = chunks(entries(content, cursor), CHUNK)
        # While PostgreSQL posts a chunk, the next one is read.
        with Pulse(cursor) as pulse, ThreadPoolExecutor(1, "bank-file-reader") as reader:
            following = reader.submit(next, read, None)
            while chunk := following.result():
                following = reader.submit(next, read, None)
                with Session(self._engine) as session, session.begin():
                    post_chunk(psycopg_of(session), file_id, accounts, chunk)
                pulse.reach(chunk[-1].ordinal + 1)

    @activity.defn(name="discard_bank_file")
    def discard(self, discard: Discard) -> BankFileState:
        """Put a held file away; its bytes and the reason stay."""
        decision = discard.decision
        with Session(self._engine) as session, session.begin():
            file = _file(session, discard.sha256)
            if file.stage == "held":
                file.stage = "discarded"
                file.reason = (
                    f"discarded by {decision.operator} ({decision.reason}); it was held: {file.reason}"[:1000]
                )
            session.flush()
            return _state(session, discard.sha256)


def _cursor() -> int:
    details = activity.info().heartbeat_details if activity.in_activity() else ()
    return int(details[0]) if details else 0


def _file(session: Session, sha256: str) -> BankFile:
    statement = (
        select(BankFile).where(BankFile.sha256 == sha256).options(defer(cast("Any", BankFile.content)))
    )
    file = session.exec(statement.with_for_update(key_share=True)).one_or_none()
    if file is None:
        raise ApplicationError(f"No bank file has the SHA-256 {sha256[:64]}.", non_retryable=True)
    return file


def accounts_by_position(session: Session, file_id: int) -> dict[int, Account]:
    """The account of each statement of a file."""
    statement = (
        select(BankStatement, CollectionAccount)
        .join(CollectionAccount, col(CollectionAccount.id) == BankStatement.account_id)
        .where(BankStatement.file_id == file_id)
    )
    return {
        s.position: Account(
            a.id or 0, a.code, a.entity, a.currency, s.pages_of, s.page, Format(s.kind), a.iban[:2]
        )
        for s, a in session.exec(statement)
    }


def settle_waiting(session: Session, accounts: Sequence[int]) -> int:
    """Credit up to a slice of what waited for a statement of these accounts, where none is missing; says how many."""
    return credit_waiting(psycopg_of(session), WITHOUT_GAP, {"accounts": list(accounts)})


def conclude(session: Session, file_id: int, accounts: Sequence[int]) -> tuple[str, str]:
    """The stage of a file all of whose entries are kept, and why."""
    # Whoever brings what is missing comes before this, or finds the alarm.
    lock_accounts(session, accounts)
    find_missing(session, file_id, accounts)
    if reason := counted_once(session, file_id):
        return "held", reason[:MAX_REASON]
    alarms = [*gaps_of(session, file_id), *missing_of(session, file_id)]
    return "alarm" if alarms else "posted", "; ".join(alarms)[:MAX_REASON]


_COUNTS = text("""
    SELECT f.id, f.delivered_by, f.format, f.stage, f.reason, f.entries, f.received_at,
        count(DISTINCT e.id) FILTER (WHERE first.file_id = f.id) AS posted,
        count(DISTINCT e.id) FILTER (WHERE first.file_id <> f.id) AS known_before,
        count(p.id) FILTER (WHERE p.state = 'credited' AND first.file_id = f.id) AS credited,
        count(p.id) FILTER (WHERE p.state = 'unapplied' AND first.file_id = f.id) AS unapplied
    FROM bank_file f
    LEFT JOIN bank_sighting s ON s.file_id = f.id
    LEFT JOIN bank_entry e ON e.id = s.entry_id
    LEFT JOIN LATERAL (SELECT min(file_id) AS file_id FROM bank_sighting WHERE entry_id = e.id) first ON true
    LEFT JOIN bank_entry_part p ON p.entry_id = e.id
    WHERE f.sha256 = :sha256 GROUP BY f.id
""")


def _state(session: Session, sha256: str) -> BankFileState:
    row = session.execute(_COUNTS, {"sha256": sha256}).mappings().one_or_none()
    if row is None:
        raise ApplicationError(f"No bank file has the SHA-256 {sha256[:64]}.", non_retryable=True)
    counts = {name: value for name, value in row.items() if name != "id"}
    shown = f"found something else (`prepay bank files {row['id']}` shows it)"
    counts["reason"] = _QUOTED.sub(shown, counts["reason"])
    return BankFileState(**counts, file=row["id"], as_of=datetime.now(UTC))
