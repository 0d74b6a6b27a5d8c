"""What a refund was to pay is no longer there: a bank took it back, or it was moved. The ticket is void, approvals too.

In the posting's transaction, which holds the customers' accounts and has voided the refund's hold in the book.
"""

_LOST = """
    SELECT DISTINCT r.id FROM refund r JOIN payout o ON o.refund_id = r.id AND o.stage IN ('planned', 'ready')
    WHERE r.ended_at IS NULL AND r.customer_id IN ({customers}) AND NOT EXISTS (
        SELECT FROM ledger_transfer t JOIN ledger_pending g ON g.id = t.id WHERE t.key = o.hold_key AND t.leg = 0
    )
"""

# The other holds of the same ticket are given back; what is on its way stays so.
_GIVE_BACK = """
    SELECT count(*) FROM (
        SELECT o.hold_key, r.workflow_id FROM ({lost}) lost JOIN refund r USING (id)
        JOIN payout o ON o.refund_id = r.id AND o.stage IN ('planned', 'ready')
        JOIN ledger_transfer t ON t.key = o.hold_key AND t.leg = 0 JOIN ledger_pending g ON g.id = t.id ORDER BY o.id
    ) held, LATERAL ledger_void('void:' || hold_key, hold_key, NULL, workflow_id)
"""

_WHY = "the money that it was to pay was taken back or moved"

_VOID = f"""
    WITH payouts AS (
        UPDATE payout o SET stage = 'void', ended_at = now() FROM ({{lost}}) lost
        WHERE o.refund_id = lost.id AND o.stage IN ('planned', 'ready') RETURNING o.refund_id
    ), voided AS (
        UPDATE refund r SET version = version + 1, answer = '{_WHY}', approved_hash = '', waits_since = now(),
            stage = CASE WHEN sent THEN 'sent' ELSE 'void' END, ended_at = CASE WHEN NOT sent THEN now() END
        FROM (
            SELECT DISTINCT refund_id, EXISTS (
                SELECT FROM payout s WHERE s.refund_id = payouts.refund_id AND s.stage = 'sent'
            ) AS sent FROM payouts
        ) p WHERE r.id = p.refund_id RETURNING r.id, r.workflow_id, r.version
    ), noted AS (
        INSERT INTO refund_event (refund_id, key, what) SELECT id, 'refund:' || id || ':void ' || version,
            'void, with its approvals: {_WHY}' FROM voided
    )
    INSERT INTO outbox (workflow_id, version) SELECT workflow_id, version FROM voided
"""


_LOCK = """
    SELECT id FROM refund WHERE ended_at IS NULL AND customer_id IN ({customers}) ORDER BY id FOR NO KEY UPDATE
"""


def lock_refunds(customers: str) -> str:
    """The statement that holds their open tickets, before any account is held."""
    return _LOCK.format(customers=customers)


def void_lost(customers: str) -> tuple[str, str]:
    """The statements for the customers that a query names by their row's id."""
    lost = _LOST.format(customers=customers)
    return _GIVE_BACK.format(lost=lost), _VOID.format(lost=lost)
