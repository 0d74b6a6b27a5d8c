"""Payers: which bank account is known to be a customer's, and whose money is not matched by itself. Never deleted."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index
from sqlmodel import SQLModel

from models.columns import bigint, created_at, moment, row_id, text

_ENDED_BY_SOMEBODY = "num_nulls(ended_at, ended_by, ended_reason) IN (0, 3)"


class PayerLink(SQLModel, table=True):
    """That an account pays for a customer, from when somebody said so until somebody ended it."""

    __tablename__ = "payer_link"
    __table_args__ = (
        CheckConstraint(_ENDED_BY_SOMEBODY, name="payer_link_ended_by_somebody"),
        Index("payer_link_open", "entity", "payer_account", unique=True, postgresql_where="ended_at IS NULL"),
    )

    id: int | None = row_id()
    customer_id: int = bigint(foreign_key="customer.id", index=True)
    entity: str = text(foreign_key="contracting_entity.code")
    payer_account: str = text()
    """Without spaces and in capitals, as the parts of bank entries have it."""
    linked_by: str = text()
    reason: str = text()
    linked_at: datetime = created_at()
    ended_at: datetime | None = moment(default=None, nullable=True)
    ended_by: str | None = text(default=None, nullable=True)
    ended_reason: str | None = text(default=None, nullable=True)


class PayerPause(SQLModel, table=True):
    """While it is open, money from the account waits for a person, whatever it could be matched by."""

    __tablename__ = "payer_pause"
    __table_args__ = (
        CheckConstraint(_ENDED_BY_SOMEBODY, name="payer_pause_ended_by_somebody"),
        Index(
            "payer_pause_open", "entity", "payer_account", unique=True, postgresql_where="ended_at IS NULL"
        ),
    )

    id: int | None = row_id()
    entity: str = text(foreign_key="contracting_entity.code")
    payer_account: str = text()
    paused_by: str = text()
    reason: str = text()
    paused_at: datetime = created_at()
    ended_at: datetime | None = moment(default=None, nullable=True)
    ended_by: str | None = text(default=None, nullable=True)
    ended_reason: str | None = text(default=None, nullable=True)
