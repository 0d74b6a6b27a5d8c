"""Customers: who prepays, with which of our entities, in which currencies."""

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from models.columns import created_at, row_id, text, texts


class Customer(SQLModel, table=True):
    """A customer, by the number that people and services know."""

    __tablename__ = "customer"
    __table_args__ = (
        Index(
            "customer_by_name",
            "legal_name",
            postgresql_using="gin",
            postgresql_ops={"legal_name": "gin_trgm_ops"},
        ),
    )

    id: int | None = row_id()
    number: str = text(unique=True)
    legal_name: str = text()
    address: list[str] = texts()
    country: str = text()
    entity: str = text(foreign_key="contracting_entity.code", index=True)
    registered_country: str = text(default="")
    registered_entity: str = text(default="")
    """As they were added first: those decide who may have a virtual account, also when country and entity change."""
    currencies: list[str] = texts()
    email: str = text(default="")
    locale: str = text(default="en")
    auto_pay: bool = Field(default=True, sa_column_kwargs={"server_default": "true"})
    """Bills are paid by themselves as money comes; else the customer's service says when."""
    created_at: datetime = created_at()
