"""Screening: the list that is loaded, what it froze, and what two compliance operators release.

Whoever matches money asks for the rows that the list has (`bank_matching`). A service of its own that screens writes
such rows too: `pending` while it looks, then `hit`, or none.
"""

import csv
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel
from sqlalchemy import Engine, text
from sqlmodel import Session
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.bank_matching import COMPARED_NAME
from activities.bank_posting import FREEZES, credit_waiting
from activities.database import psycopg_of, reading
from models import Outbox
from prepay.screening import ReleaseFreeze
from prepay.wire import CustomerNumber, OperatorName, Reason, Wire
from rules.screening import ENOUGH, FreezeState, refuse_release

MAX_ROWS = 1_000_000
MAX_VALUE = 200
MAX_DIGITS = 18
KINDS = ("account", "name")
VERDICTS = ("hit", "pending")


class ListRefused(ValueError):
    """A line of the list cannot be read."""

    def __init__(self, file: Path, line: int, why: str) -> None:
        super().__init__(
            f"{file}, line {line}: {why}; write kind,value or kind,value,verdict, such as name,ACME GmbH"
        )


class FreezeRefused(ValueError):
    """There is nothing to freeze."""


class FreezeInput(Wire):
    """That all of a customer's money is to stand still; who says so, and why."""

    customer: CustomerNumber
    by: OperatorName
    reason: Reason


class Loaded(NamedTuple):
    """What a list changed."""

    listed: int
    added: int
    ended: int


class Release(Wire):
    """Take an operator's release."""

    freeze: int
    decision: ReleaseFreeze
    attestation: int | None = None


class Released(BaseModel):
    """The freeze after a release, and why that was refused, if it was."""

    state: FreezeState
    refused: str = ""


class UnknownFreeze(ApplicationError):
    """The rows know no such freeze."""

    def __init__(self, what: str) -> None:
        super().__init__(f"There is no freeze {what[:60]!r}.", type="UnknownFreeze", non_retryable=True)


