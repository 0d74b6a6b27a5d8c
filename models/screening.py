"""Screening: whom the list names, and what is frozen until two compliance operators release it."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Column, Computed, Index, Text, column, func
from sqlmodel import Field, SQLModel

from models.columns import bigint, created_at, moment, row_id, text


class ScreeningSubject(SQLModel, table=True):
    """An account or a name on the list. Who is taken off it stays, ended."""

    __tablename__ = "screening_subject"
    __table_args__ = (
        CheckConstraint("kind IN ('account', 'name')", name="screening_subject_kind_known"),
        CheckConstraint("verdict IN ('hit', 'pending')", name="screening_subject_verdict_known"),
        Index("screening_subject_listed", "kind", "value", unique=True, postgresql_where="ended_at IS NULL"),
    )

    id: int | None = row_id()
    kind: str = text()
    value: str = text()
    """As they are compared: an account without spaces, a name in capitals and single spaces."""
    verdict: str = text(default="hit")
    """A hit, or that somebody still looks; who is clear has no row."""
    listed_by: str = text()
    listed_at: datetime = created_at()
    ended_at: datetime | None = moment(default=None, nullable=True)


class Freeze(SQLModel, table=True):
    """That money, or all of a customer's, moves nowhere until two compliance operators release it."""

    __tablename__ = "money_freeze"
    __table_args__ = (
        CheckConstraint("num_nonnulls(customer_id, part_id) = 1", name="freeze_of_one_thing"),
        CheckConstraint("btrim(reason) <> ''", name="freeze_says_why"),
        Index("freeze_of_customer", "customer_id", unique=True, postgresql_where="ended_at IS NULL"),
        Index("freeze_of_part", "part_id", unique=True, postgresql_where="part_id IS NOT NULL"),
        # What still needs a workflow, in the order in which the sweep looks.
        Index("freeze_needs_workflow", "swept_at", postgresql_where="ended_at IS NULL"),
    )

    id: int | None = row_id()
    workflow_id: str = Field(
        default=None,
        sa_column=Column(
            Text, Computed("'freeze-' || id::text", persisted=True), unique=True, nullable=False
        ),
    )
    customer_id: int | None = bigint(default=None, nullable=True, foreign_key="customer.id")
    part_id: int | None = bigint(default=None, nullable=True, foreign_key="bank_entry_part.id")
    frozen_by: str = text(default="screening")
    reason: str = text()
    frozen_at: datetime = created_at()
    ended_at: datetime | None = moment(default=None, nullable=True)
    swept_at: datetime = created_at()


class FreezeRelease(SQLModel, table=True):
    """That a compliance operator releases a freeze; two rows of one freeze are always of two people."""

    __tablename__ = "freeze_release"
    __table_args__ = (
        CheckConstraint(
            "btrim(operator) <> '' AND btrim(reason) <> ''", name="freeze_release_says_who_and_why"
        ),
        Index(
            "freeze_release_once_each_person",
            "freeze_id",
            func.lower(func.btrim(column("operator"))),
            unique=True,
        ),
        {"info": {"written_once": True}},
    )

    id: int | None = row_id()
    freeze_id: int = bigint(foreign_key="money_freeze.id")
    operator: str = text()
    reason: str = text()
    attestation_id: int | None = bigint(default=None, nullable=True, foreign_key="attestation.id")
    created_at: datetime = created_at()
