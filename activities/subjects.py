"""The line under which the Temporal UI shows a workflow, like the subject of a mail: for those that rows start.

No payer and no account number: what a customer or a file is called here is enough.
"""

from collections.abc import Mapping

from sqlalchemy import text
from sqlmodel import Session

from prepay.money import Money

# Each tells ids, words with `{}` for the amount, and the amount where there is one.
_SUBJECTS = {
    "Deposit": """
        SELECT d.workflow_id, c.number || ' deposits {}', d.amount_minor, d.currency
        FROM deposit d JOIN customer c ON c.id = d.customer_id WHERE d.workflow_id = ANY(:ids)
    """,
    "BankFile": """
        SELECT 'bank-file-' || sha256, 'Bank file ' || id, NULL, NULL FROM bank_file
        WHERE sha256 = ANY (ARRAY(SELECT substr(id, 11) FROM unnest(CAST(:ids AS text[])) AS id))
    """,
    "Freeze": """
        SELECT f.workflow_id, coalesce('Customer ' || c.number || ' is frozen', '{} are frozen'), p.amount_minor,
            p.currency
        FROM money_freeze f LEFT JOIN customer c ON c.id = f.customer_id LEFT JOIN bank_entry_part p ON p.id = f.part_id
        WHERE f.workflow_id = ANY(:ids)
    """,
    "Change": """
        SELECT 'change-' || id, 'Change of ' || replace(array_to_string(kinds, ', '), '_', ' '), NULL, NULL FROM change
        WHERE 'change-' || id = ANY(:ids)
    """,
    "Reassignment": """
        SELECT 'reassignment-' || m.id,
            '{} from ' || a.number || CASE WHEN a.id = b.id THEN ', elsewhere' ELSE ' to ' || b.number END,
            m.amount_minor, p.currency
        FROM credit_move m JOIN customer a ON a.id = m.from_customer_id JOIN customer b ON b.id = m.to_customer_id
        JOIN credit k ON k.id = m.credit_id JOIN bank_entry_part p ON p.id = k.part_id
        WHERE 'reassignment-' || m.id = ANY(:ids)
    """,
    "Resolution": """
        SELECT 'resolution-' || r.id, '{} of bank file ' || r.file_id || ', line ' || q.line, r.amount_minor, r.currency
        FROM bank_resolution r JOIN bank_quarantine q USING (file_id, ordinal) WHERE 'resolution-' || r.id = ANY(:ids)
    """,
    "Receipt": """
        SELECT 'receipt-' || part_id, '{} without an owner', amount_minor, currency FROM receipt WHERE part_id = ANY (
            ARRAY(SELECT CAST(substr(id, 9) AS bigint) FROM unnest(CAST(:ids AS text[])) AS id)
        )
    """,
    "Refund": """
        SELECT r.workflow_id,
            c.number || CASE WHEN r.amount_minor IS NULL THEN ' asks all back' ELSE ' asks {} back' END,
            r.amount_minor, r.currency
        FROM refund r JOIN customer c ON c.id = r.customer_id WHERE r.workflow_id = ANY(:ids)
    """,
    "Bill": """
        SELECT 'bill-' || b.id, 'Bill ' || b.number || ' of ' || c.number || ' over {}', b.amount_minor, b.currency
        FROM bill b JOIN customer c ON c.id = b.customer_id WHERE b.id = ANY (
            ARRAY(SELECT CAST(substr(id, 6) AS bigint) FROM unnest(CAST(:ids AS text[])) AS id)
        )
    """,
    "PaymentFile": """
        SELECT 'payment-file-' || f.id,
            f.payouts || CASE f.payouts WHEN 1 THEN ' payout' ELSE ' payouts' END || ' of {} to the bank',
            f.sum_minor, a.currency
        FROM payment_file f JOIN collection_account a ON a.id = f.account_id WHERE f.id = ANY (
            ARRAY(SELECT CAST(substr(id, 14) AS bigint) FROM unnest(CAST(:ids AS text[])) AS id)
        )
    """,
    "Claim": """
        SELECT 'claim-' || k.id, c.number || ' looks for {}', k.amount_minor, k.currency
        FROM claim k JOIN customer c ON c.id = k.customer_id WHERE k.id = ANY (
            ARRAY(SELECT CAST(substr(id, 7) AS bigint) FROM unnest(CAST(:ids AS text[])) AS id)
        )
    """,
    "VirtualAccountApplication": """
        SELECT 'virtual-account-' || a.id, c.number || ' applies for an account number in ' || a.currency, NULL, NULL
        FROM virtual_account_application a JOIN customer c ON c.id = a.customer_id
        WHERE 'virtual-account-' || a.id = ANY(:ids)
    """,
}


def subjects(session: Session, workflows: Mapping[str, str]) -> dict[str, str]:
    """The lines of some workflows, given as types by ids; where a type has none there is none."""
    found: dict[str, str] = {}
    for kind in set(workflows.values()) & _SUBJECTS.keys():
        ids = [workflow_id for workflow_id, workflow in workflows.items() if workflow == kind]
        for workflow_id, words, minor, currency in session.execute(text(_SUBJECTS[kind]), {"ids": ids}):
            amount = "" if minor is None else str(Money(amount_minor=minor, currency=currency))
            found[workflow_id] = words.replace("{}", amount)
    return found
