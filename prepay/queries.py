"""The few questions that the client asks the database; a role that may only read is enough."""

DEPOSIT = """
    SELECT d.number, c.number AS customer, d.entity, d.amount_minor, d.credited_minor, d.currency, d.product, d.note,
        d.stage, d.late, d.reference, d.issued_at, d.expires_at, d.content_hash,
        f.id AS document_id, f.digest AS document_digest, f.pdf_sha256 AS form_sha256,
        a.code, t.holder, t.bank_name, t.bank_address, t.bic, t.iban, t.account_number, t.clearing_code,
        t.intermediary
    FROM deposit d
    JOIN customer c ON c.id = d.customer_id
    JOIN collection_account a ON a.id = d.account_id
    JOIN LATERAL (
        SELECT id, digest, pdf_sha256, content FROM document WHERE deposit_id = d.id ORDER BY version DESC LIMIT 1
    ) f ON true
    CROSS JOIN LATERAL jsonb_to_record(convert_from(f.content, 'UTF8')::jsonb -> 'pay_to') t (
        holder text, bank_name text, bank_address text[], bic text, iban text, account_number text, clearing_code text,
        intermediary text
    )
    WHERE {where}
"""

DEPOSIT_BY_NUMBER = DEPOSIT.format(where="d.number = %(number)s")
DEPOSIT_BY_REQUEST = DEPOSIT.format(where="c.number = %(customer)s AND d.request_id = %(request_id)s")

FORM = """
    SELECT f.pdf FROM document f JOIN deposit d ON d.id = f.deposit_id
    WHERE d.number = %(number)s ORDER BY f.version DESC LIMIT 1
"""

# The pace is what was paid and captured since the month began (UTC), over at least a day. Of a customer with very many
# payments only the newest thousand are read, and their own time: it costs the same whatever their history.
BALANCES = """
    SELECT c.holder AS customer, c.entity, c.currency, c.available_minor + c.debits_pending AS posted_minor,
        c.debits_pending AS held_minor, c.available_minor, c.credits_pending AS pending_minor,
        r.debits_posted - r.credits_posted AS receivable_minor,
        CASE WHEN c.available_minor < 1000 * s.spent_minor
            THEN ((now() + (now() - s.since) * (c.available_minor / s.spent_minor)) AT TIME ZONE 'UTC')::date
        END AS lasts_until
    FROM ledger_account c JOIN ledger_account r ON r.id = c.receivable_id
    CROSS JOIN LATERAL (
        SELECT sum(t.amount_minor) FILTER (WHERE t.kind IN ('pay', 'capture'))::float8 AS spent_minor,
            least(CASE WHEN count(*) < 1000 THEN m.began ELSE min(t.created_at) END, now() - interval '1 day') AS since
        FROM (SELECT date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' AS began) m
        LEFT JOIN LATERAL (
            SELECT kind, amount_minor, created_at FROM ledger_transfer
            WHERE debit_account_id = c.id AND debits_customer ORDER BY id DESC LIMIT 1000
        ) t ON t.created_at >= m.began
        GROUP BY m.began
    ) s
    WHERE c.kind = 'customer' AND c.holder = %(customer)s ORDER BY c.entity, c.currency
"""

# All or nothing in one statement: the claim once for each request id, its proof, and the doorbell of its workflow.
MAKE_CLAIM = """
    WITH who AS (
        SELECT id FROM customer WHERE number = %(customer)s AND (
            SELECT count(*) FROM claim WHERE customer_id = customer.id AND stage IN ('waiting', 'found')
        ) < %(most)s
    ), made AS (
        INSERT INTO claim (customer_id, request_id, content_hash, amount_minor, currency, paid_on, payer_name,
            payer_account, bank_reference, proof_sha256)
        SELECT id, %(request_id)s, %(content_hash)s, %(amount_minor)s, %(currency)s, %(paid_on)s, %(payer_name)s,
            %(payer_account)s, %(bank_reference)s, %(sha256)s FROM who
        ON CONFLICT (customer_id, request_id) DO NOTHING RETURNING id
    ), kept AS (
        INSERT INTO claim_proof (sha256, kind, content)
        SELECT %(sha256)s, %(kind)s, %(content)s FROM made WHERE %(sha256)s::text IS NOT NULL ON CONFLICT DO NOTHING
    )
    INSERT INTO outbox (workflow_id, version) SELECT 'claim-' || id, 1 FROM made
"""

_CLAIM = """
    SELECT c.id AS claim, u.number AS customer, c.amount_minor, c.currency, c.paid_on, c.stage,
        c.proof_sha256 IS NOT NULL AS has_proof, c.created_at, c.ended_at, c.answer, c.content_hash,
        (SELECT max(k.created_at)::date FROM credit k WHERE k.part_id = c.credited_part_id) AS credited_on
    FROM claim c JOIN customer u ON u.id = c.customer_id WHERE u.number = %(customer)s AND {which}
"""
CLAIM_BY_REQUEST = _CLAIM.format(which="c.request_id = %(request_id)s")
CLAIM_BY_NUMBER = _CLAIM.format(which="c.id = %(claim)s")
