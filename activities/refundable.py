"""What of a balance can be refunded, and which money that is. The caller holds the customer's account."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import text
from sqlmodel import Session

from activities.owed import owed
from rules.refund import Refundable


class Lot(NamedTuple):
    """What is free of one credit, the payment that it came from, and whether it may go back."""

    credit_key: str
    free_minor: int
    part: int | None
    account_id: int | None
    """The account of ours that it came in on."""
    payer_account: str
    certain: bool


class Share(NamedTuple):
    """What goes back to one payer from one account of ours; `credits` are the keys of the money, newest first."""

    amount_minor: int
    part: int | None
    account_id: int | None
    credits: tuple[str, ...]


def refundable(
    session: Session, customer_id: int, customer: str, entity: str, currency: str
) -> tuple[Refundable, Sequence[Lot]]:
    """How much can be refunded, and the lots that can, newest first."""
    place = {"customer": customer, "entity": entity, "currency": currency}
    balance = session.execute(_BALANCE, place).mappings().one()
    lots = [Lot(**row) for row in session.execute(_LOTS, place).mappings()]
    uncertain = sum(lot.free_minor for lot in lots if not lot.certain)
    owes = owed(session, customer_id, entity, currency)
    found = Refundable(**balance, **owes._asdict(), uncertain_minor=uncertain)
    return found, [lot for lot in lots if lot.certain]


def split(lots: Sequence[Lot], amount_minor: int) -> list[Share]:
    """Who gets how much: the newest money first, each to the account that it came from."""
    shares: dict[tuple[str, int | None], list[tuple[Lot, int]]] = {}
    missing = amount_minor
    for lot in lots:
        if missing == 0:
            break
        taken = min(missing, lot.free_minor)
        shares.setdefault((lot.payer_account, lot.account_id), []).append((lot, taken))
        missing -= taken
    return [
        Share(
            sum(taken for _, taken in of_one),
            of_one[0][0].part,
            of_one[0][0].account_id,
            tuple(dict.fromkeys(lot.credit_key for lot, _ in of_one)),
        )
        for of_one in shares.values()
    ]


_BALANCE = text("""
    SELECT b.available_minor, b.receivable_minor FROM ledger_balance b
    WHERE b.customer = :customer AND b.entity = :entity AND b.currency = :currency
""")

# Money that a statement has not confirmed may never have come; frozen money stands still.
_LOTS = text("""
    SELECT made.key AS credit_key, l.free_minor, o.part_id AS part, e.account_id,
        coalesce(p.payer_account, '') AS payer_account,
        coalesce(p.confirmed, true) AND NOT EXISTS (
            SELECT FROM money_freeze f WHERE f.part_id = o.part_id AND f.ended_at IS NULL
        ) AS certain
    FROM ledger_account a JOIN ledger_lot l ON l.account_id = a.id AND NOT l.spent AND l.live AND l.free_minor > 0
    JOIN lot_origin o ON o.lot_id = l.id
    JOIN ledger_transfer t ON t.id = l.id JOIN ledger_transfer made ON made.id = coalesce(t.pending_id, t.id)
    LEFT JOIN bank_entry_part p ON p.id = o.part_id LEFT JOIN bank_entry e ON e.id = p.entry_id
    WHERE a.code = 'customer:' || :customer || ':' || :entity || ':' || :currency
    ORDER BY l.id DESC
""")
