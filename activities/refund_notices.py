"""What customers are told about their refunds, in their language."""

from typing import Any

from sqlalchemy import RowMapping, text
from sqlmodel import Session

from documents.notices import notice_text
from prepay.money import Money


def tell(session: Session, ticket: RowMapping, kind: str, number: int) -> None:
    """Write a notice; each number of a kind happens once for a ticket."""
    amount = ticket["amount_minor"]
    facts: dict[str, Any] = {
        "number": ticket["number"],
        "customer": ticket["customer_name"],
        "entity": ticket["entity_name"],
        "amount": "" if amount is None else str(Money(amount_minor=amount, currency=ticket["currency"])),
        "answer": ticket["answer"],
        "until": ticket["details_until"].date().isoformat() if ticket["details_until"] else "",
        "came_back": session.execute(_CAME_BACK, {"refund": ticket["id"]}).scalar_one_or_none() or "",
        "usage_until": ticket["usage_until"].date().isoformat() if ticket["usage_until"] else "",
    }
    subject, body = notice_text(kind, ticket["locale"], facts)
    values = {"key": f"refund:{ticket['id']}:{kind}:{number}", "kind": kind, "subject": subject, "body": body}
    session.execute(_TELL, {**values, "customer": ticket["customer_id"], "locale": ticket["locale"]})


_CAME_BACK = text("""
    SELECT reason FROM payout WHERE refund_id = :refund AND stage IN ('rejected', 'returned') ORDER BY id DESC LIMIT 1
""")

_TELL = text("""
    INSERT INTO notice (key, customer_id, kind, locale, subject, body, attempts, problem)
    VALUES (:key, :customer, :kind, :locale, :subject, :body, 0, '') ON CONFLICT DO NOTHING
""")
