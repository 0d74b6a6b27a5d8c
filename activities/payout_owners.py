"""What a payout's stage does to whoever it belongs to: refund tickets, receipts that go back, payment files.

Called in the transaction that moved the payouts. Locks in this order: the parts of receipts that go back, refunds by
id, payouts by id (`lock_payouts`); customers' accounts come after these.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import psycopg

from activities.bank_receipts import SETTLE_CLAIMS
from rules.refund import Policy

Connection = psycopg.Connection[Any]


class Told(NamedTuple):
    """A line for the ticket's audit page: what the bank did with a payout, or an operator. The key makes it once."""

    payout: int
    key: str
    what: str
    by: str = ""
    reason: str = ""
    attestation: int | None = None


def lock_payouts(connection: Connection, payouts: Sequence[int]) -> None:
    """Hold the payouts and what they belong to until the end of the transaction."""
    if payouts:
        for statement in _LOCKS:
            connection.execute(statement, {"payouts": list(payouts)})


def owners_moved(connection: Connection, payouts: Sequence[int]) -> None:
    """The stages of tickets, receipts and files follow their payouts, and their workflows are rung."""
    if payouts:
        given = {"payouts": list(payouts), "repaid": _REPAID, "details_days": Policy().details_days}
        for statement in (_REFUNDS, _RETURNS, _RECEIPTS, _CLAIMS, _FILES):
            connection.execute(statement, given)


def tell(connection: Connection, lines: Iterable[Told]) -> None:
    """Write the lines of those payouts that are of tickets."""
    told = list(lines)
    if told:
        columns = {name: [getattr(line, name) for line in told] for name in Told._fields}
        connection.execute(_TELL, columns)


_REPAID = "the money came back, and paid what you owed us"

_LOCKS = (
    """
    SELECT part.id FROM bank_entry_part part WHERE part.id = ANY (ARRAY(
        SELECT r.part_id FROM payout p JOIN receipt_return r ON r.id = p.return_id WHERE p.id = ANY (%(payouts)s)
    )) ORDER BY part.identity_key FOR NO KEY UPDATE
    """,
    """
    SELECT id FROM refund WHERE id = ANY (ARRAY(SELECT refund_id FROM payout WHERE id = ANY (%(payouts)s)))
    ORDER BY id FOR NO KEY UPDATE
    """,
    "SELECT id FROM payout WHERE id = ANY (%(payouts)s) ORDER BY id FOR NO KEY UPDATE",
)

# A ticket about whose next step people decide keeps its stage, but for one that lacks an account again; it is rung all
# the same. What came back and repaid a debt has no next payout: where nothing else is left, the ticket is void.
_REFUNDS = """
    WITH now_is AS (
        SELECT p.refund_id, bool_and(p.stage = 'settled') AS settled, bool_or(p.stage = 'sent') AS sent,
            bool_or(p.stage = 'planned' AND p.previous_id IS NOT NULL) AS came_back,
            bool_or(p.stage = 'planned' AND p.payee_id IS NULL) AS lacks_account,
            bool_or(p.stage = 'planned' AND p.previous_id = ANY (%(payouts)s)) AS asked_now,
            bool_or(p.stage IN ('rejected', 'returned')) AND NOT bool_or(p.stage IN ('ready', 'sent')) AS repaid_debt
        FROM payout p
        WHERE p.refund_id = ANY (ARRAY(SELECT refund_id FROM payout WHERE id = ANY (%(payouts)s)))
            AND p.stage <> 'void' AND NOT EXISTS (SELECT FROM payout later WHERE later.previous_id = p.id)
        GROUP BY p.refund_id
    ), became AS (
        SELECT r.id, r.stage AS was, now_is.asked_now, CASE
                WHEN r.stage = 'in_review' AND now_is.lacks_account THEN 'returned'
                WHEN r.stage NOT IN ('approved', 'sent', 'returned', 'settled') THEN r.stage
                WHEN now_is.came_back THEN 'returned'
                WHEN now_is.settled THEN 'settled'
                WHEN now_is.sent THEN 'sent'
                WHEN now_is.repaid_debt THEN 'void'
                ELSE r.stage
            END AS stage
        FROM now_is JOIN refund r ON r.id = now_is.refund_id
    ), moved AS (
        UPDATE refund r SET version = r.version + 1, stage = became.stage,
            came_back = r.came_back OR became.stage = 'returned',
            waits_since = CASE WHEN became.stage <> was OR asked_now THEN now() ELSE r.waits_since END,
            reminded = CASE WHEN became.stage <> was OR asked_now THEN 0 ELSE r.reminded END,
            details_until = CASE
                WHEN became.stage = 'returned' AND asked_now THEN now() + make_interval(days => coalesce(
                    (SELECT p.details_days FROM refund_policy p WHERE p.id = r.policy_id), %(details_days)s
                )::integer) ELSE r.details_until
            END,
            answer = CASE WHEN became.stage = 'void' THEN %(repaid)s ELSE r.answer END,
            ended_at = CASE
                WHEN became.stage IN ('settled', 'rejected', 'withdrawn', 'closed', 'void')
                    THEN coalesce(r.ended_at, now())
            END
        FROM became WHERE r.id = became.id RETURNING r.workflow_id, r.version
    )
    INSERT INTO outbox (workflow_id, version) SELECT workflow_id, version FROM moved
"""

