"""Applications for virtual accounts: asked for, decided by an operator, and the number that came of it."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlmodel import SQLModel

from models.columns import bigint, created_at, moment, row_id, text

_OPEN = "stage IN ('submitted', 'in_review', 'approved')"


class VirtualAccountApplication(SQLModel, table=True):
    """`stage` is written by whatever changes the facts, in the same transaction."""

    __tablename__ = "virtual_account_application"
    __table_args__ = (
        UniqueConstraint("customer_id", "request_id", name="virtual_account_application_once"),
        CheckConstraint(
            "stage IN ('submitted', 'in_review', 'approved', 'active', 'closed', 'refused')",
            name="virtual_account_application_stage_known",
        ),
        CheckConstraint(
            "(stage IN ('active', 'closed')) = (virtual_account_id IS NOT NULL)",
            name="virtual_account_application_has_its_number",
        ),
        CheckConstraint(
            "stage NOT IN ('approved', 'active', 'closed') OR num_nulls(decided_by, decided_reason, decided_at) = 0",
            name="virtual_account_application_approved_by_somebody",
        ),
        CheckConstraint(
            "stage NOT IN ('approved', 'active', 'closed')"
            " OR lower(btrim(decided_by)) IS DISTINCT FROM lower(btrim(applied_by))",
            name="virtual_account_application_takes_two_people",
        ),
        CheckConstraint(
            "num_nulls(closed_by, closed_reason, closed_at) = CASE stage WHEN 'closed' THEN 0 ELSE 3 END",
            name="virtual_account_application_closed_by_somebody",
        ),
        Index(
            "virtual_account_application_open",
            "customer_id",
            "entity",
            "currency",
            unique=True,
            postgresql_where=_OPEN,
        ),
        Index(
            "virtual_account_application_number",
            "virtual_account_id",
            unique=True,
            postgresql_where="virtual_account_id IS NOT NULL",
        ),
        # What still needs a workflow, in the order in which the sweep looks.
        Index(
            "virtual_account_application_needs_workflow",
            "swept_at",
            postgresql_where="stage NOT IN ('closed', 'refused')",
        ),
    )

    id: int | None = row_id()
    customer_id: int = bigint(foreign_key="customer.id")
    entity: str = text(foreign_key="contracting_entity.code")
    """Whose account is asked for: the customer's contracting entity."""
    currency: str = text()
    request_id: str = text()
    applied_by: str = text(default="")
    """The operator who applied for the customer; empty where the customer's own service did."""
    note: str = text(default="")
    replaces_id: int | None = bigint(default=None, nullable=True, foreign_key="virtual_account.id")
    stage: str = text(default="submitted")
    why: str = text(default="")
    """What the rule of eligibility says, or why it is refused."""
    virtual_account_id: int | None = bigint(default=None, nullable=True, foreign_key="virtual_account.id")
    decided_by: str | None = text(default=None, nullable=True)
    decided_reason: str | None = text(default=None, nullable=True)
    decided_at: datetime | None = moment(default=None, nullable=True)
    attestation_id: int | None = bigint(default=None, nullable=True, foreign_key="attestation.id")
    review: str = text(default="")
    """What has changed at the customer since; an operator keeps the account or closes it."""
    kept_by: str | None = text(default=None, nullable=True)
    closed_by: str | None = text(default=None, nullable=True)
    closed_reason: str | None = text(default=None, nullable=True)
    closed_at: datetime | None = moment(default=None, nullable=True)
    submitted_at: datetime = created_at()
    waits_since: datetime = created_at()
    """Since when somebody should do something."""
    swept_at: datetime = created_at()
