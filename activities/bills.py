"""The steps of a bill: settled from the balance, its customer reminded, overdue noted, voided by an operator."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

import psycopg
import structlog
from pydantic import AwareDatetime, BaseModel
from sqlalchemy import Engine, RowMapping, text
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session
from temporalio import activity
from temporalio.exceptions import ApplicationError

import ledger.bills
from activities.database import psycopg_of
from documents.notices import notice_text
from prepay.ids import bill_workflow_id
from prepay.money import Money
from prepay.spending import VoidBill
from prepay.wire import Wire
from rules.bill import BillState, overdue_at, reminder_due, reminder_times

MAX_DIGITS = 18

log = structlog.get_logger()


class LookAtBill(Wire):
    """Look at the bill's row at a moment, and do what is due by then."""

    workflow_id: str
    at: AwareDatetime


class VoidGiven(Wire):
    """An operator's decision to void a bill."""

    bill: int
    decision: VoidBill
    attestation: int | None
    at: AwareDatetime


class Voided(BaseModel):
    """The bill after a decision, and why that was refused, if it was."""

    state: BillState
    refused: str = ""


class UnknownBill(ApplicationError):
    """The rows know no such bill."""

    def __init__(self, what: str) -> None:
        super().__init__(f"There is no bill {what[:60]!r}.", type="UnknownBill", non_retryable=True)


class NoSuchBill(ValueError):
    """Nobody has issued a bill of that number."""

    def __init__(self, number: str) -> None:
        super().__init__(f"There is no bill {number[:80]!r}; `prepay bill list` lists them.")


def settle_bills(engine: Engine) -> int:
    """Pay what can be paid of the bills whose balances grew, a chunk; answers how many balances were looked at.

    What goes wrong is logged and tried again: whoever calls has other things to do as well.
    """
    try:
        with Session(engine) as session, session.begin():
            return ledger.bills.settle(psycopg_of(session))
    except (psycopg.Error, SQLAlchemyError) as error:
        log.error("bills not settled", error=str(error).splitlines()[0][:200])
        return 0


class Bills:
    """The activities of the Bill workflow."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self) -> list[Callable[..., Any]]:
        """What a worker registers."""
        return [self.look, self.void]

    @activity.defn(name="look_at_bill")
    def look(self, given: LookAtBill) -> BillState:
        """The bill as it is now, after the customer has been told what is due, each thing once."""
        number = given.workflow_id.removeprefix("bill-")
        if not (number.isascii() and number.isdigit() and len(number) <= MAX_DIGITS):
            raise UnknownBill(given.workflow_id)
        with Session(self._engine) as session, session.begin():
            return _looked_at(session, int(number), given.at)

    @activity.defn(name="void_bill")
    def void(self, given: VoidGiven) -> Voided:
        """Void it as an operator wants; the same decision again changes nothing."""
        with Session(self._engine) as session, session.begin():
            # Unlocked: the account is locked before its bills, here as everywhere.
            row = session.execute(_NAME, {"bill": given.bill}).mappings().one_or_none()
            if row is None:
                raise UnknownBill(bill_workflow_id(given.bill))
            done = _void(session, row["number"], given.decision, given.attestation)
            again = row["attestation_id"] == given.attestation
            refused = "" if done or again else "the bill is void already"
            return Voided(state=_looked_at(session, given.bill, given.at), refused=refused)


class BillMoney(NamedTuple):
    """What voiding a bill decides about."""

    number: str
    money: Money


def bill_money(session: Session, number: str) -> BillMoney:
    """A bill's amount. Raises NoSuchBill."""
    row = session.execute(_MONEY, {"number": number}).one_or_none()
    if row is None:
        raise NoSuchBill(number)
    return BillMoney(number, Money(amount_minor=row.amount_minor, currency=row.currency))


def void_by_command(session: Session, number: str, decision: VoidBill) -> bool:
    """Void a bill, paid or not, as an operator who may; False where it was void already."""
    return _void(session, number, decision, None)


def _void(session: Session, number: str, decision: VoidBill, attestation: int | None) -> bool:
    return ledger.bills.void(
        psycopg_of(session),
        number=number,
        by=decision.operator,
        reason=decision.reason,
        attestation=attestation,
    )


