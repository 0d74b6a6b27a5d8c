"""Notices: what customers are told. Each is a row, whether or not an e-mail goes out."""

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import SQLModel

from models.columns import bigint, created_at, moment, row_id, text


class Notice(SQLModel, table=True):
    """One message to one customer; `key` makes each reason to write happen once."""

    __tablename__ = "notice"
    __table_args__ = (
        UniqueConstraint("key", name="notice_once"),
        Index("notice_unsent", "id", postgresql_where="sent_at IS NULL"),
    )

    id: int | None = row_id()
    key: str = text()
    customer_id: int = bigint(foreign_key="customer.id", index=True)
    deposit_id: int | None = bigint(default=None, nullable=True, foreign_key="deposit.id")
    kind: str = text()
    locale: str = text()
    subject: str = text()
    body: str = text()
    sent_at: datetime | None = moment(default=None, nullable=True)
    attempts: int = bigint(default=0)
    problem: str = text(default="")
    created_at: datetime = created_at()
