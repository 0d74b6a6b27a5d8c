"""Entries that could not be read: one person proposes what such an entry is, and when another approves, it is posted.

It is an entry that another file brought, or what people read in the file themselves. Either way its money must be what
the file tells of it, and then it is kept and posted like any entry.
"""

import json
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlmodel import Session

from activities.bank_chain import lock_accounts
from activities.bank_incoming import chunks_of, incoming, lock_incoming
from activities.bank_posting import post_chunk
from activities.bank_resolving_input import (
    AlreadyResolved,
    DoesNotAddUp,
    Facts,
    FactsWrong,
    LineNotFound,
    MaybeKnown,
    MoneyUnknown,
    NothingMissing,
    NotPosted,
    OpenAlready,
    OtherCurrency,
    OtherMoney,
    Resolve,
    SeveralInLine,
    WrongEntry,
    money_text,
)
from activities.bank_statements import accounts_of
from activities.database import psycopg_of
from bankfiles import Direction, Entry
from bankfiles.typed import Typed, typed_entry
from ledger.checks import CHECKS, run_checks
from models import Outbox
from prepay.ids import resolution_workflow_id
from prepay.money import Money
from prepay.wire import positive_minor
from rules.operators import person

SHOWN = 5
_ADDS_UP = [check for check in CHECKS if check.name in ("bank-balances", "bank-statements")]


@dataclass(frozen=True, slots=True)
class Unread:
    """An entry that could not be read, as it is in the database, with its account."""

    file_id: int
    ordinal: int
    statement: int
    line: int
    path: str
    amount_minor: int | None
    currency: str
    direction: str
    status: str
    resolution_id: int | None
    entry_id: int | None
    resolved_by: str
    approved_by: str
    resolved_at: datetime | None
    stage: str
    account_id: int
    account: str
    account_currency: str
    bank_number: str

    @property
    def where(self) -> str:
        return f"line {self.line} ({self.path}) of file {self.file_id}"

    @property
    def place(self) -> dict[str, int]:
        return {"file": self.file_id, "ordinal": self.ordinal}

    @property
    def money(self) -> str:
        return money_text(self.amount_minor, self.currency, self.direction)


class Sum(NamedTuple):
    """Money with its way."""

    amount_minor: int
    currency: str
    direction: str

    def __str__(self) -> str:
        return money_text(*self)


class Proposal(NamedTuple):
    """What was proposed, by whom and when, and whether just now."""

    id: int
    by: str
    at: datetime
    facts: dict[str, Any]
    money: Money
    new: bool

    @property
    def workflow_id(self) -> str:
        """Who waits for the second person."""
        return resolution_workflow_id(self.id)


def propose(session: Session, given: Resolve) -> Proposal:
    """Write down what the entry is, once it could be carried out, and ring its workflow. Raises NotResolved.

    The same again changes nothing.
    """
    unread = find(session, given.file, given.line)
    if unread.resolved_at is not None:
        raise _resolved(unread)
    facts = given.facts.model_dump(mode="json", exclude_defaults=True)
    entry = _entry(session, unread, given.facts)
    row = {**unread.place, "by": given.by, "reason": given.reason, "facts": json.dumps(facts)}
    row |= {
        "amount_minor": entry.amount_minor,
        "currency": entry.currency,
        "direction": entry.direction.value,
    }
    found = session.execute(_PROPOSE, row).mappings().one()
    if not found["new"] and (found["facts"], person(found["by"])) != (facts, person(given.by)):
        raise OpenAlready(unread.where, found["id"], found["by"], found["at"])
    money = Money(amount_minor=entry.amount_minor, currency=entry.currency)
    proposal = Proposal(**found, money=money)
    if proposal.new:
        session.add(Outbox(workflow_id=proposal.workflow_id, version=1))
    return proposal


def _resolved(unread: Unread) -> AlreadyResolved:
    assert unread.resolved_at is not None
    by = (unread.resolved_by, unread.approved_by)
    return AlreadyResolved(unread.where, unread.entry_id or 0, *by, unread.resolved_at)


def carry_out(session: Session, unread: Unread, resolution: int) -> None:
    """Post what was proposed and approved, in the caller's transaction. Raises NotResolved."""
    if unread.resolved_at is not None:
        raise _resolved(unread)
    stored = session.execute(_FACTS, {"resolution": resolution}).scalar_one()
    facts = Facts.model_validate(stored)
    entry = _entry(session, unread, facts)
    connection = psycopg_of(session)
    with incoming(connection, unread.file_id) as told:
        # The key of one that another file brought was counted when it came.
        told.entry(entry, counted=facts.entry is not None)
    for chunk in chunks_of(connection, unread.file_id):
        post_chunk(connection, unread.file_id, chunk)
    row: dict[str, Any] = {**unread.place, "resolution": resolution, "account": unread.account_id}
    row |= {
        "amount_minor": entry.amount_minor,
        "currency": entry.currency,
        "direction": entry.direction.value,
    }
    session.execute(_RESOLVE, row).scalar_one()
    session.execute(_RING, {"file": unread.file_id})
    _require_sums(session, unread)


