"""Payment files as rows and as files: collected, written for the bank, looked at, asked about, sent again."""

import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import structlog
from pydantic import BaseModel
from sqlalchemy import Engine, text
from sqlmodel import Session
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.database import psycopg_of, reading
from activities.payout_collecting import collect
from activities.payout_owners import Told, lock_payouts, tell
from activities.payout_returning import Back, come_back
from activities.pulse import Pulse
from prepay.wire import Wire
from rules.bank_day import BankDays
from rules.operators import SamePerson, second_person
from rules.payment_file import PaymentFileState, RunState, Signal, ask_due, asks_at, refuse_resend
from settings import Settings

STAGING = ".sending"
"""A folder in the outbox that no bank's program looks into."""
MAX_DIGITS = 18

log = structlog.get_logger()


class Collect(Wire):
    """Make the files that are due, or of all that is ready."""

    at_once: bool = False


class DecideFile(Wire):
    """An operator's decision; `key` is its own, however often the step is tried."""

    file: int
    key: str
    signal: Signal
    operator: str
    reason: str
    payout: str = ""
    """The EndToEndId of the one that was not paid."""
    attestation: int | None = None


class Decided(BaseModel):
    """The file after the decision, and why that was refused, if it was."""

    state: PaymentFileState
    refused: str = ""


class NoOutbox(RuntimeError):
    """Nobody has said where payment files go."""

    def __init__(self) -> None:
        super().__init__("PREPAY_OUTBOX is not set: name the folder that payment files go to the bank by.")


class FileChanged(RuntimeError):
    """The bytes are not those that were approved and booked."""

    def __init__(self, file: int) -> None:
        super().__init__(
            f"Payment file {file} is not what was made: its SHA-256 differs. Find out who changed it in {STAGING}, "
            "then take it away from there and send `resend`."
        )


