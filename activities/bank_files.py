"""Bank files: stored once, read whole, then posted in chunks that each are one transaction."""

import io
import os
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, BinaryIO, cast

from sqlalchemy import Engine, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import defer
from sqlmodel import Session, col, select
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.bank_chain import WITHOUT_GAP, chain, chain_by_entries, gaps_of, lock_accounts
from activities.bank_decisions import SHOWN, Decide, Decided, decide, decisions
from activities.bank_file_bytes import STAGED, bytes_of, stage_bytes
from activities.bank_incoming import (
    Chunk,
    chunks_of,
    forget,
    incoming,
    is_complete,
    leave_to_people,
    lock_incoming,
)
from activities.bank_missing import find_missing, missing_of, unread_of
from activities.bank_pipeline import PostingStopped, post_entries, stops
from activities.bank_posting import credit_waiting
from activities.bank_statements import (
    MustWait,
    SumsTooLarge,
    accounts_of,
    counted_once,
    keep_statements,
    sources_of,
)
from activities.database import psycopg_of, reading
from activities.payout_answers import apply_answers, require_source
from activities.pulse import Pulse
from bankfiles import Survey, read_answers, survey
from bankfiles.answers import is_answer
from models import BankFile, Outbox
from prepay.bank_files import source_name
from prepay.ids import bank_file_workflow_id
from rules.bank_file import STOPPED, BankFileState

MAX_REASON = 1000
MAX_FILE_MINOR = 10**17
"""The sums of a file, in minor units: balances of many such files still fit 64 bits."""
MAX_FILE_BYTES = 256 * 1024 * 1024

_WITHOUT_BYTES = defer(cast("Any", BankFile.content))

# A reason quotes what stood in the file, and that may be an account number: people read it from the database. One that
# is cut off ends within the quotation.
_QUOTED = re.compile(r"""found ('(?:[^'\\]|\\.)*('|\\?$)|"(?:[^"\\]|\\.)*("|\\?$))""", re.DOTALL)


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

    An open file passes through memory in pieces. Raises FileTooLarge, FileEmpty, and ValueError where `delivered_by`
    is no source's name.
    """
    source_name(delivered_by)
    stream = io.BytesIO(content) if isinstance(content, bytes) else content
    size = stream.seek(0, os.SEEK_END)
    if size > MAX_FILE_BYTES:
        raise FileTooLarge(name, size)
    if not size:
        raise FileEmpty(name)
    with Session(engine) as session, session.begin():
        sha256 = stage_bytes(psycopg_of(session), stream)
        row: dict[str, Any] = {
            "sha256": sha256,
            "name": name,
            "delivered_by": delivered_by,
            "content": STAGED,
        }
        row |= {"format": "", "stage": "stored", "reason": "", "entries": 0}
        new = session.execute(
            insert(BankFile).values(**row).on_conflict_do_nothing().returning(col(BankFile.id))
        ).scalar_one_or_none()
        session.execute(_LOCK, {"sha256": sha256})
        session.execute(_DELIVERED, {"sha256": sha256, "delivered_by": delivered_by})
        session.add(Outbox(workflow_id=bank_file_workflow_id(sha256), version=1))
    return sha256, new is not None


# A file that waits because of where it came from is looked at anew, and so is one that was put away for that when it
# comes from somebody else. The hold stays the same unless the reading says otherwise.
_DELIVERED = text("""
    WITH delivery AS (
        INSERT INTO bank_file_delivery (file_id, delivered_by)
        SELECT id, :delivered_by FROM bank_file WHERE sha256 = :sha256 ON CONFLICT DO NOTHING RETURNING file_id
    )
    UPDATE bank_file SET stage = 'stored' WHERE sha256 = :sha256 AND held_for = 'source'
        AND (stage = 'held' OR (stage = 'discarded' AND EXISTS (SELECT FROM delivery)))
