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

CUSTOMER_EXISTS = "SELECT 1 FROM customer WHERE number = %(customer)s"

BALANCES = """
    SELECT customer, entity, currency, posted_minor, held_minor, available_minor,
        pending_in_minor AS pending_minor, receivable_minor
    FROM ledger_balance WHERE customer = %(customer)s ORDER BY entity, currency
"""

RECORDS = """
    SELECT id, created_at, effective_on, kind, posted_minor AS amount_minor, balance_minor, entity, currency,
        deposit, cause
    FROM ledger_movement WHERE customer = %(customer)s AND posted_minor <> 0 ORDER BY id DESC LIMIT %(limit)s
"""