class UnknownPaymentFile(ApplicationError):
    """The rows know no such file."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"There is no payment file {what[:60]!r}.", type="UnknownPaymentFile", non_retryable=True
        )


class _Place(NamedTuple):
    """Where a file is written, and where it goes from there in one moment."""

    staged: Path
    target: Path


class Payouts:
    """The activities of the PaymentRun and PaymentFile workflows."""

    def __init__(self, engine: Engine, options: Settings) -> None:
        self._engine = engine
        self._options = options

    def all(self) -> list[Callable[..., Any]]:
        """What a worker registers."""
        return [self.collect, self.look, self.send, self.ask, self.decide]

    @activity.defn(name="collect_payouts")
    def collect(self, given: Collect) -> RunState:
        """Make the payment files that are due; what is in a file is sent in the book."""
        with Pulse():
            return collect(self._engine, datetime.now(UTC), at_once=given.at_once)

    @activity.defn(name="look_at_payment_file")
    def look(self, workflow_id: str) -> PaymentFileState:
        """The file as it is now; its workflow has heard of it then."""
        file = _number(workflow_id)
        with Session(self._engine) as session, session.begin():
            session.execute(_HEAR, {"file": file})
            return state_of(session, file)

    @activity.defn(name="send_payment_file")
    def send(self, file: int) -> PaymentFileState:
        """Bring the bytes into the outbox, once: done again, nothing is written again; `problem` says why they stay.

        First they are written beside it and the row says so; then they are renamed. Where they are no more beside it,
        they have gone.
        """
        problem = ""
        try:
            self._bring(file)
        except (NoOutbox, FileChanged) as refusal:
            problem = str(refusal)
        except OSError as error:
            problem = f"The outbox cannot be written: {error.strerror or 'the disk does not say why'}."
        if problem:
            log.error("payment file not sent", file=file, problem=problem)
        with reading(self._engine) as session:
            return state_of(session, file).model_copy(update={"problem": problem})

    def _bring(self, file: int) -> None:
        if self._options.outbox is None:
            raise NoOutbox
        with Session(self._engine) as session, session.begin():
            self._stage(session, file, self._options.outbox)
        with Session(self._engine) as session, session.begin():
            self._move(session, file, self._options.outbox)

    def _stage(self, session: Session, file: int, outbox: Path) -> None:
        row = session.execute(_LOCK, {"file": file}).one_or_none()
        if row is None:
            raise UnknownPaymentFile(str(file))
        if row.stage != "written" or row.staged_at is not None:
            return
        content = bytes(row.content)
        _require_same(file, content, row.sha256)
        staged = _place(outbox, row.message_id, row.resent).staged
        staged.parent.mkdir(parents=True, exist_ok=True)
        _write(staged, content)
        _require_same(file, staged.read_bytes(), row.sha256)
        session.execute(_STAGED, {"file": file})

    def _move(self, session: Session, file: int, outbox: Path) -> None:
        row = session.execute(_LOCK, {"file": file}).one()
        if row.stage != "written":
            return
        place = _place(outbox, row.message_id, row.resent)
        with suppress(FileNotFoundError):
            _require_same(file, place.staged.read_bytes(), row.sha256)
            place.staged.rename(place.target)
        _sync(outbox)
        session.execute(_SENT, {"file": file})

    @activity.defn(name="ask_about_payment_file")
    def ask(self, file: int) -> PaymentFileState:
        """The bank is silent: people are told of all its business days that have passed, each counted once."""
        with Session(self._engine) as session, session.begin():
            session.execute(_LOCK, {"file": file})
            now = datetime.now(UTC)
            while ask_due(state := state_of(session, file), now):
                session.execute(_ASKED, {"file": file})
            return state

    @activity.defn(name="decide_on_payment_file")
    def decide(self, given: DecideFile) -> Decided:
        """Do what an operator decided; the same decision again changes nothing."""
        with Session(self._engine) as session, session.begin():
            refused = decide(session, given)
        with reading(self._engine) as session:
            return Decided(state=state_of(session, given.file), refused=refused or "")


def decide(session: Session, given: DecideFile) -> str | None:
    """Why it cannot be done, or nothing once it is."""
    if session.execute(_SAID, {"key": given.key}).first():
        return None
    if given.signal == "not_paid":
        return _not_paid(session, given)
    session.execute(_LOCK, {"file": given.file})
    refused = refuse_resend(state_of(session, given.file))
    if refused is None and session.execute(_RESENT_FOR, given.model_dump()).first():
        # Reset in the UI sends signals once more.
        refused = "you had it sent again for that reason before; say what is new"
    if refused is None:
        session.execute(_RESEND, {"file": given.file})
        session.execute(_SAY, given.model_dump() | {"payout_id": None})
    return refused


def _not_paid(session: Session, given: DecideFile) -> str | None:
    """The second of two people gives the money back to its hold: the bank never took it."""
    connection = psycopg_of(session)
    found = session.execute(_NAMED, {"file": given.file, "payout": given.payout}).scalar_one_or_none()
    if found is None:
        return f"the file has no payout {given.payout!r}; `prepay payment-file show` lists them"
    lock_payouts(connection, [found])
    if session.execute(_LOCK, {"file": given.file}).one().stage == "written":
        return "the file has not left yet, and the bank may still get it and pay"
    row = session.execute(_NOT_PAID, {"payout": found}).one()
    if row.stage != "sent":
        return f"payout {given.payout} is {row.stage} already"
    if row.came_back_part_id is not None:
        return f"payout {given.payout} came back; the entry with which it left must come first"
    try:
        second = second_person(list(row.by), given.operator, "said")
    except SamePerson as refusal:
        return f"{refusal} say it too"
    session.execute(_SAY, given.model_dump() | {"payout_id": found})
    said = Told(
        found,
        f"{given.key} not paid",
        f"The bank never paid payout {found}, as it told an operator.",
        given.operator,
        given.reason,
        given.attestation,
    )
    tell(connection, [said])
    if second:
        come_back(connection, [Back(found, "rejected", "")])
    return None


def _place(outbox: Path, message_id: str, resent: int) -> _Place:
    name = f"{message_id}{f'-{resent + 1}' if resent else ''}.xml"
    return _Place(outbox / STAGING / name, outbox / name)


def _require_same(file: int, content: bytes, sha256: str) -> None:
    if hashlib.sha256(content).hexdigest() != sha256:
        raise FileChanged(file)


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    _sync(path.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _number(workflow_id: str) -> int:
    number = workflow_id.removeprefix("payment-file-")
    if not (number.isascii() and number.isdigit() and len(number) <= MAX_DIGITS):
        raise UnknownPaymentFile(workflow_id)
    return int(number)


def state_of(session: Session, file: int) -> PaymentFileState:
    """What the workflow learns. Raises UnknownPaymentFile."""
    row = session.execute(_STATE, {"file": file}).mappings().one_or_none()
    if row is None:
        raise UnknownPaymentFile(str(file))
    days = BankDays(row["currency"], row["country"], row["time_zone"], row["cut_off"])
    # Not by the workflow: the calendars read files.
    due = asks_at(days, row["stage"], row["execute_on"], row["sent_at"], row["asked"])
    known = {name: row[name] for name in PaymentFileState.model_fields if name in row}
    return PaymentFileState(
        **known, next_ask=due if row["ended_at"] is None else None, as_of=datetime.now(UTC)
    )


_LOCK = text(
    "SELECT message_id, content, sha256, stage, staged_at, resent FROM payment_file WHERE id = :file FOR NO KEY UPDATE"
)
_HEAR = text("UPDATE payment_file SET heard = true WHERE id = :file AND NOT heard")
_STAGED = text("UPDATE payment_file SET staged_at = now() WHERE id = :file")
_SENT = text("UPDATE payment_file SET stage = 'sent', sent_at = now() WHERE id = :file")
_ASKED = text("UPDATE payment_file SET asked = asked + 1 WHERE id = :file")
_RESEND = text(
    "UPDATE payment_file SET stage = 'written', staged_at = NULL, resent = resent + 1 WHERE id = :file"
)
_SAID = text("SELECT id FROM payment_file_decision WHERE key = :key")
_RESENT_FOR = text("""
    SELECT id FROM payment_file_decision
    WHERE file_id = :file AND signal = 'resend' AND operator = :operator AND reason = :reason
