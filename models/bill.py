"""Bills: what customers used and pay afterwards, line by line, and how far each is paid."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlalchemy import text as sql
from sqlmodel import Field, SQLModel

from models.columns import bigint, created_at, flag, moment, row_id, text

_OPEN = "stage IN ('issued', 'part_paid')"


class Bill(SQLModel, table=True):
    """One bill by the number that the caller gave it. Only the functions of `ledger/sql` write what it is and paid.

    `version` counts its changes; `handled_version` is the last that its workflow has dealt with.
    """

    __tablename__ = "bill"
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="bill_amount_above_zero"),
        CheckConstraint("paid_minor BETWEEN 0 AND amount_minor", name="bill_never_paid_above"),
        CheckConstraint(
            "stage = CASE WHEN voided_at IS NOT NULL THEN 'void' WHEN paid_minor = 0 THEN 'issued'"
            " WHEN paid_minor < amount_minor THEN 'part_paid' ELSE 'paid' END",
            name="bill_stage_follows",
        ),
        CheckConstraint(
            "num_nulls(voided_at, voided_by, voided_reason) IN (0, 3)", name="bill_voided_by_somebody"
        ),
        CheckConstraint("voided_at IS NULL OR paid_minor = 0", name="bill_void_gave_back"),
        # In the order in which an account pays them.
        Index("bill_open", "account_id", "id", postgresql_where=_OPEN),
        Index("bill_of_customer", "customer_id", "id"),
        Index(
            "bill_of_period", "customer_id", "entity", "currency", "period", postgresql_where="period <> ''"
        ),
        Index("bill_needs_workflow", "swept_at", postgresql_where=f"{_OPEN} OR handled_version < version"),
    )

    id: int | None = row_id()
    number: str = text(unique=True)
    """The caller's own; it is the request id too."""
    content_hash: str = text()
    customer_id: int = bigint(foreign_key="customer.id")
    account_id: int = bigint()
    """The balance that it is paid from: `ledger_account.id`."""
    entity: str = text(foreign_key="contracting_entity.code")
    currency: str = text()
    amount_minor: int = bigint()
    due_on: date = Field()
    period: str = text(default="")
    """Whose usage it bills, such as 2026-11; reported usage of that period is no longer unbilled."""
    stage: str = text(default="issued")
    paid_minor: int = bigint(default=0)
    overdue: bool = flag()
    reminded: int = bigint(default=0)
    """How many of the reminders about it have been given or left out."""
    voided_at: datetime | None = moment(default=None, nullable=True)
    voided_by: str | None = text(default=None, nullable=True)
    voided_reason: str | None = text(default=None, nullable=True)
    attestation_id: int | None = bigint(default=None, nullable=True, foreign_key="attestation.id")
    version: int = bigint(default=1)
    handled_version: int = bigint(default=0)
    swept_at: datetime = created_at()
    issued_at: datetime = created_at()


class BillLine(SQLModel, table=True):
    """What a bill is for: a product and its part of the amount."""

    __tablename__ = "bill_line"
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="bill_line_amount_above_zero"),
        CheckConstraint("paid_minor BETWEEN 0 AND amount_minor", name="bill_line_never_paid_above"),
    )

    bill_id: int = bigint(primary_key=True, foreign_key="bill.id")
    position: int = bigint(primary_key=True)
    product: str = text()
    amount_minor: int = bigint()
    paid_minor: int = bigint(default=0)


class BillPayment(SQLModel, table=True):
    """What a transfer of the book paid of a line; a part payment is split over the lines by what each lacks."""

    __tablename__ = "bill_payment"
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="bill_payment_amount_above_zero"),
        Index("bill_payment_of_bill", "bill_id"),
        {"info": {"written_once": True}},
    )

    transfer_id: int = bigint(primary_key=True)
    position: int = bigint(primary_key=True)
    bill_id: int = bigint(foreign_key="bill.id")
    amount_minor: int = bigint()


class BillQueue(SQLModel, table=True):
    """Balances that grew, or got a bill, while bills are open: they are settled soon. A row is a doorbell, no fact."""

    __tablename__ = "bill_queue"

    account_id: int = bigint(primary_key=True)
    created_at: datetime = created_at()


class UsageReport(SQLModel, table=True):
    """What a service says a customer has used of a product in a period, and nobody has billed yet.

    The newest report of a period counts, until a bill of that period comes.
    """

    __tablename__ = "usage_report"
    __table_args__ = (
        UniqueConstraint("report_id", name="usage_report_once"),
        CheckConstraint("amount_minor >= 0", name="usage_report_not_negative"),
        Index(
            "usage_report_newest",
            "customer_id",
            "entity",
            "currency",
            "period",
            "product",
            sql("id DESC"),
        ),
        {"info": {"written_once": True}},
    )

    id: int | None = row_id()
    report_id: str = text()
    content_hash: str = text()
    customer_id: int = bigint(foreign_key="customer.id")
    entity: str = text(foreign_key="contracting_entity.code")
    currency: str = text()
    product: str = text()
    period: str = text()
    amount_minor: int = bigint()
    created_at: datetime = created_at()
