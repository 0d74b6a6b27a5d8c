"""What a customer still owes a contracting entity: open bills, and usage that nobody has billed yet."""

from typing import NamedTuple

from sqlalchemy import text
from sqlmodel import Session

from prepay.spending_queries import UNBILLED


class Owed(NamedTuple):
    """Minor units of one currency. `bills_minor` is what open bills lack, whether or not they are due."""

    bills_minor: int
    usage_minor: int

    @property
    def total_minor(self) -> int:
        """Both together."""
        return self.bills_minor + self.usage_minor


def owed(session: Session, customer_id: int, entity: str, currency: str) -> Owed:
    """What open bills lack, and the newest report of each product and period that no bill has billed."""
    given = {"customer": customer_id, "entity": entity, "currency": currency}
    return Owed(*session.execute(_OWED, given).one())


_OWED = text(f"""
    SELECT
        (
            SELECT coalesce(sum(amount_minor - paid_minor), 0)::bigint FROM bill
            WHERE customer_id = :customer AND entity = :entity AND currency = :currency
                AND stage IN ('issued', 'part_paid')
        ),
        (
            SELECT coalesce(sum(newest.amount_minor), 0)::bigint FROM (
                {UNBILLED.format(which="u.customer_id = :customer AND u.entity = :entity AND u.currency = :currency")}
            ) newest
        )
""")