def load(session: Session, file: Path, by: str) -> Loaded:
    """Let the list be what the file says: CSV lines of kind, value and verdict. Raises ListRefused."""
    rows = sorted(set(_rows(file)))
    connection = psycopg_of(session)
    connection.execute("SELECT pg_advisory_xact_lock(hashtext('screening list'))")
    connection.execute("CREATE TEMP TABLE listed (kind text, value text, verdict text) ON COMMIT DROP")
    with connection.cursor() as cursor, cursor.copy("COPY listed FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
    connection.execute(_COMPARE)
    ended = connection.execute(_END).rowcount
    added = connection.execute(_ADD, {"by": by}).rowcount
    return Loaded(len(rows), added, ended)


def _rows(file: Path) -> Iterable[tuple[str, str, str]]:
    number = 0
    with file.open(encoding="utf-8-sig", newline="") as lines:
        try:
            for number, row in enumerate(csv.reader(lines, strict=True), 1):
                if number > MAX_ROWS:
                    raise ListRefused(file, number, f"a list has at most {MAX_ROWS:,} lines")
                if not row or row[0].startswith("#"):
                    continue
                yield _row(file, number, [cell.strip() for cell in row])
        except (csv.Error, UnicodeDecodeError):
            raise ListRefused(file, number + 1, "it is no CSV in UTF-8") from None
    if not number:
        # As a file that was cut off; it would take everybody off the list.
        raise ListRefused(
            file, 1, "the file is empty, and one that is to name nobody has a line such as # nobody"
        )


def _row(file: Path, number: int, cells: list[str]) -> tuple[str, str, str]:
    kind, value, verdict = ([*cells, "", ""] if len(cells) < 3 else cells)[:3]
    # A quotation mark that nothing closes in its line swallows the lines after it.
    swallows = not set(value).isdisjoint("\r\n\0")
    if (
        kind not in KINDS
        or len(value) > MAX_VALUE
        or len(cells) > 3
        or swallows
        or not any(map(str.isalnum, value))
    ):
        raise ListRefused(file, number, "it names no account and no name")
    if (verdict or "hit") not in VERDICTS:
        raise ListRefused(file, number, f"{verdict[:20]!r} is no verdict; there are {', '.join(VERDICTS)}")
    return kind, value.replace(" ", "").upper() if kind == "account" else value, verdict or "hit"


def freeze_customer(session: Session, given: FreezeInput) -> tuple[int, bool]:
    """Freeze all of a customer's money; the same again changes nothing. Raises FreezeRefused."""
    session.execute(_ALONE)
    found = session.execute(_FREEZE_CUSTOMER, given.model_dump()).one_or_none()
    if found is None:
        raise FreezeRefused(f"There is no customer {given.customer}; `prepay customer list` lists them.")
    session.execute(_SET_FROZEN, {"customer": given.customer, "frozen": True})
    session.add(Outbox(workflow_id=f"freeze-{found.id}", version=1))
    return found.id, found.new


def freezes(session: Session, *, open_only: bool = True) -> list[dict[str, Any]]:
    """What is frozen, newest first, with whose it is and why."""
    return [dict(row) for row in session.execute(_FREEZES, {"open_only": open_only}).mappings()]


class Freezes:
    """The activities of the Freeze workflow."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self) -> list[Callable[..., Any]]:
        """What a worker registers."""
        return [self.look, self.release]

    @activity.defn(name="look_at_freeze")
    def look(self, workflow_id: str) -> FreezeState:
        """The freeze as it is now."""
        number = workflow_id.removeprefix("freeze-")
        if not (number.isascii() and number.isdigit() and len(number) <= MAX_DIGITS):
            raise UnknownFreeze(workflow_id)
        with reading(self._engine) as session:
            return _state(session, int(number))

    @activity.defn(name="release_freeze")
    def release(self, given: Release) -> Released:
        """Write a release down; the second one ends the freeze, and what waited for it is credited."""
        with Session(self._engine) as session, session.begin():
            refused = _release(session, given)
        after: str | None = ""
        while after is not None:
            with Session(self._engine) as session, session.begin():
                after = credit_waiting(psycopg_of(session), _FREED, {"freeze": given.freeze}, after) or None
        with reading(self._engine) as session:
            return Released(state=_state(session, given.freeze), refused=refused)


def _release(session: Session, given: Release) -> str:
    # Matching that is under way still sees the freeze: what it leaves waiting is looked for after it.
    session.execute(_ALONE)
    session.execute(_LOCK, {"freeze": given.freeze})
    if given.attestation and session.execute(_RELEASED, {"attestation": given.attestation}).first():
        return ""
    state = _state(session, given.freeze)
    if refused := refuse_release(state, given.decision.operator):
        return refused
    row = given.model_dump(include={"freeze", "attestation"}) | given.decision.model_dump()
    session.execute(_RELEASE, row)
    if len(state.releases) + 1 >= ENOUGH:
        session.execute(_ENDED, row)
        if state.customer is not None:
            session.execute(_SET_FROZEN, {"customer": state.customer, "frozen": False})
    return ""


def _state(session: Session, number: int) -> FreezeState:
    row = session.execute(_STATE, {"freeze": number}).mappings().one_or_none()
    if row is None:
        raise UnknownFreeze(f"freeze-{number}")
    releases = tuple(session.execute(_RELEASES, {"freeze": number}).mappings().all())
    return FreezeState(**row, releases=releases, as_of=datetime.now(UTC))


_COMPARE = f"UPDATE listed SET value = {COMPARED_NAME.format(name='value')} WHERE kind = 'name'".encode()
_END = """
    UPDATE screening_subject s SET ended_at = now() WHERE ended_at IS NULL AND NOT EXISTS (
        SELECT FROM listed l WHERE (l.kind, l.value, l.verdict) = (s.kind, s.value, s.verdict)
    )
"""
_ADD = """
    INSERT INTO screening_subject (kind, value, verdict, listed_by)
    SELECT DISTINCT ON (kind, value) kind, value, verdict, %(by)s FROM listed ORDER BY kind, value, verdict
    ON CONFLICT (kind, value) WHERE ended_at IS NULL DO NOTHING
"""

# Credits that are under way are done before; those that come after see it.
_ALONE = text(f"SELECT pg_advisory_xact_lock({FREEZES})")

# On a conflict the row that is there is locked and told, unchanged; only a row that was inserted now has no xmax.
_FREEZE_CUSTOMER = text("""
    INSERT INTO money_freeze AS f (customer_id, frozen_by, reason)
    SELECT id, :by, :reason FROM customer WHERE number = :customer
    ON CONFLICT (customer_id) WHERE ended_at IS NULL DO UPDATE SET ended_at = f.ended_at
    RETURNING f.id, f.xmax = 0 AS new
""")

_SET_FROZEN = text("SELECT ledger_freeze(:customer, :frozen)")

_LOCK = text("SELECT id FROM money_freeze WHERE id = :freeze FOR NO KEY UPDATE")

_STATE = text("""
    SELECT f.id AS freeze, c.number AS customer, p.entry_id AS entry, p.amount_minor, p.currency, e.entity,
        f.frozen_by, f.reason, f.frozen_at, f.ended_at
    FROM money_freeze f LEFT JOIN customer c ON c.id = f.customer_id
    LEFT JOIN bank_entry_part p ON p.id = f.part_id LEFT JOIN bank_entry e ON e.id = p.entry_id
    WHERE f.id = :freeze
""")

_RELEASES = text(
    "SELECT operator, reason, created_at AS at FROM freeze_release WHERE freeze_id = :freeze ORDER BY id"
)

_RELEASE = text("""
    INSERT INTO freeze_release (freeze_id, operator, reason, attestation_id)
    VALUES (:freeze, :operator, :reason, :attestation)
""")

_RELEASED = text("SELECT id FROM freeze_release WHERE attestation_id = :attestation")

_ENDED = text("UPDATE money_freeze SET ended_at = now() WHERE id = :freeze AND ended_at IS NULL")

# Of an ended freeze: the money itself, or what waited because its customer was frozen.
_FREED = """
    p.awaits = 'screening' AND EXISTS (
        SELECT FROM money_freeze f WHERE f.id = %(freeze)s AND f.ended_at IS NOT NULL
            AND (f.part_id = p.id OR f.customer_id IS NOT NULL)
    ) AND NOT EXISTS (SELECT FROM money_freeze own WHERE own.part_id = p.id AND own.ended_at IS NULL)
"""

_FREEZES = text("""
    SELECT f.id AS freeze, f.workflow_id, c.number AS customer, p.entry_id AS entry, p.amount_minor, p.currency,
        p.payer_name, p.payer_account, f.frozen_by, f.reason, f.frozen_at, f.ended_at
    FROM money_freeze f LEFT JOIN customer c ON c.id = f.customer_id LEFT JOIN bank_entry_part p ON p.id = f.part_id
    WHERE f.ended_at IS NULL OR NOT :open_only ORDER BY f.id DESC LIMIT 1000
""")
