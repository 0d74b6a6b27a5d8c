"""Low balance: below which amount a customer wants to hear of it, and whether they have."""

from datetime import datetime

from sqlalchemy import CheckConstraint
from sqlmodel import SQLModel

from models.columns import bigint, created_at, flag, text


class LowBalance(SQLModel, table=True):
    """A customer's threshold in a currency. They are told once when what is available falls below it, and again only
    after it has been at or above it in between."""

    __tablename__ = "low_balance"
    __table_args__ = (CheckConstraint("threshold_minor > 0", name="low_balance_threshold_above_zero"),)

    customer_id: int = bigint(primary_key=True, foreign_key="customer.id")
    currency: str = text(primary_key=True)
    threshold_minor: int = bigint()
    below: bool = flag()
    """They have been told, and it is still below."""
    crossings: int = bigint(default=0)
    changed_at: datetime = created_at()
