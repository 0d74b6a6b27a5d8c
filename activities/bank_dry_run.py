"""What would become of a bank file: all of it is done in one transaction, which is then taken back."""

import hashlib
import sys
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from sqlalchemy import Engine, text
from sqlmodel import Session, select

from activities.bank_chain import chain, chain_by_entries
from activities.bank_files import conclude, settle_waiting
from activities.bank_incoming import chunks_of, incoming, lock_incoming
from activities.bank_posting import post_chunk
from activities.bank_statements import MustWait, accounts_of, keep_statements
from activities.database import psycopg_of
from activities.payout_answers import apply_answers, require_source
from bankfiles import read, survey
from models import BankFile

MAX_ENTRIES = 20_000
"""The customers of a dry run wait for its end, as it locks what a posting locks."""


class TooManyEntries(ValueError):
    """A dry run of it would hold up payments."""

    def __init__(self, count: int) -> None:
        super().__init__(
            f"The file has {count:,} entries; a dry run takes at most {MAX_ENTRIES:,}, as customers' payments wait "
            "for it. `prepay bank read` reads a file of any size."
        )


@dataclass(frozen=True, slots=True)
class DryRun:
    """`outcome` is the stage the file would have; `parts` is where each part would go, and why."""

    outcome: str
    reason: str = ""
    parts: list[dict[str, Any]] = field(default_factory=list)


def dry_run(engine: Engine, content: bytes, name: str, delivered_by: str) -> DryRun:
    """Read, match and post a file, and take it all back. Raises TooManyEntries."""
    found = survey(content)
    if found.outcome != "read":
        return DryRun(found.outcome, found.reason)
    if found.entries > MAX_ENTRIES:
        raise TooManyEntries(found.entries)
    with Session(engine) as session:
        try:
            file = _file(session, content, name, delivered_by)
            if found.answers:
                require_source(session, file.id or 0, found.answers)
                return DryRun("posted", apply_answers(psycopg_of(session), found.answers))
            keep_statements(session, file, found.statements)
            return _post(session, file.id or 0, content)
        except MustWait as reason:
            return DryRun("held", str(reason))
        finally:
            session.rollback()


def _file(session: Session, content: bytes, name: str, delivered_by: str) -> BankFile:
    sha256 = hashlib.sha256(content).hexdigest()
    file = session.exec(select(BankFile).where(BankFile.sha256 == sha256)).one_or_none()
    if file is None:
        file = BankFile(sha256=sha256, name=name, delivered_by=delivered_by, content=content)
        session.add(file)
        session.flush()
    # Before any account, as whoever reads the file does.
    lock_incoming(psycopg_of(session), file.id or 0)
    session.execute(_DELIVERED, {"file": file.id, "delivered_by": delivered_by})
    return file


def _post(session: Session, file: int, content: bytes) -> DryRun:
    accounts = accounts_of(session, file)
    chain(session, accounts)
    connection = psycopg_of(session)
    # One chunk, whatever its batches hold: what a chunk is matched in is emptied by the end of the transaction alone.
    with incoming(connection, file, sys.maxsize) as told:
        for event in read(BytesIO(content)):
            told.take(event)
    for chunk in chunks_of(connection, file):
        post_chunk(connection, file, chunk)
    chain_by_entries(session, file, accounts)
    settle_waiting(session, accounts)
    stage, reason = conclude(session, file, accounts)
    return DryRun(stage, reason, [dict(row) for row in session.execute(_PARTS, {"file": file}).mappings()])


# An account may name who brings its files.
_DELIVERED = text("""
    INSERT INTO bank_file_delivery (file_id, delivered_by) VALUES (:file, :delivered_by) ON CONFLICT DO NOTHING
""")

_PARTS = text("""
    SELECT g.line, e.booked_on, e.status, p.amount_minor, p.currency, p.direction, p.payer_name, p.remittance, p.state,
        p.reason, given.customer, given.deposit, EXISTS (
            SELECT FROM bank_sighting other WHERE other.entry_id = e.id AND other.file_id <> g.file_id
        ) AS known
    FROM bank_sighting g JOIN bank_entry e ON e.id = g.entry_id JOIN bank_entry_part p ON p.entry_id = e.id
    CROSS JOIN LATERAL (
        SELECT string_agg(DISTINCT c.number, ' ') AS customer,
            string_agg(d.number, ' ' ORDER BY credit.position) AS deposit
        FROM credit JOIN customer c ON c.id = credit.customer_id LEFT JOIN deposit d ON d.id = credit.deposit_id
        WHERE credit.part_id = p.id
    ) given
    WHERE g.file_id = :file ORDER BY g.ordinal, p.position
""")
