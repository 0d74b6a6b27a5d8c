"""The outbox: doorbells for workflows. A row says who is to be rung, and nothing else."""

from datetime import datetime

from sqlmodel import SQLModel

from models.columns import bigint, created_at, row_id, text


class Outbox(SQLModel, table=True):
    """The workflow that is rung re-reads its rows, so order, repetition and loss do not matter."""

    __tablename__ = "outbox"

    id: int | None = row_id()
    workflow_id: str = text()
    version: int = bigint()
    created_at: datetime = created_at()
