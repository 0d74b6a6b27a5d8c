"""A ticket is opened: what is asked for is looked at, held in the book and split, all in one transaction.

The customer's account is held first, so that no spending races it.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import RowMapping, text
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session
from temporalio.exceptions import ApplicationError

from activities.database import psycopg_of
from activities.operators import OperatorRefused, require
from activities.refund_planning import TooManyPayers, hold, policy_of
from activities.refund_rows import BY_REQUEST, approvable, move, note, state
from activities.refundable import Lot, refundable, split
from ledger import postings
from ledger.refusals import Refused
from prepay.ids import refund_number
from prepay.money import Money
from prepay.refunds import RefundRequest
from rules.authority import Act
from rules.refund import Policy, Refundable, RefundState, end_of_usage, needed, refuse_amount


class RefundRefused(ApplicationError):
    """A request that cannot become a ticket: asked again, the answer is the same until the balance changes."""

    def __init__(self, why: str) -> None:
        super().__init__(f"The refund is refused: {why}.", type="RefundRefused", non_retryable=True)


def open_ticket(session: Session, request: RefundRequest, workflow_id: str, at: datetime) -> RefundState:
    """The ticket of a request, once for ever by customer and request id. Raises RefundRefused."""
    whom = (
        session.execute(_WHOM, request.model_dump(include={"customer", "currency"})).mappings().one_or_none()
    )
    if whom is None:
        raise RefundRefused(f"there is no customer {request.customer}")
    if not whom["has_balance"]:
        raise RefundRefused(f"customer {request.customer} has no balance in {request.currency}")
    postings.lock(
        psycopg_of(session), entity=whom["entity"], currency=request.currency, customers=[request.customer]
    )
    if known := _known(session, request, at):
        return known
    opened_by = _opened_by(session, request)
    today = at.astimezone(ZoneInfo(whom["time_zone"])).date()
    policy_id, policy = policy_of(session, whom["entity"], request.currency, today)
    ticket = {
        **whom,
        **request.model_dump(include={"customer", "request_id", "currency", "reason"}),
        "number": refund_number(whom["id"], today.year),
        "workflow_id": workflow_id,
        "content_hash": request.content_hash,
        "everything": request.amount is None,
        "amount_minor": request.amount_minor,
        "opened_by": opened_by,
        "policy_id": policy_id,
        "stage": "waiting" if request.amount is None else "opened",
        "usage_until": end_of_usage(at, policy.usage_days, whom["country"], whom["time_zone"])
        if request.amount is None
        else None,
    }
    _require_free(session, ticket)
    _insert(session, ticket)
    asked = (
        "all that is left" if request.amount is None else str(_money(request.amount_minor, request.currency))
    )
    who = "" if opened_by else ", asked by the customer"
    note(session, whom["id"], "opened", f"opened for {asked}{who}", by=opened_by, reason=request.reason)
    if request.amount_minor is not None:
        refused = _hold(session, ticket, policy, request.amount_minor, at)
        if refused:
            raise RefundRefused(refused)
    elif policy.usage_days == 0:
        count_all(session, ticket, policy, at)
    return state(session, whom["id"], at)


def count_all(session: Session, ticket: dict[str, Any] | RowMapping, policy: Policy, at: datetime) -> None:
    """ "All that is left" is counted now and held; where that is too little, the ticket ends."""
    found, _ = _refundable(session, ticket)
    refused = _hold(session, dict(ticket), policy, found.minor, at)
    if refused:
        note(session, ticket["id"], "refused", f"nothing was left to refund: {refused}")
        move(session, ticket["id"], "rejected", refused)


def settle_details(
    session: Session, ticket: dict[str, Any] | RowMapping, policy: Policy, at: datetime
) -> None:
    """In review where each payout has its payee, else the customer is asked. Approvals of something else are void."""
    refund = ticket["id"]
    if not approvable(session, refund):
        again = session.execute(_CAME_BACK, {"refund": refund}).scalar_one()
        move(session, refund, "returned" if again else "opened")
        session.execute(_ASK, {"refund": refund, "days": policy.details_days, "at": at})
        return
    total = session.execute(_THIRTY_DAYS, {"refund": refund}).scalar_one()
    new = any(payout.new for payout in state(session, refund, at).payouts if payout.stage == "planned")
    people, treasurer = needed(policy, total, new_payee=new)
    move(session, refund, "in_review", people=people, treasurer=treasurer)


def _hold(
    session: Session, ticket: dict[str, Any], policy: Policy, amount_minor: int, at: datetime
) -> str | None:
    """Hold it and plan its payouts; why not, where it cannot be."""
    found, lots = _refundable(session, ticket)
    refused = refuse_amount(found, policy, amount_minor, ticket["currency"])
    if refused:
        return refused
    try:
        with session.begin_nested():
            hold(session, ticket, split(lots, amount_minor))
    except TooManyPayers as many:
        return str(many)
    except Refused as refusal:
        return str(refusal).rstrip(".")
    session.execute(_AMOUNT, {"refund": ticket["id"], "amount_minor": amount_minor})
    settle_details(session, ticket, policy, at)
    return None


def _refundable(session: Session, ticket: dict[str, Any] | RowMapping) -> tuple[Refundable, Sequence[Lot]]:
    place = (ticket["entity"], ticket["currency"])
    return refundable(session, ticket["customer_id"], ticket["customer"], *place)


def _known(session: Session, request: RefundRequest, at: datetime) -> RefundState | None:
    row = (
        session.execute(BY_REQUEST, request.model_dump(include={"customer", "request_id"}))
        .mappings()
        .one_or_none()
    )
    if row is None:
        return None
    if row["content_hash"] != request.content_hash:
        raise RefundRefused(
            f"the request id {request.request_id!r} of customer {request.customer} was used with other content before "
            f"(refund {row['number']}); send a new request id"
        )
    return state(session, row["id"], at)


def _opened_by(session: Session, request: RefundRequest) -> str:
    if request.opened_by is None:
        return ""
    try:
        return require(session, request.opened_by, Act("Refund", "propose"))
    except OperatorRefused as refusal:
        raise RefundRefused(str(refusal).rstrip(".")) from None


def _require_free(session: Session, ticket: dict[str, Any]) -> None:
    other = session.execute(_OTHER, ticket).scalar_one_or_none()
    if other is not None:
        raise RefundRefused(f"ticket {other} of this balance is open already; wait for it, or withdraw it")


def _insert(session: Session, ticket: dict[str, Any]) -> None:
    try:
        with session.begin_nested():
            session.execute(_INSERT, ticket)
    except IntegrityError:
        raise RefundRefused("its workflow id belongs to another ticket; start it under another id") from None


def _money(minor: int | None, currency: str) -> Money:
    return Money(amount_minor=minor or 0, currency=currency)


_WHOM = text("""
    SELECT c.id AS customer_id, c.entity, e.country, e.time_zone, nextval('refund_id_seq') AS id,
        EXISTS (
            SELECT FROM ledger_account WHERE code = 'customer:' || c.number || ':' || c.entity || ':' || :currency
        ) AS has_balance
    FROM customer c JOIN contracting_entity e ON e.code = c.entity WHERE c.number = :customer