_RETURNS = """
    UPDATE receipt_return r SET
        stage = became.stage, ended_at = CASE WHEN became.stage = 'sent' THEN NULL ELSE now() END
    FROM payout p, LATERAL (
        SELECT CASE p.stage WHEN 'settled' THEN 'returned' WHEN 'sent' THEN 'sent' ELSE 'came_back' END AS stage
    ) became
    WHERE p.id = ANY (%(payouts)s) AND p.return_id = r.id AND p.stage IN ('sent', 'settled', 'rejected', 'returned')
        AND r.stage <> became.stage
"""

# What came back is unapplied again, and people decide anew.
_RECEIPTS = """
    WITH moved AS (
        SELECT b.part_id, p.stage = 'settled' AS paid, p.reason_code
        FROM payout p JOIN receipt_return b ON b.id = p.return_id JOIN receipt r ON r.part_id = b.part_id
        WHERE p.id = ANY (%(payouts)s) AND p.stage IN ('settled', 'rejected', 'returned')
            AND r.stage <> CASE p.stage WHEN 'settled' THEN 'returned' ELSE 'unapplied' END
    ), part AS (
        UPDATE bank_entry_part t SET state = CASE WHEN paid THEN 'returned' ELSE 'unapplied' END,
            reason = left(t.reason || CASE
                WHEN paid THEN '; it went back to its payer'
                ELSE '; going back to its payer, it came back (' || moved.reason_code || ')'
            END, 1000)
        FROM moved WHERE t.id = moved.part_id
    ), receipt AS (
        UPDATE receipt r SET heard = false, stage = CASE WHEN paid THEN 'returned' ELSE 'unapplied' END,
            ended_at = CASE WHEN paid THEN now() END, chased = CASE WHEN paid THEN r.chased ELSE 0 END,
            opened_at = CASE WHEN paid THEN r.opened_at ELSE now() END
        FROM moved WHERE r.part_id = moved.part_id RETURNING r.part_id
    )
    INSERT INTO outbox (workflow_id, version) SELECT 'receipt-' || part_id, 1 FROM receipt
"""

_CLAIMS = SETTLE_CLAIMS.format(
    parts="""ARRAY(
        SELECT b.part_id FROM payout p JOIN receipt_return b ON b.id = p.return_id
        WHERE p.id = ANY (%(payouts)s) AND p.stage = 'settled'
    )"""
)

# What the bank books without an answer it has taken.
_FILES = """
    WITH now_is AS (
        SELECT p.file_id, bool_or(p.stage = 'sent') AS open, bool_and(p.stage = 'rejected') AS rejected,
            bool_or(p.stage = 'rejected') AS in_part, bool_or(p.stage IN ('settled', 'returned')) AS booked
        FROM payout p WHERE p.file_id = ANY (ARRAY(SELECT file_id FROM payout WHERE id = ANY (%(payouts)s)))
        GROUP BY p.file_id
    ), moved AS (
        UPDATE payment_file f SET heard = false,
            ended_at = CASE WHEN open THEN NULL ELSE coalesce(f.ended_at, now()) END,
            answered_at = CASE WHEN rejected OR booked THEN coalesce(f.answered_at, now()) ELSE f.answered_at END,
            stage = CASE
                WHEN rejected THEN 'rejected' WHEN in_part THEN 'part_accepted' WHEN booked THEN 'accepted'
                ELSE f.stage
            END
        FROM now_is WHERE f.id = now_is.file_id RETURNING f.id
    )
    INSERT INTO outbox (workflow_id, version) SELECT 'payment-file-' || id, 1 FROM moved
"""

_TELL = """
    INSERT INTO refund_event (refund_id, key, what, by, reason, attestation_id)
    SELECT p.refund_id, t.key, t.what, t.by, t.reason, t.attestation
    FROM unnest(%(payout)s::bigint[], %(key)s::text[], %(what)s::text[], %(by)s::text[], %(reason)s::text[],
        %(attestation)s::bigint[]) t (payout, key, what, by, reason, attestation)
    JOIN payout p ON p.id = t.payout WHERE p.refund_id IS NOT NULL ORDER BY p.id ON CONFLICT (key) DO NOTHING
"""
