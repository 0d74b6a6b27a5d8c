"""Payouts that come back: the book, the rows and what is tried next, in one transaction."""

from collections.abc import Sequence
from datetime import date
from typing import Any, Literal, NamedTuple

import psycopg

from activities.payout_owners import Told, owners_moved, tell
from rules.bank_reasons import reason_words


class Back(NamedTuple):
    """A payout that the bank rejected, or that came back on an account, less a fee."""

    payout: int
    stage: Literal["rejected", "returned"]
    reason_code: str
    account: str | None = None
    """The code of the account of ours that it came in on; none for a rejection."""
    fee_minor: int = 0
    day: date | None = None
    part: int | None = None


def come_back(connection: "psycopg.Connection[Any]", backs: Sequence[Back]) -> None:
    """The money is on hold again (of a receipt: unapplied), and the next payout waits for new details.

    The caller holds the payouts (`lock_payouts`), in stage `sent` for a rejection and `settled` for a return, and then
    their customers' accounts where it moves several.
    """
    if not backs:
        return
    columns: dict[str, list[Any]] = {
        name: [getattr(back, name) for back in backs] for name in Back._fields if name != "reason_code"
    }
    columns["code"] = [back.reason_code for back in backs]
    columns["reason"] = [reason_words(back.reason_code) for back in backs]
    held = dict(connection.execute(_COME_BACK, columns).fetchall())
    payouts = [back.payout for back in backs]
    tell(
        connection,
        [
            Told(back.payout, f"payout {back.payout} {back.stage}", _words(back, held.get(back.payout)))
            for back in backs
        ],
    )
    owners_moved(connection, payouts)


def _words(back: Back, whole: bool | None) -> str:
    """`whole`: all of it is on hold again; None where nothing is."""
    why = f"{back.reason_code or 'no code'}: {reason_words(back.reason_code)}"
    where = {
        True: "its money is on hold again",
        False: "it paid what the customer owed, and the rest is on hold again",
        None: "it paid what the customer owed",
    }[whole]
    if back.stage == "rejected":
        return f"The bank rejected payout {back.payout} ({why}); {where}."
    fee = ", less a fee that we bear" if back.fee_minor else ""
    return f"Payout {back.payout} came back{fee} ({why}); {where}."


# A payout's name is that of its first attempt, and the number of the attempt.
_COME_BACK = """
    WITH given AS (
        SELECT * FROM unnest(%(payout)s::bigint[], %(stage)s::text[], %(code)s::text[], %(reason)s::text[],
            %(account)s::text[], %(fee_minor)s::bigint[], %(day)s::date[], %(part)s::bigint[])
            AS g (payout, stage, code, reason, account, fee_minor, day, part)
    ), back AS MATERIALIZED (
        SELECT g.*, r.held_minor FROM (
            SELECT g.*, CASE WHEN p.refund_id IS NOT NULL THEN 'hold:' || p.id END AS hold_key
            FROM given g JOIN payout p ON p.id = g.payout ORDER BY p.id
        ) g, LATERAL ledger_payout_returned('returned:' || g.payout, 'sent:' || g.payout, g.account, g.fee_minor,
            g.hold_key, g.day, 'payout ' || g.payout) r
    ), moved AS (
        UPDATE payout p SET stage = back.stage, reason_code = back.code, reason = back.reason,
            fee_minor = back.fee_minor, came_back_part_id = back.part, ended_at = now()
        FROM back WHERE p.id = back.payout
    )
    INSERT INTO payout (end_to_end_id, refund_id, position, attempt, previous_id, entity, currency, amount_minor,
        hold_key, account_id)
    SELECT split_part(p.end_to_end_id, '.', 1) || '.' || p.attempt + 1, p.refund_id, p.position, p.attempt + 1, p.id,
        p.entity, p.currency, back.held_minor, back.hold_key, p.account_id
    FROM back JOIN payout p ON p.id = back.payout WHERE back.held_minor > 0 ORDER BY p.id
    RETURNING previous_id, amount_minor = (SELECT b.amount_minor FROM payout b WHERE b.id = payout.previous_id)
"""
