"""Issuing statements and receipts: what they say is fixed here, once, and kept with their row; they are drawn later."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from psycopg.rows import dict_row
from sqlalchemy import Engine, text
from sqlmodel import Session
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities import statement_rows as rows
from activities.database import psycopg_of
from activities.pulse import Pulse
from activities.statement_rows import Cursor, Point, Row
from documents.form import FormCustomer, Issuer
from documents.statement import (
    MAX_LINES,
    AccountStatement,
    CreditReceipt,
    Paper,
    RefundConfirmation,
    RefundPayment,
    StatementLine,
    paper_digest,
    paper_json,
)
from prepay.statements import StatementRequest
from prepay.wire import Wire

LAST_SECOND = time(23, 59, 59)


class StatementRefused(ApplicationError):
    """There can be no such paper; the sentence says why."""

    def __init__(self, why: str) -> None:
        super().__init__(why, type="StatementRefused", non_retryable=True)


class Issued(Wire):
    """A paper that is there, and whether it has been drawn."""

    number: str
    document_id: int
    lines: int


class Statements:
    """The activity of the Statement workflow."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self) -> list[Callable[..., Any]]:
        """What a worker registers."""
        return [self.issue]

    @activity.defn(name="issue_statement")
    def issue(self, request: StatementRequest) -> Issued:
        """Fix what the paper says, unless that was done. Raises StatementRefused."""
        with Pulse(), Session(self._engine) as session, session.begin():
            # A year of a large customer takes longer than a step of a lifecycle may.
            session.execute(_PATIENCE)
            with psycopg_of(session).cursor(row_factory=dict_row) as cursor:
                return _issue(cursor, request)


def _issue(cursor: Cursor, request: StatementRequest) -> Issued:
    account = _account(cursor, request)
    rows.lock(cursor, account["account"])
    if request.credit is not None:
        return _receipt(cursor, account, request.credit)
    if request.refund is not None:
        return _confirmation(cursor, account, request.refund)
    today = datetime.now(UTC).date()
    if request.begins_on > today:
        raise StatementRefused(f"{request.period} has not begun.")
    if request.recorded_by is not None and request.recorded_by >= today:
        raise StatementRefused(f"recorded_by {request.recorded_by} is not past: leave it out for now.")
    start, end, final = _bounds(cursor, account, request, today)
    about = _row(account, start, end, final) | {"recorded_by": request.recorded_by}
    if known := cursor.execute(_KNOWN, about).fetchone():
        return Issued(**known)
    return _state(cursor, account, (start, end), about)


def _account(cursor: Cursor, request: StatementRequest) -> Row:
    found = rows.account_of(cursor, request.customer, request.entity, request.currency)
    if len(found) == 1:
        return found[0]
    if not found:
        wanted = f" in {request.currency}" if request.currency else ""
        wanted += f" with {request.entity}" if request.entity else ""
        raise StatementRefused(f"Customer {request.customer} has no balance{wanted}.")
    several = ", ".join(f"{one['currency']} with {one['entity']}" for one in found)
    raise StatementRefused(
        f"Customer {request.customer} has several balances: {several}. Name currency and entity."
    )


def _bounds(
    cursor: Cursor, account: Row, request: StatementRequest, today: date
) -> tuple[Point, Point, bool]:
    """From where to where the statement goes, and whether that is for ever."""
    before = request.begins_on - timedelta(days=1)
    through = min(request.as_of or request.ends_on, max(today, request.begins_on))
    bound = rows.newest(cursor, account, request.recorded_by)
    if request.recorded_by is not None:
        start = rows.reached(cursor, account, before, bound)
        return start, rows.reached(cursor, account, through, bound), False
    final = request.ends_on < today and through == request.ends_on
    rows.close_months(cursor, account, request.ends_on if final else before, bound)
    start = rows.closed(cursor, account["account"], before)
    if final:
        return start, rows.closed(cursor, account["account"], request.ends_on), True
    return start, rows.reached(cursor, account, through, bound), False


def _recorded_until(cursor: Cursor, about: Row, now: datetime) -> datetime:
    """The moment whose recordings the statement shows, which for a month that was closed before is not now."""
    if about["recorded_by"] is not None:
        return datetime.combine(about["recorded_by"], LAST_SECOND, UTC)
    return rows.closed_at(cursor, about["account"], about["through_on"]) if about["final"] else now


def _state(cursor: Cursor, account: Row, points: tuple[Point, Point], about: Row) -> Issued:
    start, end = points
    found = rows.movements(cursor, account["account"], start, end, MAX_LINES + 1)
    if len(found) > MAX_LINES:
        raise StatementRefused(
            f"The period has more than {MAX_LINES:,} movements, which no statement holds: export the records instead."
        )
    number, now = _number(cursor, "S")
    paper = AccountStatement(
        number=number,
        **_parties(account),
        begins_on=start.through_on + timedelta(days=1),
        through_on=end.through_on,
        recorded_until=_recorded_until(cursor, about, now),
        final=about["final"],
        opening_minor=start.balance_minor,
        lines=tuple(_line(row) for row in found),
        closing_minor=end.balance_minor,
        held_minor=end.held_minor,
        coming_minor=end.coming_minor,
        receivable_minor=end.receivable_minor,
    )
    return _keep(cursor, paper, about, len(found))


def _receipt(cursor: Cursor, account: Row, transfer: int) -> Issued:
    row = rows.credit(cursor, account["account"], transfer)
    if row is None:
        raise StatementRefused(f"Customer {account['number']} has no credit {transfer} in that balance.")
    day = row["effective_on"]
    point = Point(day, transfer, 0, 0, 0, 0, 0)
    about = _row(account, point._replace(through_on=day - timedelta(days=1)), point, True, transfer)
    if known := cursor.execute(_KNOWN, about).fetchone():
        return Issued(**known)
    number, now = _number(cursor, "CR")
    paper = CreditReceipt(number=number, **_parties(account), issued_on=now.date(), line=_line(row))
    return _keep(cursor, paper, about | {"closing": row["amount_minor"]}, 1)


