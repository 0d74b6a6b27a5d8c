"""Proposals to reassign: which credit went wrong, where it belongs, and why that cannot be proposed."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any, NamedTuple

from pydantic import Field
from sqlalchemy import text
from sqlmodel import Session

from activities.explain import NoSuchEntry
from models import Outbox
from prepay.ids import reassignment_workflow_id
from prepay.money import Money
from prepay.wire import CustomerNumber, OperatorName, Reason, Wire
from rules.reassignment import place

Id = Annotated[int, Field(ge=1, le=2**63 - 1)]
SHOWN = 10
Row = Mapping[Any, Any]


class NoCredit(ValueError):
    """Nothing of the entry, or of the part, is on a balance."""

    def __init__(self, given: "ReassignInput") -> None:
        part = f" part {given.part} of" if given.part else ""
        credit = f" credit {given.credit} of" if given.credit else ""
        super().__init__(
            f"There is no{credit or ' credit of'}{part} bank entry {given.entry}; "
            f"`prepay bank explain {given.entry}` says where its money is"
        )


class SeveralCredits(ValueError):
    """Which of them went wrong must be said."""

    def __init__(self, entry: int, credits: Sequence[Row]) -> None:
        name = "part" if len({credit["part"] for credit in credits}) > 1 else "credit"
        which = "; ".join(
            f"{name} {credit[name]}, {_money(credit)} for {place(credit['customer'], credit['deposit'])}"
            for credit in credits[:SHOWN]
        )
        more = "; and more" if len(credits) > SHOWN else ""
        super().__init__(f"Bank entry {entry} gave several credits: say which by `--{name}` ({which}{more})")


class TakenBack(ValueError):
    """The bank has reversed it: there is nothing left to move."""

    def __init__(self, entry: int) -> None:
        super().__init__(f"The bank has taken the money of entry {entry} back: there is nothing left to move")


class StillComing(ValueError):
    """Another customer gets it only once it is on the balance."""

    def __init__(self, entry: int, value_on: date) -> None:
        super().__init__(
            f"The money of entry {entry} comes to the balance on its value date, {value_on}: "
            "move it to another customer from then on"
        )


class NoTarget(ValueError):
    """The number is neither a deposit's nor a customer's."""

    def __init__(self, to: str) -> None:
        super().__init__(
            f"There is no deposit and no customer {to}; `prepay deposit list` and `prepay customer list` list them"
        )


class OtherPlace(ValueError):
    """A credit never leaves its contracting entity, or its currency."""

    def __init__(self, to: str, entity: str, currency: str) -> None:
        super().__init__(
            f"The credit is {currency} with {entity}, and {to} is not: money stays with its contracting entity and in "
            "its currency"
        )


class SameTarget(ValueError):
    """It is there already."""

    def __init__(self, customer: str, deposit: str | None) -> None:
        super().__init__(f"The credit is that of {place(customer, deposit)} already")


class OpenAlready(ValueError):
    """One proposal at a time."""

    def __init__(self, move: int, by: str, at: datetime) -> None:
        super().__init__(
            f"{by} proposed to move this credit on {at:%Y-%m-%d}: decide {reassignment_workflow_id(move)} first"
        )


class ReassignInput(Wire):
    """Which credit went wrong and where it belongs; who says so, and why."""

    entry: Id
    to: CustomerNumber
    """A deposit's number, or a customer's for the balance itself."""
    by: OperatorName
    reason: Reason
    part: Id | None = None
    credit: Id | None = None


class Proposed(NamedTuple):
    """A move that waits for a second person."""

    move: int
    workflow_id: str
    money: Money
    giver: str
    taker: str


def propose(session: Session, given: ReassignInput) -> Proposed:
    """Write the proposal down and ring its workflow.

    Raises NoSuchEntry, NoCredit, SeveralCredits, TakenBack, StillComing, NoTarget, OtherPlace, SameTarget, OpenAlready.
    """
    credit = _credit(session, given)
    target = _target(session, given.to, credit)
    if credit["pending"] and target["customer_id"] != credit["customer_id"]:
        raise StillComing(given.entry, credit["value_on"])
    row = {
        "credit": credit["id"],
        "to_customer": target["customer_id"],
        "to_deposit": target["deposit_id"],
        "by": given.by,
        "reason": given.reason,
    }
    move = session.execute(_PROPOSE, row).scalar_one_or_none()
    if move is None:
        raise OpenAlready(*session.execute(_OPEN, row).one())
    workflow_id = reassignment_workflow_id(move)
    session.add(Outbox(workflow_id=workflow_id, version=1))
    giver, taker = (place(one["customer"], one["deposit"]) for one in (credit, target))
    return Proposed(move, workflow_id, _as_money(credit), giver, taker)


def _credit(session: Session, given: ReassignInput) -> Row:
    """The one credit that is meant, locked."""
    found = session.execute(_CREDITS, {**given.model_dump(), "limit": SHOWN + 1}).mappings().all()
    if not found and not session.execute(_ENTRY, {"entry": given.entry}).first():
        raise NoSuchEntry(given.entry)
    if not found:
        raise NoCredit(given)
    if len(found) > 1:
        raise SeveralCredits(given.entry, found)
    session.execute(_LOCK_CREDIT, {"credit": found[0]["credit"]})
    credit = session.execute(_LOCKED_CREDIT, {"credit": found[0]["credit"]}).mappings().one()
    if credit["state"] != "credited":
        raise TakenBack(given.entry)
    return credit


def _target(session: Session, to: str, credit: Row) -> Row:
    place_of = {"to": to, "entity": credit["entity"], "currency": credit["currency"]}
    target = session.execute(_TARGET, place_of).mappings().first()
    if target is None:
        raise NoTarget(to)
    if not target["fits"]:
        raise OtherPlace(to, credit["entity"], credit["currency"])
    if (target["customer_id"], target["deposit_id"]) == (credit["customer_id"], credit["deposit_id"]):
        raise SameTarget(target["customer"], target["deposit"])
    return target


def _as_money(credit: Row) -> Money:
    return Money(amount_minor=credit["amount_minor"], currency=credit["currency"])


def _money(credit: Row) -> str:
    return str(_as_money(credit))


_ENTRY = text("SELECT id FROM bank_entry WHERE id = :entry")

_CREDITS = text("""
    SELECT credit.id AS credit, p.id AS part, credit.amount_minor, p.currency, c.number AS customer, d.number AS deposit
    FROM bank_entry_part p JOIN credit ON credit.part_id = p.id
    JOIN customer c ON c.id = credit.customer_id LEFT JOIN deposit d ON d.id = credit.deposit_id
    WHERE p.entry_id = :entry AND (CAST(:part AS bigint) IS NULL OR p.id = :part)
        AND (CAST(:credit AS bigint) IS NULL OR credit.id = :credit)
    ORDER BY p.position, credit.position LIMIT :limit