""")
_SAY = text("""
    INSERT INTO payment_file_decision (key, file_id, signal, payout_id, operator, reason)
    VALUES (:key, :file, :signal, :payout_id, :operator, :reason)
""")

_NAMED = text("SELECT id FROM payout WHERE file_id = :file AND end_to_end_id = :payout")
_NOT_PAID = text("""
    SELECT stage, came_back_part_id, ARRAY(SELECT operator FROM payment_file_decision WHERE payout_id = p.id) AS by
    FROM payout p WHERE id = :payout
""")

_STATE = text("""
    SELECT f.id AS file, f.message_id, a.code AS account, a.entity, a.currency, n.country, n.time_zone, a.cut_off,
        f.version, f.execute_on, f.stage, f.reason, f.payouts, f.sum_minor, f.asked, f.resent, f.collected_at,
        f.sent_at, f.answered_at, f.ended_at, p.*
    FROM payment_file f JOIN collection_account a ON a.id = f.account_id JOIN contracting_entity n ON n.code = a.entity
    CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE stage = 'sent') AS open, count(*) FILTER (WHERE stage = 'settled') AS settled,
            count(*) FILTER (WHERE stage = 'rejected') AS rejected,
            count(*) FILTER (WHERE stage = 'returned') AS returned
        FROM payout WHERE file_id = f.id
    ) p WHERE f.id = :file
""")