""")
# Before, so that a reading that is about to hold the file has ended.
_LOCK = text("SELECT id FROM bank_file WHERE sha256 = :sha256 FOR NO KEY UPDATE")


class BankFiles:
    """The activities of the BankFile workflow."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self) -> list[Callable[..., Any]]:
        """What a worker registers."""
        return [self.look, self.read, self.post, self.decide]

    @activity.defn(name="look_at_bank_file")
    def look(self, sha256: str) -> BankFileState:
        """The file's row and counts."""
        with reading(self._engine) as session:
            return _state(session, sha256)

    @activity.defn(name="read_bank_file")
    def read(self, sha256: str) -> BankFileState:
        """Read the whole file and decide: sound, held or refused. Nothing is posted here."""
        try:
            with stops("The whole file", "its entries to be kept", "Nothing of it is posted."), Pulse():
                return self._read(sha256)
        except PostingStopped as reason:
            self._stop(sha256, "stored", reason)
        return self.look(sha256)

    def _read(self, sha256: str) -> BankFileState:
        with Session(self._engine) as session, session.begin():
            file_id = _id(session, sha256)
            lock_incoming(psycopg_of(session), file_id)
            if session.get_one(BankFile, file_id, options=[_WITHOUT_BYTES]).stage == "stored":
                found = self._survey(session, sha256, file_id)
                file = _file(session, sha256)
                file.format, file.entries = found.version or found.format, found.entries
                self._settle(session, file, found)
                if file.stage != "read":
                    forget(psycopg_of(session), file_id)
                session.flush()
            return _state(session, sha256)

    def _survey(self, session: Session, sha256: str, file_id: int) -> Survey:
        """Read the file, and write down what it tells."""
        connection = psycopg_of(session)
        with bytes_of(self._engine, sha256) as content, incoming(connection, file_id) as told:
            found = survey(content, told.take)
        leave_to_people(connection, file_id)
        return found

    def _stop(self, sha256: str, stage: str, reason: PostingStopped) -> None:
        """Hold a file in that stage. Released, it is read again."""
        with Session(self._engine) as session, session.begin():
            file = _file(session, sha256)
            if file.stage == stage:
                forget(psycopg_of(session), file.id or 0)
                _hold(file, "reading" if stage == "stored" else STOPPED, str(reason))

    def _settle(self, session: Session, file: BankFile, found: Survey) -> None:
        if found.outcome == "held":
            _hold(file, found.held_for, found.reason)
            return
        try:
            if found.outcome == "read" and found.answers:
                require_source(session, file.id or 0, found.answers)
            elif found.outcome == "read":
                self._keep_statements(session, file, found)
        except MustWait as reason:
            _hold(file, reason.held_for, str(reason))
        else:
            file.stage, file.held_for, file.reason = found.outcome, "", found.reason[:MAX_REASON]

    def _keep_statements(self, session: Session, file: BankFile, found: Survey) -> None:
        for currency, totals in found.totals.items():
            if (minor := max(totals.credit_minor, totals.debit_minor)) > MAX_FILE_MINOR:
                raise SumsTooLarge(currency, minor, MAX_FILE_MINOR)
        with session.begin_nested():
            keep_statements(session, file, found.statements)
            chain(session, accounts_of(session, file.id or 0))

    @activity.defn(name="post_bank_file")
    def post(self, sha256: str) -> BankFileState:
        """Post in chunks, each one transaction; a retry goes on with those that are left.

        Where something is missing, it is looked for again: the file stays in alarm, or is posted.
        """
        with reading(self._engine) as session:
            file_id = _id(session, sha256)
            file = session.get_one(BankFile, file_id, options=[_WITHOUT_BYTES])
            stage, entries = file.stage, file.entries
        if is_answer(file.format) and stage == "read":
            self._apply(sha256)
        elif stage in ("read", "alarm"):
            try:
                if stage == "read":
                    post_entries(self._engine, file_id, self._waiting(sha256, file_id, entries))
                self._finish(sha256, file_id)
            except PostingStopped as reason:
                self._stop(sha256, stage, reason)
        return self.look(sha256)

    def _waiting(self, sha256: str, file_id: int, entries: int) -> list[Chunk]:
        """What is to be posted. Where PostgreSQL has crashed since, it has lost that, and the file is read again.

        One transaction: should PostgreSQL crash again, nothing is taken for all.
        """
        with Pulse(), Session(self._engine) as session, session.begin():
            lock_incoming(psycopg_of(session), file_id)
            if not is_complete(psycopg_of(session), file_id, entries):
                self._survey(session, sha256, file_id)
            return chunks_of(psycopg_of(session), file_id)

    def _apply(self, sha256: str) -> None:
        """What the bank answers to payment files, in one transaction."""
        with Pulse(), bytes_of(self._engine, sha256) as content:
            answers = read_answers(content)
            with Session(self._engine) as session, session.begin():
                file = _file(session, sha256)
                if file.stage == "read":
                    reason = apply_answers(psycopg_of(session), answers)
                    file.posted_at = datetime.now(UTC)
                    _end(file, "posted", reason[:MAX_REASON])

    def _finish(self, sha256: str, file_id: int) -> None:
        """Link the file's statements, credit what waited for them, and say what is still missing."""
        with Pulse(), stops("After the last entry", "the statements to be linked"):
            with Session(self._engine) as session, session.begin():
                accounts = accounts_of(session, file_id)
                chain_by_entries(session, file_id, accounts)
            after: str | None = ""
            while after is not None:
                with Session(self._engine) as session, session.begin():
                    after = settle_waiting(session, accounts, after) or None
            with Session(self._engine) as session, session.begin():
                stage, reason = conclude(session, file_id, accounts)
                _end(_file(session, sha256), stage, reason)

    @activity.defn(name="decide_on_bank_file")
    def decide(self, given: Decide) -> Decided:
        """Write down what an operator decided about a held file; the second release and a discard are carried out."""
        with Session(self._engine) as session, session.begin():
            file = _file(session, given.sha256)
            refused = decide(session, file, _state(session, given.sha256), given)
            return Decided(state=_state(session, given.sha256), refused=refused)