def set_auto_pay(session: Session, customer: str, on: bool) -> bool:
    """Whether a customer's bills are paid by themselves; once they are, what is open is settled soon.

    Answers whether there is such a customer.
    """
    # A settlement that goes on at this moment would take the row away that is left here.
    session.execute(_LOCK, {"customer": customer})
    known = session.execute(_AUTO_PAY, {"customer": customer, "on": on}).one_or_none() is not None
    if on:
        session.execute(_QUEUE, {"customer": customer})
    return known


def _looked_at(session: Session, bill: int, at: datetime) -> BillState:
    row = _row(session, bill)
    times = reminder_times(row["due_on"], row["country"], row["time_zone"])
    late_at = overdue_at(row["due_on"], row["time_zone"])
    reminded, overdue = row["reminded"], row["overdue"]
    if row["stage"] in ("issued", "part_paid"):
        reminded, kind = reminder_due(times, reminded, row["issued_at"], at)
        overdue = at >= late_at
        if kind is not None:
            _tell(session, row, kind, str(reminded))
    elif row["stage"] == "void" and row["handled_version"] < row["version"]:
        _tell(session, row, "bill_void", "void")
    noted = {"bill": bill, "overdue": overdue, "reminded": reminded, "version": row["version"]}
    session.execute(_NOTED, noted)
    known = {name: row[name] for name in BillState.model_fields if name in row}
    changed = {"reminded": reminded, "overdue": overdue}
    more = {"reminders": times, "overdue_at": late_at, "as_of": datetime.now(UTC)}
    return BillState(**known | changed | more)


def _row(session: Session, bill: int) -> RowMapping:
    row = session.execute(_BILL, {"bill": bill}).mappings().one_or_none()
    if row is None:
        raise UnknownBill(bill_workflow_id(bill))
    return row


def _tell(session: Session, row: RowMapping, kind: str, key: str) -> None:
    facts = {
        "bill": row["number"],
        "amount": str(Money(amount_minor=row["amount_minor"], currency=row["currency"])),
        "lacks": str(Money(amount_minor=row["amount_minor"] - row["paid_minor"], currency=row["currency"])),
        "due_on": row["due_on"],
        "auto_pay": row["auto_pay"],
        "reason": row["voided_reason"] or "",
    }
    subject, body = notice_text(kind, row["locale"], facts)
    notice = {"key": f"bill:{row['bill']}:{key}", "kind": kind, "subject": subject, "body": body}
    session.execute(_NOTICE, {**notice, "customer_id": row["customer_id"], "locale": row["locale"]})


_BILL = text("""
    SELECT b.id AS bill, b.number, c.number AS customer, c.id AS customer_id, c.locale, c.auto_pay, b.entity,
        b.currency, b.amount_minor, b.paid_minor, b.due_on, b.period, b.stage, b.overdue, b.reminded,
        b.issued_at, b.voided_by,
        b.voided_reason, b.attestation_id, b.version, b.handled_version, e.country, e.time_zone
    FROM bill b JOIN customer c ON c.id = b.customer_id JOIN contracting_entity e ON e.code = b.entity
    WHERE b.id = :bill FOR NO KEY UPDATE OF b
""")

_NAME = text("SELECT number, attestation_id FROM bill WHERE id = :bill")

_MONEY = text("SELECT amount_minor, currency FROM bill WHERE number = :number")

_NOTED = text("""
    UPDATE bill SET overdue = :overdue, reminded = :reminded, handled_version = :version
    WHERE id = :bill AND (overdue, reminded, handled_version) IS DISTINCT FROM (:overdue, :reminded, :version)
""")

_NOTICE = text("""
    INSERT INTO notice (key, customer_id, kind, locale, subject, body)
    VALUES (:key, :customer_id, :kind, :locale, :subject, :body) ON CONFLICT (key) DO NOTHING
""")

_LOCK = text("""
    SELECT ledger_lock_customers(array_agg(holder), array_agg(entity), array_agg(currency))
    FROM ledger_account WHERE kind = 'customer' AND holder = :customer
""")

_AUTO_PAY = text("UPDATE customer SET auto_pay = :on WHERE number = :customer RETURNING id")

_QUEUE = text("""
    INSERT INTO bill_queue (account_id) SELECT id FROM ledger_account
    WHERE kind = 'customer' AND holder = :customer AND bills_open ON CONFLICT DO NOTHING
""")
