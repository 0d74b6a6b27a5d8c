"""The few questions that the client asks the database; a role that may only read is enough."""

DEPOSIT = """
    SELECT d.number, c.number AS customer, d.entity, d.amount_minor, d.credited_minor, d.currency, d.product, d.note,
        d.stage, d.late, d.reference, d.issued_at, d.expires_at, d.content_hash,
        f.id AS document_id, f.digest AS document_digest, f.pdf_sha256 AS form_sha256,
        a.code, a.holder, a.bank_name, a.bank_address, a.bic, a.iban, a.account_number, a.clearing_code,
        a.intermediary
    FROM deposit d
    JOIN customer c ON c.id = d.customer_id
    JOIN collection_account a ON a.id = d.account_id
    JOIN LATERAL (
        SELECT id, digest, pdf_sha256 FROM document WHERE deposit_id = d.id ORDER BY version DESC LIMIT 1
    ) f ON true
    WHERE {where}
"""

DEPOSIT_BY_NUMBER = DEPOSIT.format(where="d.number = %(number)s")
DEPOSIT_BY_REQUEST = DEPOSIT.format(where="c.number = %(customer)s AND d.request_id = %(request_id)s")

FORM = """
    SELECT f.pdf FROM document f JOIN deposit d ON d.id = f.deposit_id
    WHERE d.number = %(number)s ORDER BY f.version DESC LIMIT 1
"""

CUSTOMER_EXISTS = "SELECT 1 FROM customer WHERE number = %(customer)s"

BALANCES = """
    SELECT c.holder AS customer, c.entity, c.currency,
        c.credits_posted - c.debits_posted AS posted_minor,
        c.debits_pending AS held_minor,
        c.credits_posted - c.debits_posted - c.debits_pending AS available_minor,
        c.credits_pending AS pending_minor,
        r.debits_posted - r.credits_posted AS receivable_minor
    FROM ledger_account c JOIN ledger_account r ON r.id = c.receivable_id
    WHERE c.kind = 'customer' AND c.holder = %(customer)s
    ORDER BY c.entity, c.currency
"""

RECORDS = """
    WITH moved AS (
        SELECT t.*, a.entity, a.currency,
            CASE WHEN t.credit_account_id = a.id THEN t.amount_minor ELSE - t.amount_minor END AS signed_minor
        FROM ledger_account a
        JOIN ledger_transfer t ON t.phase IN ('posted', 'post')
            AND ((t.debits_customer AND t.debit_account_id = a.id)
              OR (t.credits_customer AND t.credit_account_id = a.id))
        WHERE a.kind = 'customer' AND a.holder = %(customer)s
    )
    SELECT id, created_at, effective_on, kind, signed_minor AS amount_minor, entity, currency, deposit, cause,
        (sum(signed_minor) OVER (PARTITION BY entity, currency ORDER BY id))::bigint AS balance_minor
    FROM moved ORDER BY id DESC LIMIT %(limit)s
"""
