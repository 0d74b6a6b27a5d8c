"""Deposits: one wish to prepay, the form that was issued for it, and how far it is paid."""

from datetime import datetime

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Computed, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from models.columns import bigint, created_at, json, moment, text


class Deposit(SQLModel, table=True):
    """`stage` is written by whatever changes the facts, in the same transaction.

    `version` counts the changes; `handled_version` is the last that the workflow has dealt with.
    """

    __tablename__ = "deposit"
    __table_args__ = (
        UniqueConstraint("customer_id", "request_id", name="deposit_request_once"),
        CheckConstraint("amount_minor > 0", name="deposit_amount_above_zero"),
        CheckConstraint("credited_minor >= 0", name="deposit_credited_not_negative"),
        CheckConstraint(
            "stage IN ('issued', 'part_paid', 'credited', 'expired', 'cancelled')", name="deposit_stage_known"
        ),
        # No index is about what the first credit of a whole deposit changes, and there is room beside each row: it is
        # written in place. With one such index, a credit writes to all of them.
        Index(
            "deposit_live_by_amount",
            "entity",
            "currency",
            "amount_minor",
            "customer_id",
            postgresql_where="live",
        ),
        Index(
            "deposit_part_paid_by_rest",
            "entity",
            "currency",
            "rest_minor",
            "customer_id",
            postgresql_where="rest_minor IS NOT NULL",
        ),
        # What still needs a workflow, in the order in which the sweep looks.
        Index("deposit_needs_workflow", "swept_at", postgresql_where="live"),
        {"postgresql_with": {"fillfactor": 50}},
    )

    id: int = bigint(primary_key=True)
    number: str = text(unique=True)
    reference: str = text(unique=True)
    customer_id: int = bigint(foreign_key="customer.id")
    entity: str = text(foreign_key="contracting_entity.code")
    account_id: int = bigint(foreign_key="collection_account.id")
    request_id: str = text()
    content_hash: str = text()
    amount_minor: int = bigint()
    currency: str = text()
    product: str = text()
    note: str = text(default="")
    stage: str = text(default="issued")
    credited_minor: int = bigint(default=0)
    taken_back_minor: int = bigint(default=0)
    """What banks have reversed of it, in all."""
    taken_back_told_minor: int = bigint(default=0)
    moved_away_minor: int = bigint(default=0)
    """What was booked to it by mistake and has been moved elsewhere, in all."""
    moved_away_told_minor: int = bigint(default=0)
    late: bool = False
    """Money came after the form had expired or was cancelled."""
    issued_at: datetime = moment()
    expires_at: datetime = moment()
    decided: dict[str, str] = json()
    """The last decision of an operator: who, what, why."""
    version: int = bigint(default=1)
    handled_version: int = bigint(default=1)
    live: bool | None = Field(
        default=None,
        sa_column=Column(
            Boolean,
            Computed("stage IN ('issued', 'part_paid') OR handled_version < version", persisted=True),
            nullable=False,
        ),
    )
    """It needs a workflow: open, or something has changed that nobody has dealt with."""
    rest_minor: int | None = Field(
        default=None,
        sa_column=Column(
            BigInteger,
            Computed("CASE stage WHEN 'part_paid' THEN amount_minor - credited_minor END", persisted=True),
        ),
    )
    """What is missing of one that is paid in part."""
    workflow_id: str = text(unique=True)
    swept_at: datetime = created_at()
    created_at: datetime = created_at()
