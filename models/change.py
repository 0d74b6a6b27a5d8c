"""Changes to master data: proposed by one operator, applied when another approves."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index
from sqlmodel import SQLModel

from models.columns import bigint, created_at, json, moment, row_id, text, texts


class Change(SQLModel, table=True):
    """What is to be changed, in the words of a set-up file; only the decision is ever added."""

    __tablename__ = "change"
    __table_args__ = (
        CheckConstraint("stage IN ('proposed', 'applied', 'refused')", name="change_stage_known"),
        CheckConstraint("btrim(proposed_by) <> '' AND btrim(reason) <> ''", name="change_says_who_and_why"),
        CheckConstraint(
            "num_nulls(decided_by, decided_reason, decided_at) = CASE stage WHEN 'proposed' THEN 3 ELSE 0 END",
            name="change_decided_by_somebody",
        ),
        CheckConstraint(
            "stage <> 'applied' OR lower(btrim(decided_by)) <> lower(btrim(proposed_by))",
            name="change_takes_two_people",
        ),
        # What still needs a workflow, in the order in which the sweep looks.
        Index("change_needs_workflow", "swept_at", postgresql_where="stage = 'proposed'"),
        Index("change_open", "digest", unique=True, postgresql_where="stage = 'proposed'"),
    )

    id: int | None = row_id()
    content: dict[str, object] = json()
    """The tables of a set-up file, by kind."""
    digest: str = text()
    """Of the content: the same change is proposed once at a time."""
    kinds: list[str] = texts()
    summary: str = text()
    """What it is about, without account numbers."""
    proposed_by: str = text()
    reason: str = text()
    proposed_at: datetime = created_at()
    stage: str = text(default="proposed")
    decided_by: str | None = text(default=None, nullable=True)
    decided_reason: str | None = text(default=None, nullable=True)
    decided_at: datetime | None = moment(default=None, nullable=True)
    attestation_id: int | None = bigint(default=None, nullable=True, foreign_key="attestation.id")
    swept_at: datetime = created_at()