def _confirmation(cursor: Cursor, account: Row, refund: str) -> Issued:
    paid = cursor.execute(_PAID, {"refund": refund, "customer": account["customer_id"]}).fetchall()
    if not paid:
        raise StatementRefused(f"Customer {account['number']} has no refund {refund} that was paid.")
    day, first = paid[-1]["settled_on"], paid[0]["hold"]
    point = Point(day, first, 0, 0, 0, 0, 0)
    about = _row(account, point._replace(through_on=day - timedelta(days=1)), point, True, first)
    if known := cursor.execute(_KNOWN, about).fetchone():
        return Issued(**known)
    number, now = _number(cursor, "RC")
    payments = tuple(
        RefundPayment(
            amount_minor=row["amount_minor"],
            payee=row["payee"],
            account=row["account"],
            settled_on=row["settled_on"],
            reference=row["end_to_end_id"],
        )
        for row in paid
    )
    paper = RefundConfirmation(
        number=number, **_parties(account), issued_on=now.date(), refund=refund, payments=payments
    )
    total = sum(payment.amount_minor for payment in payments)
    return _keep(cursor, paper, about | {"closing": total}, len(payments))


def _keep(cursor: Cursor, paper: Paper, row: Row, lines: int) -> Issued:
    kept = {
        "kind": paper.paper,
        "number": paper.number,
        "content": paper_json(paper),
        "digest": paper_digest(paper),
    }
    made = cursor.execute(_KEEP, {**row, **kept, "lines": lines}).fetchone()
    assert made is not None
    return Issued(**made)


def _number(cursor: Cursor, letters: str) -> tuple[str, datetime]:
    row = cursor.execute(_NEXT).fetchone()
    assert row is not None
    now: datetime = row["now"].astimezone(UTC)
    return f"{letters}-{now.year}-{row['next']:06d}", now


def _parties(account: Row) -> Row:
    issuer = Issuer(
        legal_name=account["entity_name"],
        address=tuple(account["entity_address"]),
        country=account["entity_country"],
        registration_id=account["registration_id"],
        tax_id=account["tax_id"],
    )
    customer = FormCustomer(
        number=account["number"],
        legal_name=account["legal_name"],
        address=tuple(account["address"]),
        country=account["country"],
    )
    currency, locale = account["currency"], account["locale"]
    return {"issuer": issuer, "customer": customer, "currency": currency, "locale": locale}


def _line(row: Row) -> StatementLine:
    return StatementLine(
        effective_on=row["effective_on"],
        value_on=row["value_on"],
        kind=row["kind"],
        about=row["about"][:500],
        product=row["product"][:500],
        payer=row["payer"][:500],
        bank_reference=row["bank_reference"][:500],
        amount_minor=row["amount_minor"],
        parts=tuple((product[:500], minor) for product, minor in row.get("parts") or ()),
    )


def _row(account: Row, start: Point, end: Point, final: bool, transfer: int = 0) -> Row:
    return {
        "customer": account["customer_id"],
        "account": account["account"],
        "begins_on": start.through_on + timedelta(days=1),
        "through_on": end.through_on,
        "from_bound": start.bound,
        "bound": end.bound,
        "final": final,
        "transfer": transfer,
        "opening": start.balance_minor,
        "closing": end.balance_minor,
        "recorded_by": None,
    }


_PATIENCE = text("SET LOCAL statement_timeout = '10min'")

_NEXT = "SELECT nextval('statement_id_seq') AS next, now() AS now"

_KNOWN = """
    SELECT number, document_id, lines FROM statement WHERE account_id = %(account)s AND begins_on = %(begins_on)s
        AND through_on = %(through_on)s AND from_bound = %(from_bound)s AND bound = %(bound)s AND final = %(final)s
        AND transfer_id = %(transfer)s AND recorded_by IS NOT DISTINCT FROM %(recorded_by)s
"""

# Once all of the ticket is settled; what came back on the way was not paid.
_PAID = """
    SELECT p.amount_minor, y.name AS payee, coalesce(nullif(y.iban, ''), y.account_number) AS account, p.end_to_end_id,
        (p.settled_at AT TIME ZONE e.time_zone)::date AS settled_on, min(h.id) OVER () AS hold
    FROM refund r JOIN payout p ON p.refund_id = r.id AND p.stage = 'settled' JOIN payee y ON y.id = p.payee_id
    JOIN contracting_entity e ON e.code = r.entity JOIN ledger_transfer h ON h.key = p.hold_key AND h.leg = 0
    WHERE r.number = %(refund)s AND r.customer_id = %(customer)s AND r.stage = 'settled' ORDER BY p.settled_at, p.id
"""

_KEEP = """
    WITH paper AS (
        INSERT INTO document (kind, version, content, digest) VALUES (%(kind)s, 1, %(content)s, %(digest)s) RETURNING id
    )
    INSERT INTO statement (id, number, customer_id, account_id, begins_on, through_on, from_bound, bound, final,
        transfer_id, recorded_by, opening_minor, closing_minor, lines, document_id)
    SELECT currval('statement_id_seq'), %(number)s, %(customer)s, %(account)s, %(begins_on)s, %(through_on)s,
        %(from_bound)s, %(bound)s, %(final)s, %(transfer)s, %(recorded_by)s, %(opening)s,
        %(closing)s, %(lines)s, id FROM paper
    RETURNING number, document_id, lines
"""
