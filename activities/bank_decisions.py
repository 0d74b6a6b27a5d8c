"""Operators' decisions about held bank files: written down for ever, and carried out when enough people made them."""

from typing import Any

from pydantic import BaseModel
from sqlalchemy import text
from sqlmodel import Session

from activities.bank_chain import let_follow
from activities.bank_missing import settle_missing, settle_unread
from models import BankFile
from prepay.bank_files import DecideBankFile
from prepay.wire import Wire
from rules.bank_file import (
    DONE,
    KEPT,
    BankFileState,
    FileDecision,
    Signal,
    enough,
    refuse_decision,
    refuse_to_discard,
)
from rules.operators import SamePerson

SHOWN = 20


class Decide(Wire):
    """Take an operator's decision about the hold that they saw."""

    sha256: str
    hold: int
    key: str
    """Of this decision alone: the step may be tried again."""
    signal: Signal
    decision: DecideBankFile


class Decided(BaseModel):
    """The file after a decision, and why that was refused, if it was."""

    state: BankFileState
    refused: str = ""


def decide(session: Session, file: BankFile, state: BankFileState, given: Decide) -> str:
    """Write a decision about the locked file down and carry it out when it counts; why not, where it does not."""
    if session.execute(_WRITTEN, {"key": given.key}).first():
        return ""
    refused = refuse_decision(state, given.signal, given.hold) or refuse_to_discard(state, given.signal)
    if refused is not None:
        return refused
    try:
        carried_out = enough(state, given.signal, given.decision.operator)
        _write(session, file, given)
    except SamePerson as refusal:
        return str(refusal)
    if carried_out:
        _carry_out(session, file, given)
    return ""


def _write(session: Session, file: BankFile, given: Decide) -> None:
    row = {"key": given.key, "file": file.id, "signal": given.signal, **given.decision.model_dump()}
    if session.execute(_WRITE, row).first() is None:
        raise SamePerson(DONE[given.signal])


def _carry_out(session: Session, file: BankFile, given: Decide) -> None:
    if given.signal == "release":
        released = session.execute(_RELEASE, {"file": file.id}).scalar_one_or_none()
        if released == "read":
            let_follow(session, file.id or 0)
            settle_missing(session, file.id or 0)
            settle_unread(session, file.id or 0)
        return
    said = f"discarded by {given.decision.operator} ({given.decision.reason}); it was held: {file.reason}"
    session.execute(_DISCARD, {"file": file.id, "reason": said[:1000], "kept": KEPT})


def decisions(session: Session, file_id: int) -> tuple[FileDecision, ...]:
    """The newest decisions about a file, oldest first."""
    rows = session.execute(_DECISIONS, {"file": file_id, "shown": SHOWN}).mappings()
    return tuple(FileDecision(**row) for row in reversed(rows.all()))


def released_by_two(session: Session, file_id: int, held_for: str) -> bool:
    """Whether two people have released a hold of that kind."""
    given: dict[str, Any] = {"file": file_id, "held_for": held_for}
    return session.execute(_RELEASED, given).first() is not None


_WRITTEN = text("SELECT id FROM bank_file_decision WHERE key = :key")

_WRITE = text("""
    INSERT INTO bank_file_decision (key, file_id, hold, held_for, signal, operator, reason)
    SELECT :key, id, hold, held_for, :signal, :operator, :reason FROM bank_file WHERE id = :file
    ON CONFLICT (file_id, hold, signal, lower(btrim(operator))) DO NOTHING RETURNING id
""")

# What is written decides, not who asks: the index lets nobody stand there twice.
_RELEASE = text("""
    UPDATE bank_file f SET stage = CASE stage WHEN 'alarm' THEN 'read' ELSE 'stored' END, held_for = '', reason = ''
    WHERE id = :file AND stage IN ('held', 'alarm') AND 2 <= (
        SELECT count(*) FROM bank_file_decision d WHERE d.file_id = f.id AND d.hold = f.hold AND d.signal = 'release'
    )
    RETURNING stage
""")

_DISCARD = text("""
    UPDATE bank_file f SET stage = 'discarded', reason = :reason
    WHERE id = :file AND stage = 'held' AND (held_for <> :kept OR 2 <= (
        SELECT count(*) FROM bank_file_decision d WHERE d.file_id = f.id AND d.hold = f.hold AND d.signal = 'discard'
    ))
""")

_DECISIONS = text("""
    SELECT hold, signal, operator, reason, created_at AS at FROM bank_file_decision
    WHERE file_id = :file ORDER BY id DESC LIMIT :shown
""")

_RELEASED = text("""
    SELECT hold FROM bank_file_decision
    WHERE file_id = :file AND held_for = :held_for AND signal = 'release' GROUP BY hold HAVING count(*) >= 2
""")