def _end(file: BankFile, stage: str, reason: str) -> None:
    """All entries of a locked file have been kept."""
    if file.stage not in ("read", "alarm"):
        return
    if stage == "held":
        _hold(file, "overlap", reason)
    elif stage == "alarm":
        _hold(file, "missing", reason)
        file.stage = stage
    else:
        file.stage, file.held_for, file.reason = stage, "", reason


def _hold(file: BankFile, held_for: str, reason: str) -> None:
    """Hold a locked file. For the same reason as before it is the same hold, unless that was released."""
    held = (held_for, reason[:MAX_REASON])
    if (file.held_for, file.reason) != held:
        file.hold += 1
    file.stage, file.held_for, file.reason = "held", *held


def _id(session: Session, sha256: str) -> int:
    found = session.exec(select(BankFile.id).where(BankFile.sha256 == sha256)).one_or_none()
    if found is None:
        raise ApplicationError(f"No bank file has the SHA-256 {sha256[:64]}.", non_retryable=True)
    return found


def _file(session: Session, sha256: str) -> BankFile:
    """The file's row, locked until the transaction ends."""
    return session.get_one(
        BankFile,
        _id(session, sha256),
        options=[_WITHOUT_BYTES],
        with_for_update={"key_share": True},
        populate_existing=True,
    )


def settle_waiting(session: Session, accounts: Sequence[int], after: str = "") -> str:
    """Credit a slice of what waited for a statement, where none is missing; returns where to go on."""
    return credit_waiting(psycopg_of(session), WITHOUT_GAP, {"accounts": list(accounts)}, after)


def conclude(session: Session, file_id: int, accounts: Sequence[int]) -> tuple[str, str]:
    """The stage of a file all of whose entries are kept, and why."""
    # Whoever brings what is missing comes before this, or finds the alarm.
    lock_accounts(session, accounts)
    if reason := counted_once(session, file_id):
        return "held", reason[:MAX_REASON]
    find_missing(session, file_id, accounts)
    alarms = [*gaps_of(session, file_id), *missing_of(session, file_id), *unread_of(session, file_id)]
    return "alarm" if alarms else "posted", "; ".join(alarms)[:MAX_REASON]


# An entry is posted by the first file that told of it.
_COUNTS = text("""
    SELECT f.id, f.format, f.stage, f.held_for, f.hold, f.reason, f.entries, f.received_at,
        count(*) FILTER (WHERE NOT seen.before) AS posted, count(*) FILTER (WHERE seen.before) AS known_before,
        coalesce(sum(parts.credited), 0)::bigint AS credited, coalesce(sum(parts.unapplied), 0)::bigint AS unapplied
    FROM bank_file f
    LEFT JOIN LATERAL (
        SELECT entry_id, EXISTS (
            SELECT FROM bank_sighting o WHERE o.entry_id = s.entry_id AND o.file_id < f.id
        ) AS before
        FROM (SELECT DISTINCT entry_id FROM bank_sighting WHERE file_id = f.id) s
    ) seen ON true
    LEFT JOIN LATERAL (
        SELECT count(*) FILTER (WHERE state = 'credited') AS credited,
            count(*) FILTER (WHERE state = 'unapplied') AS unapplied
        FROM bank_entry_part WHERE entry_id = seen.entry_id
    ) parts ON NOT seen.before
    WHERE f.sha256 = :sha256 GROUP BY f.id
""")


def _state(session: Session, sha256: str) -> BankFileState:
    row = session.execute(_COUNTS, {"sha256": sha256}).mappings().one_or_none()
    if row is None:
        raise ApplicationError(f"No bank file has the SHA-256 {sha256[:64]}.", non_retryable=True)
    counts = {name: value for name, value in row.items() if name != "id"}
    shown = f"found something else (`prepay bank files {row['id']}` shows it)"
    counts["reason"] = _QUOTED.sub(shown, counts["reason"])
    return BankFileState(
        **counts,
        file=row["id"],
        delivered_by=", ".join(sources_of(session, row["id"])[:SHOWN]),
        decisions=decisions(session, row["id"]),
        as_of=datetime.now(UTC),
    )
