"""Receipts without an owner: booked money that nobody was credited with, and what people decide about it."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Column, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from models.columns import bigint, created_at, flag, moment, row_id, text

_OPEN = "stage IN ('unapplied', 'returning')"


class Receipt(SQLModel, table=True):
    """One for each part that was unapplied when its chunk was posted; whatever settles the part ends it.

    Each row has its workflow, which has `heard` of everything once it has looked.
    """

    __tablename__ = "receipt"
    __table_args__ = (
        CheckConstraint(
            "stage IN ('unapplied', 'returning', 'applied', 'returned', 'settled')",
            name="receipt_stage_known",
        ),
        CheckConstraint(f"({_OPEN}) = (ended_at IS NULL)", name="receipt_ended_at_its_end"),
        Index("receipt_open", "part_id", postgresql_where=_OPEN),
        Index(
            "receipt_unapplied_of_amount", "currency", "amount_minor", postgresql_where="stage = 'unapplied'"
        ),
        Index("receipt_needs_workflow", "swept_at", postgresql_where=f"{_OPEN} OR NOT heard"),
    )

    part_id: int = bigint(primary_key=True, foreign_key="bank_entry_part.id")
    entity: str = text()
    currency: str = text()
    amount_minor: int = bigint()
    stage: str = text(default="unapplied")
    heard: bool = flag()
    chased: int = bigint(default=0)
    """How often operators have been asked about it because time passed."""
    opened_at: datetime = created_at()
    ended_at: datetime | None = moment(default=None, nullable=True)
    swept_at: datetime = created_at()


class ReceiptDecision(SQLModel, table=True):
    """What an operator decided about a receipt, whatever came of it later."""

    __tablename__ = "receipt_decision"
    __table_args__ = (
        CheckConstraint(
            "btrim(operator) <> '' AND btrim(reason) <> ''", name="receipt_decision_says_who_and_why"
        ),
        Index("receipt_decision_of_receipt", "part_id", "id"),
        {"info": {"written_once": True}},
    )

    id: int | None = row_id()
    key: str = text(unique=True)
    """Which decision of which run it is: a step that is tried again decides once."""
    part_id: int = bigint(foreign_key="receipt.part_id")
    signal: str = text()
    what: str = text()
    """What was done, in words."""
    operator: str = text()
    reason: str = text()
    created_at: datetime = created_at()


class ReceiptApplication(SQLModel, table=True):
    """That a receipt is to be given to deposits or customers; above the entity's limit two people must say so."""

    __tablename__ = "receipt_application"
    __table_args__ = (
        CheckConstraint(
            "stage IN ('proposed', 'applied', 'refused', 'void')", name="receipt_application_stage_known"
        ),
        CheckConstraint(
            "btrim(proposed_by) <> '' AND btrim(reason) <> ''", name="receipt_application_says_who_and_why"
        ),
        CheckConstraint(
            "(stage IN ('applied', 'refused')) = (decided_by IS NOT NULL)",
            name="receipt_application_decided_by_somebody",
        ),
        CheckConstraint(
            "stage <> 'applied' OR NOT takes_two OR lower(btrim(decided_by)) <> lower(btrim(proposed_by))",
            name="receipt_application_takes_two_people",
        ),
        Index("receipt_application_open", "part_id", unique=True, postgresql_where="stage = 'proposed'"),
        Index("receipt_application_of_receipt", "part_id", "id"),
    )

    id: int | None = row_id()
    part_id: int = bigint(foreign_key="receipt.part_id")
    targets: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))
    """Customer, deposit or null, and minor units of each."""
    takes_two: bool = flag()
    proposed_by: str = text()
    reason: str = text()
    proposed_at: datetime = created_at()
    stage: str = text(default="proposed")
    decided_by: str | None = text(default=None, nullable=True)
    decided_reason: str | None = text(default=None, nullable=True)
    decided_at: datetime | None = moment(default=None, nullable=True)


class ReceiptReturn(SQLModel, table=True):
    """That a receipt is to go back to its payer. The book holds its money until it is paid or kept."""

    __tablename__ = "receipt_return"
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="receipt_return_amount_above_zero"),
        CheckConstraint(
            "stage IN ('prepared', 'sent', 'returned', 'came_back', 'kept', 'void')",
            name="receipt_return_stage_known",
        ),
        CheckConstraint(
            "btrim(prepared_by) <> '' AND btrim(reason) <> ''", name="receipt_return_says_who_and_why"
        ),
        Index(
            "receipt_return_open", "part_id", unique=True, postgresql_where="stage IN ('prepared', 'sent')"
        ),
        Index("receipt_return_of_receipt", "part_id", "id"),
    )

    id: int | None = row_id()
    key: str = text(unique=True)
    """Of the pending transfer in the book."""
    part_id: int = bigint(foreign_key="receipt.part_id")
    amount_minor: int = bigint()
    prepared_by: str = text()
    reason: str = text()
    prepared_at: datetime = created_at()
    stage: str = text(default="prepared")
    ended_by: str | None = text(default=None, nullable=True)
    ended_reason: str | None = text(default=None, nullable=True)
    ended_at: datetime | None = moment(default=None, nullable=True)
