"""Contracting entities (the companies of ours that customers sign with) and their collection accounts."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Index
from sqlmodel import Field, SQLModel

from models.columns import bigint, created_at, flag, json, row_id, text, texts

PAYER_POLICIES = ("credit", "flag", "hold")
"""Credit the money; credit it and flag it; or let it wait for a person."""
_ONE_OF = "IN ('credit', 'flag', 'hold')"


class ContractingEntity(SQLModel, table=True):
    """A company of ours, as its forms name it."""

    __tablename__ = "contracting_entity"
    __table_args__ = (
        CheckConstraint(f"payer_policy {_ONE_OF}", name="contracting_entity_payer_policy"),
        CheckConstraint(f"missing_payer_policy {_ONE_OF}", name="contracting_entity_missing_payer_policy"),
    )

    code: str = text(primary_key=True)
    legal_name: str = text()
    address: list[str] = texts()
    country: str = text()
    registration_id: str = text()
    tax_id: str = text(default="")
    time_zone: str = text()
    verify_phone: str = text(default="")
    verify_url: str = text(default="")
    payer_policy: str = text(default="credit")
    """For a payment from an account that is not known to be the customer's."""
    missing_payer_policy: str = text(default="credit")
    """For a payment of which the bank tells no payer's account."""
    short_tolerance: dict[str, int] = json()
    """Minor units by currency: a payment that is short by at most so much is complete, and the rest our fee."""
    apply_alone: dict[str, int] = json()
    """Minor units by currency: up to so much one operator applies a receipt; what is more, or not here, takes two."""
    created_at: datetime = created_at()


class CollectionAccount(SQLModel, table=True):
    """A bank account of an entity that customers pay into, for as long as its dates say."""

    __tablename__ = "collection_account"
    __table_args__ = (
        CheckConstraint("iban <> '' OR account_number <> ''", name="collection_account_has_a_number"),
        CheckConstraint("valid_to IS NULL OR valid_to >= valid_from", name="collection_account_dates"),
        CheckConstraint(
            "payment_version IN ('pain.001.001.09', 'pain.001.001.03')",
            name="collection_account_payment_version",
        ),
        Index("collection_account_of_entity", "entity", "currency", "valid_from"),
        Index("collection_account_bank_number", "bank_number", "currency", unique=True),
    )

    id: int | None = row_id()
    code: str = text(unique=True)
    entity: str = text(foreign_key="contracting_entity.code")
    currency: str = text()
    holder: str = text()
    bank_name: str = text()
    bank_address: list[str] = texts()
    bic: str = text(default="")
    iban: str = text(default="")
    account_number: str = text(default="")
    clearing_code: str = text(default="")
    intermediary: str = text(default="")
    bank_number: str = text()
    """The IBAN, else the number, without spaces and in capitals: what a bank file names."""
    virtual: bool = flag()
    """It is one customer's alone, and its number one of the virtual accounts': no form names it for others."""
    sources: list[str] = texts()
    """Who may deliver its bank files; empty for anybody. Others' are held for two people."""
    cut_off: str = text(default="15:00")
    """When the bank's day ends for payment files, by the clock of the entity."""
    payment_version: str = text(default="pain.001.001.09")
    """Of the payment files that its bank takes."""
    gap_statement_id: int | None = bigint(default=None, nullable=True)
    """The statement before which another one is missing: until it comes, nothing is credited by itself."""
    valid_from: date = Field()
    valid_to: date | None = None
    created_at: datetime = created_at()
