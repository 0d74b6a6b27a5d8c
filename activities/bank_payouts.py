"""Entries of payouts: what a booked part settles, and what came back with it; in the chunk's transaction.

It takes its parts out of `posting` before anything else decides about them. First `match_payouts`, which locks the
payouts; then, when the customers' accounts are locked, `post_payouts`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg

from activities.database import rows_of
from activities.payout_owners import Told, lock_payouts, owners_moved, tell
from activities.payout_returning import Back, come_back
from rules.payout_matching import Odd, PartFacts, PayoutFacts, Returns, Settles, decide, wait_words

Connection = psycopg.Connection[Any]


@dataclass
class Matched:
    """What the chunk's parts do to payouts."""

    parts: dict[int, PartFacts] = field(default_factory=dict)
    settles: list[Settles] = field(default_factory=list)
    returns: list[Returns] = field(default_factory=list)
    odd: list[Odd] = field(default_factory=list)

    @property
    def payouts(self) -> list[int]:
        """All whose money moves."""
        settled = [payout for one in self.settles for payout in one.payouts]
        return sorted({*settled, *(one.payout for one in self.returns)})


def match_payouts(connection: Connection) -> Matched:
    """Decide about the parts in `posting` that name a payout or a payment file of ours, and hold those."""
    found = _candidates(connection)
    matched = Matched()
    if not found:
        return matched
    connection.execute("SELECT pg_advisory_xact_lock(hashtext('bank reversals'))")
    lock_payouts(connection, sorted({payout for part in found for payout in part.payouts}))
    matched.parts = {part.part: part for part in found}
    # What leaves before what comes back, as it was.
    for part in sorted(found, key=lambda part: (part.direction == "credit", part.part)):
        now = _payouts_now(connection, part.payouts)
        decision = decide(part, _as_decided(now, matched))
        if isinstance(decision, Settles):
            matched.settles.append(decision)
        elif isinstance(decision, Returns):
            matched.returns.append(decision)
        else:
            matched.odd.append(decision)
    _take(connection, matched)
    return matched


def _as_decided(now: Sequence[PayoutFacts], matched: Matched) -> list[PayoutFacts]:
    """The payouts after what has been decided in this chunk."""
    settled = {payout for one in matched.settles for payout in one.payouts}
    back = {one.payout: one.part for one in matched.returns}
    return [
        facts._replace(
            stage="settled" if facts.payout in settled and facts.stage == "sent" else facts.stage,
            back_part=back.get(facts.payout, facts.back_part),
        )
        for facts in now
    ]


def _candidates(connection: Connection) -> list[PartFacts]:
    rows = rows_of(connection, _CANDIDATES)
    return [PartFacts(**row._asdict() | {"payouts": tuple(row.payouts)}) for row in rows]


def _payouts_now(connection: Connection, payouts: Iterable[int]) -> list[PayoutFacts]:
    return [PayoutFacts(*row) for row in rows_of(connection, _NOW, {"payouts": list(payouts)})]


def _take(connection: Connection, matched: Matched) -> None:
    taken = [(one.part, _settle_words(one), "payout") for one in matched.settles]
    for one in matched.returns:
        words = wait_words(one.payout) if one.waits else f"payout {one.payout} came back ({one.reason_code})"
        taken.append((one.part, words, "shown" if one.waits else "payout"))
    if taken:
        parts, reasons, states = (list(column) for column in zip(*taken, strict=True))
        connection.execute(_TAKE, {"parts": parts, "reasons": reasons, "states": states})


def _settle_words(one: Settles) -> str:
    if len(one.payouts) == 1:
        return f"it books payout {one.payouts[0]}"
    return f"it books {len(one.payouts)} payouts, {one.payouts[0]} to {one.payouts[-1]}"


def post_payouts(connection: Connection, matched: Matched) -> None:
    """Post what was decided; the customers' accounts are locked."""
    for one in matched.settles:
        facts = matched.parts[one.part]
        given = {
            "part": one.part,
            "payouts": list(one.payouts),
            "account": facts.account,
            "day": facts.booked_on,
        }
        connection.execute(_SETTLE, given)
    settled = [payout for one in matched.settles for payout in one.payouts]
    tell(
        connection,
        [
            Told(payout, f"payout {payout} settled", f"The bank has booked payout {payout}.")
            for payout in settled
        ],
    )
    owners_moved(connection, settled)
    for back in (one for one in matched.returns if one.waits):
        connection.execute(_WAIT, {"payout": back.payout, "part": back.part, "code": back.reason_code})
    backs = [_back(matched, one) for one in matched.returns if not one.waits]
    come_back(connection, [*backs, *_waited(connection, settled)])
    if matched.odd:
        given = {"parts": [odd.part for odd in matched.odd], "reasons": [odd.why for odd in matched.odd]}
        connection.execute(_SAY, given)


