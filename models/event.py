"""Stages as events: each stage that a row had. Triggers of `ledger/sql` write them, in the row's own transaction."""

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import SQLModel

from models.columns import bigint, created_at, row_id, text


class StageEvent(SQLModel, table=True):
    """That a row came to a stage. `noun` is its table and `subject` its number there."""

    __tablename__ = "stage_event"
    __table_args__ = (
        Index("stage_event_in_order", "epoch", "xid", "id"),
        {"info": {"written_once": True}},
    )

    id: int | None = row_id()
    epoch: int = bigint()
    """Of the book's seals: a database that was restored counts its transactions anew."""
    xid: int = bigint()
    """The writing transaction."""
    noun: str = text()
    subject: int = bigint()
    stage: str = text()
    customer_id: int | None = bigint(default=None, nullable=True)
    created_at: datetime = created_at()
