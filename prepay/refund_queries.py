"""What the client asks the database about refund tickets, and how bank details are written down."""

REFUND_BY_REQUEST = """
    SELECT r.number, r.content_hash FROM refund r JOIN customer c ON c.id = r.customer_id
    WHERE c.number = %(customer)s AND r.request_id = %(request_id)s
"""

# An account is told by its end: whoever may look knows which it is.
REFUNDS = """
    SELECT r.id AS refund, r.number, c.number AS customer, r.entity, r.currency, r.amount_minor, r.stage, r.reason,
        r.answer, r.opened_at, r.details_until, r.ended_at, r.workflow_id,
        coalesce((
            SELECT jsonb_agg(jsonb_build_object('payout', p.id, 'amount_minor', p.amount_minor, 'stage', p.stage,
                'to', coalesce('…' || right(coalesce(nullif(y.iban, ''), y.account_number), 4), ''),
                'reason', p.reason, 'settled_at', p.settled_at) ORDER BY p.position, p.id)
            FROM payout p LEFT JOIN payee y ON y.id = p.payee_id WHERE p.refund_id = r.id
        ), '[]') AS payouts
    FROM refund r JOIN customer c ON c.id = r.customer_id
    WHERE (%(number)s::text IS NULL OR r.number = %(number)s)
        AND (%(customer)s::text IS NULL OR c.number = %(customer)s)
        AND (%(stage)s::text IS NULL OR r.stage = %(stage)s)
    ORDER BY r.id DESC LIMIT %(limit)s
"""

# What was entered last, entered again, is the same: whoever has not heard the answer asks once more. Where a payment to
# it came back, it is entered anew.
ENTER_PAYEE = """
    WITH proof AS (
        INSERT INTO claim_proof (sha256, kind, content)
        SELECT %(sha256)s, %(kind)s, %(content)s WHERE %(sha256)s::text IS NOT NULL ON CONFLICT DO NOTHING
    ), ticket AS (
        SELECT r.id FROM refund r JOIN customer c ON c.id = r.customer_id
        WHERE r.number = %(number)s AND c.number = %(customer)s
    ), last AS (
        SELECT y.* FROM payee y JOIN ticket ON y.refund_id = ticket.id
        WHERE y.origin = 'entered' ORDER BY y.id DESC LIMIT 1
    ), same AS (
        SELECT id FROM last
        WHERE (name, iban, bic, account_number, clearing_code, bank_name, country, town, purpose, charge_bearer,
                entered_by) = (%(name)s, %(iban)s, %(bic)s, %(account_number)s, %(clearing_code)s, %(bank_name)s,
                %(country)s, %(town)s, %(purpose)s, %(charge_bearer)s, %(by)s)
            AND proof_sha256 IS NOT DISTINCT FROM %(sha256)s
            AND NOT EXISTS (
                SELECT FROM payout o WHERE o.payee_id = last.id AND o.stage IN ('rejected', 'returned')
            )
    ), entered AS (
        INSERT INTO payee (name, iban, bic, account_number, clearing_code, bank_name, country, town, purpose,
            charge_bearer, origin, refund_id, entered_by, proof_sha256)
        SELECT %(name)s, %(iban)s, %(bic)s, %(account_number)s, %(clearing_code)s, %(bank_name)s, %(country)s,
            %(town)s, %(purpose)s, %(charge_bearer)s, 'entered', id, %(by)s, %(sha256)s
        FROM ticket WHERE NOT EXISTS (SELECT FROM same) RETURNING id
    )
    SELECT id FROM same UNION ALL SELECT id FROM entered
"""
