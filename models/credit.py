"""Credits: money of a bank entry part given to a customer's balance."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlmodel import SQLModel

from models.columns import bigint, created_at, row_id, text


class Credit(SQLModel, table=True):
    """One credit of the book, by its key there, for a deposit or for the balance itself.

    A part that names several deposits of a customer has one for each. When it is moved, the row says for whom it is
    now, and `CreditMove` for whom it was.
    """

    __tablename__ = "credit"
    __table_args__ = (
        UniqueConstraint("part_id", "position", name="credit_once"),
        CheckConstraint("amount_minor > 0", name="credit_amount_above_zero"),
        Index("credit_of_customer", "customer_id", "amount_minor"),
        Index("credit_shared_out", "customer_id", postgresql_where="position > 0"),
    )

    id: int | None = row_id()
    key: str = text(unique=True)
    part_id: int = bigint()
    position: int = bigint(default=0)
    customer_id: int = bigint()
    deposit_id: int | None = bigint(default=None, nullable=True, index=True)
    amount_minor: int = bigint()
    created_at: datetime = created_at()
