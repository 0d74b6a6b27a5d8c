"""A ticket's money is held in the book, split by where it came from; payouts are planned, and given back where it ends.

The caller holds the customer's account, and after it the ticket.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import text
from sqlmodel import Session

from activities.database import psycopg_of
from activities.payees import payer_of
from activities.refundable import Share
from ledger import postings
from rules.refund import Policy

MAX_PAYOUTS = 50
"""Of one ticket."""


class TooManyPayers(ValueError):
    """The money came from more accounts than one ticket pays."""

    def __init__(self, payers: int) -> None:
        super().__init__(
            f"this money came from {payers:,} accounts, and one refund pays at most {MAX_PAYOUTS}; ask for less at once"
        )


def hold(session: Session, ticket: dict[str, Any], shares: Sequence[Share]) -> None:
    """Hold each share in the book and plan its payout, to its payer where that can be written. Raises TooManyPayers.

    `ticket` has the columns of its row, and the customer's number.
    """
    if len(shares) > MAX_PAYOUTS:
        raise TooManyPayers(len(shares))
    for position, share in enumerate(shares, 1):
        key = f"refund:{ticket['id']}:{position}"
        postings.reserve_refund(
            psycopg_of(session),
            key=key,
            customer=ticket["customer"],
            entity=ticket["entity"],
            currency=ticket["currency"],
            amount_minor=share.amount_minor,
            lots=share.credits,
            cause=ticket["workflow_id"],
        )
        row = {
            "refund": ticket["id"],
            "position": position,
            "end_to_end_id": f"{ticket['number']}-{position}",
            "entity": ticket["entity"],
            "currency": ticket["currency"],
            "amount_minor": share.amount_minor,
            "hold_key": key,
            "account": share.account_id,
            "payee": payer_of(session, share.part) if share.part is not None else None,
        }
        session.execute(_PLAN, row)


def give_back(session: Session, refund: int, cause: str) -> None:
    """Void what is held and not on its way, and its payouts."""
    for payout, key in session.execute(_HELD, {"refund": refund}).all():
        if session.execute(_STILL_HELD, {"key": key}).scalar_one():
            postings.void(psycopg_of(session), key=f"void:{key}", hold=key, cause=cause)
        session.execute(_VOID, {"payout": payout})


def policy_of(session: Session, entity: str, currency: str, today: date) -> tuple[int | None, Policy]:
    """The policy of a day with its row; where none is set up, two people and a treasurer agree to everything."""
    row = (
        session.execute(_POLICY, {"entity": entity, "currency": currency, "today": today})
        .mappings()
        .one_or_none()
    )
    if row is None:
        return None, Policy()
    return row["id"], Policy(**{name: row[name] for name in Policy.model_fields})


# The account that the money came in on pays, unless it has ended or is a customer's own number.
_PLAN = text("""
    INSERT INTO payout (end_to_end_id, refund_id, position, entity, currency, amount_minor, hold_key, account_id,
        payee_id)
    SELECT :end_to_end_id, :refund, :position, :entity, :currency, :amount_minor, :hold_key, a.id, :payee
    FROM collection_account a JOIN contracting_entity e ON e.code = a.entity
    WHERE a.entity = :entity AND a.currency = :currency AND NOT a.virtual
    ORDER BY daterange(a.valid_from, a.valid_to, '[]') @> (now() AT TIME ZONE e.time_zone)::date DESC,
        a.id = :account DESC NULLS LAST, a.valid_from DESC, a.id DESC LIMIT 1
""")

_HELD = text("""
    SELECT id, hold_key FROM payout WHERE refund_id = :refund AND stage IN ('planned', 'ready') ORDER BY id
    FOR NO KEY UPDATE
""")

_STILL_HELD = text("""
    SELECT EXISTS (SELECT FROM ledger_transfer t JOIN ledger_pending p ON p.id = t.id WHERE t.key = :key AND t.leg = 0)
""")

_VOID = text("UPDATE payout SET stage = 'void', ended_at = now() WHERE id = :payout")

_POLICY = text("""
    SELECT * FROM refund_policy WHERE entity = :entity AND currency = :currency AND valid_from <= :today
    ORDER BY valid_from DESC LIMIT 1
""")
