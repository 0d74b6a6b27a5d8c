"""Refund tickets: what a customer asks back, who agreed to it, and by which policy."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, column, func
from sqlmodel import SQLModel

from models.columns import bigint, created_at, flag, moment, row_id, text

_ENDED = "stage IN ('settled', 'rejected', 'withdrawn', 'closed', 'void')"
_UNDECIDED = "stage IN ('waiting', 'opened', 'in_review', 'approved') AND NOT came_back"


class RefundPolicy(SQLModel, table=True):
    """How many people agree to a refund of which amount, with what the customer got in the 30 days before."""

    __tablename__ = "refund_policy"
    __table_args__ = (
        UniqueConstraint("entity", "currency", "valid_from", name="refund_policy_once"),
        CheckConstraint(
            "0 <= one_up_to_minor AND one_up_to_minor <= two_up_to_minor", name="refund_policy_limits"
        ),
        CheckConstraint("minimum_minor >= 1", name="refund_policy_minimum"),
        CheckConstraint("cooling_hours BETWEEN 0 AND 720", name="refund_policy_cooling"),
        CheckConstraint("usage_days BETWEEN 0 AND 30", name="refund_policy_usage_days"),
        CheckConstraint("details_days BETWEEN 1 AND 365", name="refund_policy_details_days"),
        {"info": {"written_once": True}},
    )

    id: int | None = row_id()
    entity: str = text(foreign_key="contracting_entity.code")
    currency: str = text()
    valid_from: date
    minimum_minor: int = bigint(default=1)
    one_up_to_minor: int = bigint(default=0)
    """Up to so much one approver is enough; above, it takes two."""
    two_up_to_minor: int = bigint(default=0)
    """Above so much one of them is a treasurer."""
    cooling_hours: int = bigint(default=24)
    """So long money waits before it goes to an account that it did not come from."""
    usage_days: int = bigint(default=3)
    """Business days that "all that is left" waits for usage that is reported late."""
    details_days: int = bigint(default=45)
    """Days for the customer to say where to."""
    created_at: datetime = created_at()


class Refund(SQLModel, table=True):
    """`stage` is written by whatever changes the facts, in the same transaction.

    `version` counts the changes; `handled_version` is the last that the workflow has told the customer of.
    """

    __tablename__ = "refund"
    __table_args__ = (
        UniqueConstraint("customer_id", "request_id", name="refund_request_once"),
        CheckConstraint("amount_minor > 0", name="refund_amount_above_zero"),
        CheckConstraint(
            "stage IN ('waiting', 'opened', 'in_review', 'approved', 'sent', 'returned', 'settled', 'rejected',"
            " 'withdrawn', 'closed', 'void')",
            name="refund_stage_known",
        ),
        CheckConstraint(
            "stage IN ('waiting', 'withdrawn', 'rejected') OR amount_minor IS NOT NULL",
            name="refund_has_an_amount",
        ),
        CheckConstraint(f"({_ENDED}) = (ended_at IS NOT NULL)", name="refund_ended_at_its_end"),
        CheckConstraint("everything OR amount_minor IS NOT NULL", name="refund_of_an_amount_or_everything"),
        CheckConstraint("stage <> 'waiting' OR usage_until IS NOT NULL", name="refund_waits_until"),
        Index(
            "refund_undecided",
            "customer_id",
            "entity",
            "currency",
            unique=True,
            postgresql_where=_UNDECIDED,
        ),
        Index("refund_of_customer", "customer_id", "currency", "id"),
        # What still needs a workflow, in the order in which the sweep looks.
        Index(
            "refund_needs_workflow",
            "swept_at",
            postgresql_where="ended_at IS NULL OR handled_version < version",
        ),
    )

    id: int = bigint(primary_key=True)
    number: str = text(unique=True)
    workflow_id: str = text(unique=True)
    customer_id: int = bigint(foreign_key="customer.id")
    entity: str = text(foreign_key="contracting_entity.code")
    currency: str = text()
    request_id: str = text()
    content_hash: str = text()
    everything: bool = flag()
    """All that is left was asked for."""
    amount_minor: int | None = bigint(default=None, nullable=True)
    reason: str = text()
    opened_by: str = text(default="")
    """The operator who opened it for the customer; empty where the customer's own service did."""
    policy_id: int | None = bigint(default=None, nullable=True, foreign_key="refund_policy.id")
    stage: str = text(default="opened")
    answer: str = text(default="")
    """What the customer is told about how it stands, or why it ended."""
    came_back: bool = flag()
    """A payout of it did. What it holds is its own: another ticket of the balance may be open beside it."""
    usage_until: datetime | None = moment(default=None, nullable=True)
    """When "all that is left" is counted."""
    details_until: datetime | None = moment(default=None, nullable=True)
    """Until then the customer can say where to."""
    approved_hash: str = text(default="")
    """The digest of what was approved: amounts, payees and holds."""
    people: int = bigint(default=2)
    """How many must approve it, by the policy."""
    treasurer: bool = flag()
    """Whether one of them must be a treasurer."""
    version: int = bigint(default=1)
    handled_version: int = bigint(default=0)
    reminded: int = bigint(default=0)
    """How often the customer was asked for details, or operators for a decision, since `waits_since`."""
    waits_since: datetime = created_at()
    opened_at: datetime = created_at()
    ended_at: datetime | None = moment(default=None, nullable=True)
    swept_at: datetime = created_at()


class RefundApproval(SQLModel, table=True):
    """That an operator agreed to exactly what `content_hash` is the digest of. Another content needs them anew."""

    __tablename__ = "refund_approval"
    __table_args__ = (
        CheckConstraint(
            "btrim(operator) <> '' AND btrim(reason) <> ''", name="refund_approval_says_who_and_why"
        ),
        Index(
            "refund_approval_once_each_person",
            "refund_id",
            "content_hash",
            func.lower(func.btrim(column("operator"))),
            unique=True,
        ),
        {"info": {"written_once": True}},
    )

    id: int | None = row_id()
    refund_id: int = bigint(foreign_key="refund.id")
    content_hash: str = text()
    operator: str = text()
    treasurer: bool = flag()
    """Whether they had the treasurer's role then."""
    reason: str = text()
    attestation_id: int = bigint(foreign_key="attestation.id", unique=True)
    created_at: datetime = created_at()


class RefundEvent(SQLModel, table=True):
    """What happened to a ticket, in its order: the lines of its audit page."""

    __tablename__ = "refund_event"
    __table_args__ = (Index("refund_event_of", "refund_id", "id"), {"info": {"written_once": True}})

    id: int | None = row_id()
    refund_id: int = bigint(foreign_key="refund.id")
    key: str = text(unique=True)
    """Whatever is tried again is told once."""
    what: str = text()
    """In words, without account numbers."""
    by: str = text(default="")
    """The operator; empty for Prepay, the customer or the bank, which `what` says."""
    reason: str = text(default="")
    attestation_id: int | None = bigint(default=None, nullable=True, foreign_key="attestation.id")
    content_hash: str = text(default="")
    """Of what it was about, where that was approved."""
    created_at: datetime = created_at()