def _require_sums(session: Session, unread: Unread) -> None:
    """What the balances lack is what is still unread."""
    ours = {("code", unread.account), ("account_id", unread.account_id)}
    # They go through the whole book.
    session.execute(_PATIENCE)
    for result in run_checks(psycopg_of(session), _ADDS_UP):
        if any(ours & set(breach.items()) for breach in result.breaches):
            raise DoesNotAddUp(unread.where, unread.account)


def find(session: Session, file: int, line: str = "", ordinal: int | None = None) -> Unread:
    """The entry of a line, an element or an ordinal, while nobody posts to its account, looks there, or resolves it.

    Raises NotResolved.
    """
    # Before any account, as whoever reads the file does.
    lock_incoming(psycopg_of(session), file)
    lock_accounts(session, accounts_of(session, file))
    given = {"file": file, "line": line, "ordinal": ordinal}
    rows = session.execute(_FIND, given).mappings().all()
    if not rows:
        raise LineNotFound(file, line)
    if len(rows) > 1:
        raise SeveralInLine(file, line, [str(row["path"]) for row in rows[:2]])
    unread = Unread(**rows[0])
    if unread.stage not in ("posted", "alarm"):
        raise NotPosted(file, unread.stage)
    if unread.amount_minor == 0:
        raise NothingMissing(unread.where)
    return unread


def _entry(session: Session, unread: Unread, facts: Facts) -> Entry:
    """The entry that is to be posted."""
    told = (
        facts.booked_on,
        facts.value_on,
        facts.payer_account,
        facts.reference,
        facts.remittance,
        facts.payer,
    )
    if (facts.entry is not None and (any(told) or facts.new)) or (
        facts.entry is None and not facts.booked_on
    ):
        raise FactsWrong
    money = _money(unread, facts)
    return (
        _linked(session, unread, facts.entry, money) if facts.entry else _typed(session, unread, facts, money)
    )


def _money(unread: Unread, facts: Facts) -> Sum:
    """What the file tells, and people where it does not."""
    currency = unread.currency or facts.currency
    direction = unread.direction or facts.direction
    if not currency:
        raise MoneyUnknown(unread.where, "currency")
    if not unread.currency and currency != unread.account_currency:
        raise OtherCurrency(unread.where, unread.account, unread.account_currency, currency)
    given = positive_minor(facts.amount, facts.currency or currency) if facts.amount else None
    amount_minor = given if unread.amount_minor is None else unread.amount_minor
    if amount_minor is None:
        raise MoneyUnknown(unread.where, "amount")
    if not direction:
        raise MoneyUnknown(unread.where, "direction")
    money = Sum(amount_minor, currency, direction)
    said = Sum(given or amount_minor, facts.currency or currency, facts.direction or direction)
    if said != money:
        raise OtherMoney(unread.where, unread.money, f"{said} was given")
    return money


def _linked(session: Session, unread: Unread, entry: int, money: Sum) -> Entry:
    """An entry that another file brought, seen in this line too."""
    row = session.execute(_ENTRY, {"entry": entry, "file": unread.file_id}).mappings().first()
    if row is None:
        raise WrongEntry(unread.where, entry, "there is no such entry")
    has = Sum(row["amount_minor"], row["currency"], row["direction"])
    if has != money:
        raise OtherMoney(unread.where, str(money), f"entry {entry} is {has}")
    if row["account_id"] != unread.account_id:
        raise WrongEntry(unread.where, entry, "it is of another account")
    if row["status"] != "BOOK":
        raise WrongEntry(unread.where, entry, f"the bank has not booked it ({row['status']})")
    if row["line"] is not None:
        raise WrongEntry(unread.where, entry, f"that stands in line {row['line']} of the same file")
    typed = _as_typed(unread, money, row["booked_on"], row["value_on"])
    return typed_entry(typed)._replace(key=row["identity_key"], detailed=False, parts=())


def _typed(session: Session, unread: Unread, facts: Facts, money: Sum) -> Entry:
    """What people read in the line, counted among its equals in the statement."""
    assert facts.booked_on is not None
    typed = replace(
        _as_typed(unread, money, facts.booked_on, facts.value_on or facts.booked_on),
        bank_reference=facts.reference,
        remittance=facts.remittance,
        payer_name=facts.payer,
        payer_account=facts.payer_account or "",
    )
    entry = typed_entry(typed)
    [part] = entry.parts
    key = _counted(session, unread, entry.key, _EQUAL_ENTRIES)
    part = part._replace(key=_counted(session, unread, part.key, _EQUAL_PARTS))
    given = {
        **money._asdict(),
        "file": unread.file_id,
        "account": unread.account_id,
        "key": key,
        "shown": SHOWN,
    }
    days = {"booked_on": typed.booked_on, "value_on": typed.value_on}
    if not facts.new and (known := session.execute(_SAME_MONEY, given | days).scalars().all()):
        raise MaybeKnown(unread.where, known)
    return entry._replace(key=key, parts=(part,))


