"""Documents: what was asked to be printed, and the PDF once it has been drawn."""

from datetime import datetime

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlmodel import SQLModel

from models.columns import bigint, blob, created_at, moment, row_id, text


class Document(SQLModel, table=True):
    """`content` is the canonical JSON that the PDF is drawn from; `digest` its SHA-256."""

    __tablename__ = "document"
    __table_args__ = (
        UniqueConstraint("deposit_id", "kind", "version", name="document_version_once"),
        CheckConstraint(
            "(kind = 'payment_request') = (deposit_id IS NOT NULL)", name="document_of_a_deposit"
        ),
        CheckConstraint("(pdf IS NULL) = (pdf_sha256 IS NULL)", name="document_pdf_with_its_hash"),
    )

    id: int | None = row_id()
    kind: str = text()
    deposit_id: int | None = bigint(default=None, nullable=True, foreign_key="deposit.id")
    """The deposit of a payment request; statements and receipts name their document themselves."""
    version: int = bigint(default=1)
    content: bytes = blob()
    digest: str = text()
    pdf: bytes | None = blob(default=None, nullable=True)
    pdf_sha256: str | None = text(default=None, nullable=True)
    drawn_at: datetime | None = moment(default=None, nullable=True)
    created_at: datetime = created_at()
