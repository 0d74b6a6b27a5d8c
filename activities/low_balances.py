"""Low balances: whose balance has fallen below what they want to hear of, told once for each time."""

from sqlalchemy import text
from sqlmodel import Session

from documents.notices import notice_text
from prepay.money import Money


def tell_low_balances(session: Session) -> int:
    """Write a notice for each balance that fell below its threshold, and arm again what is above; how many were told.

    What fell and rose again between two looks is not told.
    """
    told = 0
    for row in session.execute(_CROSSED).mappings().all():
        if not row["below"]:
            continue
        facts = {
            "available": str(Money(amount_minor=row["available_minor"], currency=row["currency"])),
            "threshold": str(Money(amount_minor=row["threshold_minor"], currency=row["currency"])),
        }
        subject, body = notice_text("low_balance", row["locale"], facts)
        key = f"low-balance:{row['customer_id']}:{row['currency']}:{row['crossings']}"
        notice = {"key": key, "subject": subject, "body": body}
        session.execute(_NOTICE, {**notice, "customer_id": row["customer_id"], "locale": row["locale"]})
        told += 1
    return told


_CROSSED = text("""
    UPDATE low_balance l SET below = NOT l.below, changed_at = now(),
        crossings = l.crossings + CASE WHEN l.below THEN 0 ELSE 1 END
    FROM customer c, ledger_account a
    WHERE c.id = l.customer_id AND a.code = 'customer:' || c.number || ':' || c.entity || ':' || l.currency
        AND l.below <> (a.available_minor < l.threshold_minor)
    RETURNING l.customer_id, l.currency, l.threshold_minor, l.below, l.crossings, a.available_minor, c.locale
""")

_NOTICE = text("""
    INSERT INTO notice (key, customer_id, kind, locale, subject, body)
    VALUES (:key, :customer_id, 'low_balance', :locale, :subject, :body) ON CONFLICT (key) DO NOTHING
""")
