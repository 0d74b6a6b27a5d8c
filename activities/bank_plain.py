"""The plain payments of a chunk: each names one deposit, in full, and nothing about it is odd.

Most are, and what asks them nothing else takes half as long. They are decided as `bank_matching` would decide, which
then decides about the others; the tests compare the two.
"""

# Somebody is frozen, screened or paused: then all go the long way.
_CALM = """
    NOT EXISTS (SELECT FROM payer_pause WHERE ended_at IS NULL)
    AND NOT EXISTS (SELECT FROM screening_subject WHERE ended_at IS NULL)
    AND NOT EXISTS (SELECT FROM money_freeze WHERE ended_at IS NULL)
"""

# Money may have been credited without the reference that another format tells of it. Where nobody ever is, nobody asks.
_ANY_WITHOUT_REFERENCE = """(
            SELECT EXISTS (SELECT FROM payer_link) OR EXISTS (SELECT FROM receipt_application WHERE stage = 'applied')
                OR EXISTS (SELECT FROM virtual_account WHERE customer_id IS NOT NULL)
        )"""
_LATELY = 10
"""Days before its booking at which money may be told of first: who pays the same sum each month is not asked."""

PLAIN = f"""
    INSERT INTO decision (id, identity_key, account_id, entity, currency, booked_on, value_on, state, awaits, house,
        flagged, absorbed_minor, credit_minor, customer_id, deposit_id, deposit, several, whole, reason)
    SELECT p.id, p.identity_key, e.account_id, e.entity, p.currency, e.booked_on, e.value_on, 'credited', '',
        p.house, false, 0, p.amount_minor, d.customer_id, d.id, d.number, false, true,
        CASE WHEN cardinality(p.structured_references) = 0 THEN 'the reference in its text is that of '
            ELSE 'its structured reference is that of ' END || d.number
    FROM bank_entry_part p JOIN bank_entry e ON e.id = p.entry_id
    JOIN deposit d ON d.reference = coalesce(p.structured_references[1], p.text_references[1])
    WHERE p.id = ANY (ARRAY(SELECT id FROM posting)) AND {_CALM}
        AND p.direction = 'credit' AND p.state = 'shown' AND p.receipt_of IS NULL AND p.answers_id IS NULL
        AND p.return_reason = '' AND p.credited_account = '' AND NOT e.reversal
        AND cardinality(p.structured_references) + cardinality(p.text_references) = 1
        AND (d.entity, d.currency) = (e.entity, p.currency)
        AND d.credited_minor = 0 AND d.amount_minor <= p.amount_minor
        AND e.account_id = ANY (ARRAY(
            SELECT id FROM collection_account WHERE NOT virtual AND gap_statement_id IS NULL
        ))
        AND e.entity = ANY (CASE p.payer_account
            WHEN '' THEN ARRAY(SELECT code FROM contracting_entity WHERE missing_payer_policy = 'credit')
            ELSE ARRAY(SELECT code FROM contracting_entity WHERE payer_policy = 'credit')
        END)
        AND (e.account_id, e.amount_minor) NOT IN (
            SELECT typed.account_id, typed.amount_minor
            FROM bank_quarantine q JOIN bank_entry typed ON typed.id = q.entry_id
        )
        AND (NOT {_ANY_WITHOUT_REFERENCE} OR NOT EXISTS (
            SELECT FROM credit c WHERE c.customer_id = d.customer_id AND c.amount_minor = p.amount_minor
                AND c.created_at >= least(e.booked_on, e.value_on) - {_LATELY}
        ))
        AND NOT EXISTS (
            SELECT FROM credit_move m WHERE m.from_customer_id = d.customer_id AND m.stage = 'applied'
        )
        AND (e.bank_reference = '' OR NOT EXISTS (
            SELECT FROM bank_entry other WHERE other.account_id = e.account_id
                AND other.bank_reference = e.bank_reference AND other.id <> e.id
        ))
"""