def _back(matched: Matched, one: Returns) -> Back:
    facts = matched.parts[one.part]
    return Back(
        one.payout, "returned", one.reason_code, facts.account, one.fee_minor, facts.booked_on, one.part
    )


def _waited(connection: Connection, settled: Sequence[int]) -> list[Back]:
    """Those that had come back before the entry with which they left: their parts are posted now."""
    if not settled:
        return []
    rows = rows_of(connection, _WAITED, {"payouts": list(settled)})
    return [Back(r.payout, "returned", r.code, r.account, r.fee_minor, r.day, r.part) for r in rows]


_CANDIDATES = """
    WITH part AS (
        SELECT p.id AS part, p.direction, p.amount_minor, e.reversal, p.return_reason, p.batch_id, p.end_to_end_id,
            p.receipt_of IS NOT NULL OR EXISTS (
                SELECT FROM ledger_transfer r WHERE r.key = 'receipt:' || p.identity_key AND r.leg = 0
            ) AS received,
            e.detailed AS may_wait, e.booked_on, a.code AS account, p.currency
        FROM bank_entry_part p JOIN bank_entry e ON e.id = p.entry_id JOIN collection_account a ON a.id = e.account_id
        WHERE p.id = ANY (ARRAY(SELECT id FROM posting)) AND p.state = 'shown'
            AND (p.end_to_end_id <> '' OR p.batch_id <> '')
    )
    SELECT part, direction, part.amount_minor, reversal, return_reason, received, may_wait, booked_on, account,
        ARRAY[po.id] AS payouts, false AS batch
    FROM part JOIN payout po ON po.end_to_end_id = part.end_to_end_id AND po.file_id IS NOT NULL
        AND po.currency = part.currency
    WHERE part.end_to_end_id <> ''
    UNION ALL
    SELECT part, direction, part.amount_minor, reversal, return_reason, received, may_wait, booked_on, account,
        ARRAY(SELECT id FROM payout WHERE file_id = f.id ORDER BY id), true
    FROM part JOIN payment_file f ON f.message_id IN (part.batch_id, part.end_to_end_id)
    WHERE direction = 'debit' AND NOT EXISTS (
        SELECT FROM payout po WHERE po.end_to_end_id = part.end_to_end_id AND part.end_to_end_id <> ''
    )
"""

_NOW = """
    SELECT p.id, p.stage, p.amount_minor, a.code, CASE WHEN p.announced_at IS NULL THEN '' ELSE p.reason_code END,
        p.settled_part_id, p.came_back_part_id
    FROM payout p JOIN collection_account a ON a.id = p.account_id WHERE p.id = ANY (%(payouts)s) ORDER BY p.id
"""

_TAKE = """
    WITH taken AS (
        UPDATE bank_entry_part p SET state = t.state, reason = t.reason
        FROM unnest(%(parts)s::bigint[], %(reasons)s::text[], %(states)s::text[]) t (part, reason, state)
        WHERE p.id = t.part RETURNING p.id
    )
    DELETE FROM posting USING taken WHERE posting.id = taken.id
"""

_SETTLE = """
    WITH settled AS (
        SELECT p.id, (ledger_payout_settled('settled:' || p.id, 'sent:' || p.id, %(account)s, %(day)s,
            'bank entry part ' || %(part)s)).transfer_id
        FROM (SELECT id FROM payout WHERE id = ANY (%(payouts)s) ORDER BY id) p
    )
    UPDATE payout p SET stage = 'settled', settled_at = now(), ended_at = now(), settled_part_id = %(part)s
    FROM settled WHERE p.id = settled.id
"""

_WAIT = "UPDATE payout SET came_back_part_id = %(part)s, reason_code = %(code)s WHERE id = %(payout)s"

_WAITED = """
    WITH came AS (
        SELECT po.id AS payout, po.reason_code AS code, a.code AS account,
            po.amount_minor - p.amount_minor AS fee_minor, e.booked_on AS day, p.id AS part
        FROM payout po JOIN bank_entry_part p ON p.id = po.came_back_part_id JOIN bank_entry e ON e.id = p.entry_id
        JOIN collection_account a ON a.id = e.account_id
        WHERE po.id = ANY (%(payouts)s) AND po.stage = 'settled'
    ), posted AS (
        UPDATE bank_entry_part p SET state = 'payout', reason = 'payout ' || payout || ' came back (' || code || ')'
        FROM came WHERE p.id = part
    )
    SELECT * FROM came ORDER BY payout
"""

_SAY = """
    UPDATE bank_entry_part p SET reason = left(t.reason || '; ' || p.reason, 1000)
    FROM unnest(%(parts)s::bigint[], %(reasons)s::text[]) t (part, reason) WHERE p.id = t.part
"""
