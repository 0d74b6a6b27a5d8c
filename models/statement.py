"""Statements for customers, and the ends of months that they are chained by."""

from datetime import date, datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from models.columns import bigint, created_at, flag, text


class StatementClose(SQLModel, table=True):
    """The end of a month of an account of the book: which movements count, and what they come to.

    It counts the movements that are effective by `ends_on` and were recorded as `bound` or before. What is recorded
    later counts for the next month that is not closed. Amounts are minor units, since the account was opened.
    """

    __tablename__ = "statement_close"
    __table_args__ = ({"info": {"written_once": True}},)

    account_id: int = bigint(primary_key=True)
    ends_on: date = Field(primary_key=True)
    bound: int = bigint()
    """The newest movement of the account when the month was closed."""
    next_from: int = bigint()
    """The first movement that does not count: all before it do."""
    balance_minor: int = bigint()
    held_minor: int = bigint()
    coming_minor: int = bigint()
    receivable_minor: int = bigint()
    created_at: datetime = created_at()


class Statement(SQLModel, table=True):
    """A paper that was issued: of a period, or for one credit. What it says is the content of its document."""

    __tablename__ = "statement"
    __table_args__ = (
        UniqueConstraint(
            "account_id",
            "begins_on",
            "through_on",
            "from_bound",
            "bound",
            "final",
            "transfer_id",
            "recorded_by",
            name="statement_once",
            postgresql_nulls_not_distinct=True,
        ),
        {"info": {"written_once": True}},
    )

    id: int = bigint(primary_key=True)
    number: str = text(unique=True)
    customer_id: int = bigint(foreign_key="customer.id", index=True)
    account_id: int = bigint()
    begins_on: date = Field()
    through_on: date = Field()
    from_bound: int = bigint()
    """What counts for the time before was recorded as this movement or before."""
    bound: int = bigint()
    final: bool = flag()
    transfer_id: int = bigint(default=0)
    """The credit that a receipt is for."""
    recorded_by: date | None = Field(default=None)
    """The day whose end it was asked for as recorded by."""
    opening_minor: int = bigint()
    closing_minor: int = bigint()
    lines: int = bigint()
    document_id: int = bigint(foreign_key="document.id", unique=True)
    created_at: datetime = created_at()
