"""Claims: a customer says that they have paid, with a proof, and asks where the money is."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from models.columns import bigint, blob, created_at, moment, row_id, text


class ClaimProof(SQLModel, table=True):
    """A proof of payment, stored once by its SHA-256. It never leaves the database but to who asks for it."""

    __tablename__ = "claim_proof"
    __table_args__ = (
        CheckConstraint("kind IN ('pdf', 'png', 'jpeg')", name="claim_proof_kind_known"),
        CheckConstraint("octet_length(content) BETWEEN 1 AND 10485760", name="claim_proof_size"),
        {"info": {"written_once": True}},
    )

    sha256: str = text(primary_key=True)
    kind: str = text()
    """By its content, whatever it was called."""
    content: bytes = blob()
    created_at: datetime = created_at()


class Claim(SQLModel, table=True):
    """One transfer that a customer looks for.

    `version` counts its stages; `handled_version` is the last that its workflow has told the customer of.
    """

    __tablename__ = "claim"
    __table_args__ = (
        UniqueConstraint("customer_id", "request_id", name="claim_request_once"),
        CheckConstraint("amount_minor > 0", name="claim_amount_above_zero"),
        CheckConstraint("stage IN ('waiting', 'found', 'credited', 'closed')", name="claim_stage_known"),
        CheckConstraint(
            "(part_id IS NOT NULL) = (stage IN ('found', 'credited'))", name="claim_found_is_of_a_receipt"
        ),
        CheckConstraint(
            "credited_part_id IS NULL OR stage = 'closed'", name="claim_of_credited_money_is_closed"
        ),
        Index(
            "claim_of_credited",
            "credited_part_id",
            unique=True,
            postgresql_where="credited_part_id IS NOT NULL",
        ),
        Index("claim_waiting", "currency", "amount_minor", postgresql_where="stage = 'waiting'"),
        Index("claim_of_receipt", "part_id", postgresql_where="part_id IS NOT NULL"),
        Index("claim_of_amount", "currency", "amount_minor", "id"),
        Index(
            "claim_needs_workflow",
            "swept_at",
            postgresql_where="stage IN ('waiting', 'found') OR handled_version < version",
        ),
    )

    id: int | None = row_id()
    customer_id: int = bigint(foreign_key="customer.id")
    request_id: str = text()
    content_hash: str = text()
    amount_minor: int = bigint()
    currency: str = text()
    paid_on: date = Field()
    payer_name: str = text(default="")
    payer_account: str = text(default="")
    bank_reference: str = text(default="")
    proof_sha256: str | None = text(default=None, nullable=True, foreign_key="claim_proof.sha256")
    stage: str = text(default="waiting")
    part_id: int | None = bigint(default=None, nullable=True, foreign_key="receipt.part_id")
    credited_part_id: int | None = bigint(default=None, nullable=True, foreign_key="bank_entry_part.id")
    """The money that had been credited to the customer without any receipt: then that is the answer."""
    version: int = bigint(default=1)
    handled_version: int = bigint(default=0)
    reminded: int = bigint(default=0)
    answer: str = text(default="")
    """Why it was closed."""
    found_at: datetime | None = moment(default=None, nullable=True)
    ended_at: datetime | None = moment(default=None, nullable=True)
    swept_at: datetime = created_at()
    created_at: datetime = created_at()