def _as_typed(unread: Unread, money: Sum, booked_on: Any, value_on: Any) -> Typed:
    return Typed(
        unread.ordinal,
        unread.statement,
        unread.path,
        unread.line,
        unread.bank_number,
        money.amount_minor,
        money.currency,
        Direction(money.direction),
        unread.status or "BOOK",
        booked_on,
        value_on,
    )


def _counted(session: Session, unread: Unread, key: str, equal: Any) -> str:
    digest = key.partition(".")[0]
    given = {"file": unread.file_id, "statement": unread.statement, "digest": digest}
    return f"{digest}.{session.execute(equal, given).scalar_one()}"


_FIND = text("""
    SELECT q.file_id, q.ordinal, q.statement, q.line, q.path, q.amount_minor, q.currency, q.direction, q.status,
        q.resolution_id, q.entry_id, coalesce(q.resolved_by, '') AS resolved_by,
        coalesce(q.approved_by, '') AS approved_by, q.resolved_at, f.stage, a.id AS account_id, a.code AS account,
        a.currency AS account_currency, a.bank_number
    FROM bank_quarantine q JOIN bank_file f ON f.id = q.file_id
    JOIN bank_statement s ON (s.file_id, s.position) = (q.file_id, q.statement)
    JOIN collection_account a ON a.id = s.account_id
    WHERE q.file_id = :file AND (:line IN (CAST(q.line AS text), q.path) OR q.ordinal = :ordinal)
    ORDER BY q.ordinal LIMIT 2 FOR NO KEY UPDATE OF q
""")

# The one that is open is held where it is found: it is not refused before its proposer has read of it.
_PROPOSE = text("""
    INSERT INTO bank_resolution AS r
        (file_id, ordinal, amount_minor, currency, direction, proposed_by, reason, facts)
    VALUES (:file, :ordinal, :amount_minor, :currency, :direction, :by, :reason, CAST(:facts AS jsonb))
    ON CONFLICT (file_id, ordinal) WHERE stage = 'proposed' DO UPDATE SET stage = r.stage
    RETURNING id, proposed_by AS by, proposed_at AS at, facts, r.xmax = 0 AS new
""")

_FACTS = text("SELECT facts FROM bank_resolution WHERE id = :resolution")

_PATIENCE = text("SET LOCAL statement_timeout = 0")

_ENTRY = text("""
    SELECT e.*, (SELECT min(g.line) FROM bank_sighting g WHERE g.entry_id = e.id AND g.file_id = :file) AS line
    FROM bank_entry e WHERE e.id = :entry
""")

_EQUAL_ENTRIES = text("""
    SELECT count(*) FROM bank_sighting g JOIN bank_entry e ON e.id = g.entry_id
    WHERE g.file_id = :file AND g.statement = :statement AND split_part(e.identity_key, '.', 1) = :digest
""")

_EQUAL_PARTS = text("""
    SELECT count(*) FROM bank_sighting g JOIN bank_entry_part p ON p.entry_id = g.entry_id
    WHERE g.file_id = :file AND g.statement = :statement AND split_part(p.identity_key, '.', 1) = :digest
""")

_SAME_MONEY = text("""
    SELECT e.id FROM bank_entry e
    WHERE e.account_id = :account AND e.amount_minor = :amount_minor AND e.currency = :currency
        AND e.direction = :direction AND e.status = 'BOOK' AND (e.booked_on = :booked_on OR e.value_on = :value_on)
        AND e.identity_key <> :key
        AND NOT EXISTS (SELECT FROM bank_sighting g WHERE g.entry_id = e.id AND g.file_id = :file)
    ORDER BY e.id LIMIT :shown
""")

# What was posted must be the money of the account that was asked for, or nothing is resolved.
_RESOLVE = text("""
    UPDATE bank_quarantine q SET resolution_id = r.id, entry_id = e.id, resolved_by = r.proposed_by,
        approved_by = r.decided_by, resolved_reason = r.reason, resolved_at = now()
    FROM bank_resolution r, bank_sighting g, bank_entry e
    WHERE q.file_id = :file AND q.ordinal = :ordinal AND q.resolved_at IS NULL AND r.id = :resolution
        AND r.stage = 'applied' AND (r.file_id, r.ordinal) = (q.file_id, q.ordinal)
        AND (g.file_id, g.ordinal) = (q.file_id, q.ordinal) AND e.id = g.entry_id
        AND e.account_id = :account AND e.amount_minor = :amount_minor AND e.currency = :currency
        AND e.direction = :direction
    RETURNING e.id
""")

_RING = text(
    "INSERT INTO outbox (workflow_id, version) SELECT 'bank-file-' || sha256, 1 FROM bank_file WHERE id = :file"
)
