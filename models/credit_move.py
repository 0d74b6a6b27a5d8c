"""Moves of credits: money that went to the wrong deposit or customer, proposed by one person, decided by another."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Column, Computed, Index, Text
from sqlmodel import Field, SQLModel

from models.columns import bigint, created_at, moment, row_id, text


class CreditMove(SQLModel, table=True):
    """That a credit is to go from one customer or deposit to another; only the decision is ever added.

    Without a deposit it is the balance itself.
    """

    __tablename__ = "credit_move"
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="credit_move_amount_above_zero"),
        CheckConstraint("stage IN ('proposed', 'applied', 'refused')", name="credit_move_stage_known"),
        CheckConstraint(
            "num_nulls(decided_by, decided_reason, decided_at) = CASE stage WHEN 'proposed' THEN 3 ELSE 0 END",
            name="credit_move_decided_by_somebody",
        ),
        CheckConstraint(
            "stage <> 'applied' OR lower(btrim(decided_by)) <> lower(btrim(proposed_by))",
            name="credit_move_takes_two_people",
        ),
        CheckConstraint(
            "(from_customer_id, from_deposit_id) IS DISTINCT FROM (to_customer_id, to_deposit_id)",
            name="credit_move_goes_elsewhere",
        ),
        Index("credit_move_open", "credit_id", unique=True, postgresql_where="stage = 'proposed'"),
        Index("credit_move_of_credit", "credit_id", "id"),
        Index("credit_move_of_giver", "from_customer_id", postgresql_where="stage = 'applied'"),
        # What still needs a workflow, in the order in which the sweep looks.
        Index("credit_move_needs_workflow", "swept_at", postgresql_where="stage = 'proposed'"),
    )

    id: int | None = row_id()
    key: str = Field(
        default=None,
        sa_column=Column(Text, Computed("'move:' || id::text", persisted=True), unique=True, nullable=False),
    )
    """Of the transfer in the book, which there is where the customer changes."""
    credit_id: int = bigint(foreign_key="credit.id")
    from_customer_id: int = bigint(foreign_key="customer.id")
    from_deposit_id: int | None = bigint(default=None, nullable=True, foreign_key="deposit.id", index=True)
    to_customer_id: int = bigint(foreign_key="customer.id")
    to_deposit_id: int | None = bigint(default=None, nullable=True, foreign_key="deposit.id")
    amount_minor: int = bigint()
    proposed_by: str = text()
    reason: str = text()
    proposed_at: datetime = created_at()
    stage: str = text(default="proposed")
    decided_by: str | None = text(default=None, nullable=True)
    decided_reason: str | None = text(default=None, nullable=True)
    decided_at: datetime | None = moment(default=None, nullable=True)
    swept_at: datetime = created_at()
