"""Virtual accounts: bank account numbers of which each belongs to one customer."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Index
from sqlmodel import SQLModel

from models.columns import bigint, created_at, row_id, text


class VirtualAccount(SQLModel, table=True):
    """A number of a collection account's pool. Once it was a customer's, it is never another's."""

    __tablename__ = "virtual_account"
    __table_args__ = (
        CheckConstraint("(iban <> '') <> (account_number <> '')", name="virtual_account_has_one_number"),
        CheckConstraint("stage IN ('free', 'active', 'closed')", name="virtual_account_stage_known"),
        CheckConstraint("(stage = 'free') = (customer_id IS NULL)", name="virtual_account_free_is_nobodys"),
        CheckConstraint("(stage = 'free') = (valid_from IS NULL)", name="virtual_account_taken_on_a_day"),
        CheckConstraint(
            "(stage = 'closed') = (valid_to IS NOT NULL)", name="virtual_account_closed_on_a_day"
        ),
        Index("virtual_account_free", "account_id", "id", postgresql_where="stage = 'free'"),
        Index("virtual_account_of_customer", "customer_id", postgresql_where="customer_id IS NOT NULL"),
    )

    id: int | None = row_id()
    account_id: int = bigint(foreign_key="collection_account.id")
    """Where its money is booked, and so its entity, its currency and its bank."""
    pool: str = text(default="")
    """The import that brought it."""
    bank_number: str = text(unique=True)
    """The IBAN, else the number, without spaces and in capitals: what a bank file names."""
    iban: str = text(default="")
    account_number: str = text(default="")
    stage: str = text(default="free")
    customer_id: int | None = bigint(default=None, nullable=True, foreign_key="customer.id")
    valid_from: date | None = None
    valid_to: date | None = None
    replaced_by: int | None = bigint(default=None, nullable=True, foreign_key="virtual_account.id")
    """The customer's newer number; this one goes on beside it until it is closed."""
    created_at: datetime = created_at()