""")

_OTHER = text("""
    SELECT number FROM refund WHERE customer_id = :customer_id AND entity = :entity AND currency = :currency
        AND stage IN ('waiting', 'opened', 'in_review', 'approved') AND NOT came_back
""")

_INSERT = text("""
    INSERT INTO refund (id, number, workflow_id, customer_id, entity, currency, request_id, content_hash, everything,
        amount_minor, reason, opened_by, policy_id, stage, usage_until)
    VALUES (:id, :number, :workflow_id, :customer_id, :entity, :currency, :request_id, :content_hash, :everything,
        :amount_minor, :reason, :opened_by, :policy_id, :stage, :usage_until)
""")

_AMOUNT = text("UPDATE refund SET amount_minor = :amount_minor WHERE id = :refund")

_CAME_BACK = text(
    "SELECT EXISTS (SELECT FROM payout WHERE refund_id = :refund AND stage IN ('rejected', 'returned'))"
)

_ASK = text("""
    UPDATE refund SET details_until = CAST(:at AS timestamptz) + make_interval(days => CAST(:days AS integer))
    WHERE id = :refund
""")

# What the customer gets by this ticket, and got or is to get by others in 30 days: in many parts it is no smaller.
_THIRTY_DAYS = text("""
    SELECT coalesce(sum(p.amount_minor), 0)::bigint FROM refund r
    JOIN refund o ON o.customer_id = r.customer_id AND o.currency = r.currency
    JOIN payout p ON p.refund_id = o.id AND (
        p.stage IN ('planned', 'ready')
        OR p.stage IN ('sent', 'settled') AND (o.id = r.id OR p.sent_at > now() - interval '30 days')
    )
    WHERE r.id = :refund
""")
