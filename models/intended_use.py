"""Intended use: what a deposit's money was meant for, as it was said first and changed later."""

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import SQLModel

from models.columns import bigint, created_at, row_id, text


class IntendedUse(SQLModel, table=True):
    """One change; `Deposit.product` is what counts now. It never locks the money."""

    __tablename__ = "intended_use"
    __table_args__ = (
        UniqueConstraint("deposit_id", "request_id", name="intended_use_once"),
        Index("intended_use_of_deposit", "deposit_id", "id"),
        {"info": {"written_once": True}},
    )

    id: int | None = row_id()
    deposit_id: int = bigint(foreign_key="deposit.id")
    request_id: str = text()
    was: str = text()
    product: str = text()
    created_at: datetime = created_at()