""")

_LOCK_CREDIT = text("SELECT id FROM credit WHERE id = :credit FOR NO KEY UPDATE")

_LOCKED_CREDIT = text("""
    SELECT credit.id, credit.amount_minor, credit.customer_id, credit.deposit_id, c.number AS customer,
        d.number AS deposit, p.state, p.currency, e.entity, e.value_on,
        EXISTS (SELECT FROM ledger_transfer t JOIN ledger_pending w ON w.id = t.id WHERE t.key = credit.key) AS pending
    FROM credit JOIN bank_entry_part p ON p.id = credit.part_id JOIN bank_entry e ON e.id = p.entry_id
    JOIN customer c ON c.id = credit.customer_id LEFT JOIN deposit d ON d.id = credit.deposit_id
    WHERE credit.id = :credit
""")

_TARGET = text("""
    SELECT d.customer_id, d.id AS deposit_id, c.number AS customer, d.number AS deposit,
        (d.entity, d.currency) = (:entity, :currency) AS fits
    FROM deposit d JOIN customer c ON c.id = d.customer_id WHERE d.number = :to
    UNION ALL
    SELECT c.id, NULL, c.number, NULL, EXISTS (
        SELECT FROM ledger_account WHERE code = 'customer:' || c.number || ':' || :entity || ':' || :currency
    ) FROM customer c WHERE c.number = :to
    ORDER BY deposit NULLS LAST
""")

_PROPOSE = text("""
    INSERT INTO credit_move (credit_id, from_customer_id, from_deposit_id, to_customer_id, to_deposit_id, amount_minor,
        proposed_by, reason)
    SELECT id, customer_id, deposit_id, :to_customer, :to_deposit, amount_minor, :by, :reason
    FROM credit WHERE id = :credit
    ON CONFLICT (credit_id) WHERE stage = 'proposed' DO NOTHING RETURNING id
""")

_OPEN = text(
    "SELECT id, proposed_by, proposed_at FROM credit_move WHERE credit_id = :credit AND stage = 'proposed'"
)
