"""What customers are told about their virtual accounts, in their language."""

from sqlalchemy import text
from sqlmodel import Session

from documents.notices import notice_text
from prepay.ids import grouped


def tell(session: Session, application: int, kind: str) -> None:
    """Write a notice; each kind happens once for an application."""
    row = session.execute(_FACTS, {"application": application}).mappings().one()
    facts = {
        "customer": row["customer_name"],
        "currency": row["currency"],
        "entity": row["entity_name"],
        "number": grouped(row["iban"]) if row["iban"] else row["account_number"] or "",
        "why": row["why"] if kind == "virtual_refused" else row["closed_reason"] or "",
        "forms": ", ".join(row["forms"] or ()),
        "replaces": row["replaces"],
    }
    subject, body = notice_text(kind, row["locale"], facts)
    values = {"key": f"virtual-account:{application}:{kind}", "kind": kind, "subject": subject, "body": body}
    session.execute(_TELL, {**values, "customer": row["customer_id"], "locale": row["locale"]})


_FACTS = text("""
    SELECT p.customer_id, c.legal_name AS customer_name, c.locale, p.currency, e.legal_name AS entity_name, v.iban,
        v.account_number, p.why, p.closed_reason, p.replaces_id IS NOT NULL AS replaces,
        ARRAY(
            SELECT d.number FROM deposit d WHERE d.customer_id = c.id AND d.entity = p.entity
                AND d.currency = p.currency AND d.stage IN ('issued', 'part_paid') ORDER BY d.id LIMIT 20
        ) AS forms
    FROM virtual_account_application p JOIN customer c ON c.id = p.customer_id
    JOIN contracting_entity e ON e.code = p.entity LEFT JOIN virtual_account v ON v.id = p.virtual_account_id
    WHERE p.id = :application
""")

_TELL = text("""
    INSERT INTO notice (key, customer_id, kind, locale, subject, body, attempts, problem)
    VALUES (:key, :customer, :kind, :locale, :subject, :body, 0, '') ON CONFLICT DO NOTHING
""")
