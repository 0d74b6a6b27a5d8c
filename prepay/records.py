"""What a customer can look up: balances and records. All amounts are minor units."""

from datetime import date, datetime

from prepay.wire import Wire


class Balance(Wire):
    """One balance of a customer: with one contracting entity, in one currency."""

    customer: str
    entity: str
    currency: str
    posted_minor: int
    held_minor: int
    available_minor: int
    pending_minor: int
    """Credited, but not before its value date."""
    receivable_minor: int
    """What the customer owes because the bank took money back after it had been spent."""
    lasts_until: date | None = None
    """When what is available will have been spent at this month's pace; None where nothing is spent, or for decades."""


class Record(Wire):
    """One movement of a balance; `amount_minor` is above zero where the balance grew."""

    id: int
    created_at: datetime
    effective_on: date
    kind: str
    amount_minor: int
    balance_minor: int
    entity: str
    currency: str
    deposit: str | None
    cause: str | None


class PayTo(Wire):
    """The account to pay to, with all that a bank asks for."""

    code: str
    holder: str
    bank_name: str
    bank_address: list[str]
    bic: str
    iban: str
    account_number: str
    clearing_code: str
    intermediary: str


class DepositView(Wire):
    """A deposit as its customer may see it."""

    number: str
    customer: str
    entity: str
    amount_minor: int
    credited_minor: int
    currency: str
    product: str
    note: str
    stage: str
    late: bool
    reference: str
    reference_grouped: str
    issued_at: datetime
    expires_at: datetime
    pay_to: PayTo
    document_id: int
    document_digest: str
    form_sha256: str | None
    """SHA-256 of the PDF, once it has been drawn."""
    content_hash: str
