"""Entries that could not be read, and what people say they are."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index
from sqlmodel import SQLModel

from models.columns import bigint, created_at, flag, json, moment, row_id, text


class BankQuarantine(SQLModel, table=True):
    """An entry of a posted file that could not be read, with what is known of its money; two people resolve it."""

    __tablename__ = "bank_quarantine"
    __table_args__ = (
        CheckConstraint("direction IN ('', 'credit', 'debit')", name="bank_quarantine_direction_known"),
        CheckConstraint(
            "num_nulls(resolution_id, entry_id, resolved_by, approved_by, resolved_reason, resolved_at) IN (0, 6)",
            name="bank_quarantine_resolved_as_a_whole",
        ),
        CheckConstraint(
            "lower(btrim(resolved_by)) <> lower(btrim(approved_by))", name="bank_quarantine_resolved_by_two"
        ),
        Index("bank_quarantine_unresolved", "file_id", postgresql_where="resolved_at IS NULL"),
        Index("bank_quarantine_by_entry", "entry_id", postgresql_where="entry_id IS NOT NULL"),
    )

    file_id: int = bigint(primary_key=True, foreign_key="bank_file.id")
    ordinal: int = bigint(primary_key=True)
    statement: int = bigint()
    """Position of its statement in the file."""
    line: int = bigint()
    path: str = text()
    reason: str = text()
    amount_minor: int | None = bigint(default=None, nullable=True)
    currency: str = text(default="")
    direction: str = text(default="")
    status: str = text(default="")
    settled: bool = flag()
    """Two people have let the file go on without it: it raises no alarm, and can still be resolved."""
    resolution_id: int | None = bigint(default=None, nullable=True, foreign_key="bank_resolution.id")
    """The proposal that was carried out."""
    entry_id: int | None = bigint(default=None, nullable=True, foreign_key="bank_entry.id")
    """The entry that its money is."""
    resolved_by: str | None = text(default=None, nullable=True)
    approved_by: str | None = text(default=None, nullable=True)
    resolved_reason: str | None = text(default=None, nullable=True)
    resolved_at: datetime | None = moment(default=None, nullable=True)
    created_at: datetime = created_at()


class BankResolution(SQLModel, table=True):
    """What somebody proposed an unreadable entry to be, one at a time; only the decision is ever added."""

    __tablename__ = "bank_resolution"
    __table_args__ = (
        CheckConstraint(
            "btrim(proposed_by) <> '' AND btrim(reason) <> ''", name="bank_resolution_says_who_and_why"
        ),
        CheckConstraint("stage IN ('proposed', 'applied', 'refused')", name="bank_resolution_stage_known"),
        CheckConstraint(
            "num_nulls(decided_by, decided_reason, decided_at) = CASE stage WHEN 'proposed' THEN 3 ELSE 0 END",
            name="bank_resolution_decided_by_somebody",
        ),
        CheckConstraint(
            "stage <> 'applied' OR lower(btrim(decided_by)) <> lower(btrim(proposed_by))",
            name="bank_resolution_takes_two_people",
        ),
        Index("bank_resolution_of_entry", "file_id", "ordinal"),
        Index(
            "bank_resolution_open", "file_id", "ordinal", unique=True, postgresql_where="stage = 'proposed'"
        ),
        # What still needs a workflow, in the order in which the sweep looks.
        Index("bank_resolution_needs_workflow", "swept_at", postgresql_where="stage = 'proposed'"),
    )

    id: int | None = row_id()
    file_id: int = bigint(foreign_key="bank_file.id")
    ordinal: int = bigint()
    amount_minor: int = bigint()
    currency: str = text()
    direction: str = text()
    proposed_by: str = text()
    reason: str = text()
    facts: dict[str, object] = json()
    """The entry of another file that it is, or what was typed."""
    proposed_at: datetime = created_at()
    stage: str = text(default="proposed")
    decided_by: str | None = text(default=None, nullable=True)
    decided_reason: str | None = text(default=None, nullable=True)
    decided_at: datetime | None = moment(default=None, nullable=True)
    swept_at: datetime = created_at()
