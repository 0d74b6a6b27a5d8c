"""What a customer can look up: balances and records. All amounts are minor units."""

from datetime import date, datetime
from typing import Annotated, Self

from pydantic import Field, model_validator

from prepay.money import to_minor
from prepay.movements import GROUPS, names_of
from prepay.wire import MAX_PRODUCT, CurrencyCode, Text, Wire


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
    """One movement of a balance, with what the balance was after it.

    `amount_minor` is above zero where the balance grew, zero where money was only held or released.
    """

    id: int
    created_at: datetime
    """When it was recorded."""
    effective_on: date
    """The day that it counts for: of a credit, the day the bank booked it."""
    value_on: date | None
    kind: str
    """A name of `prepay.movements`."""
    group: str
    words: str
    pending: bool
    """It holds money, or is a credit before its value date."""
    amount_minor: int
    held_minor: int
    """What it added to the money held, or took from it."""
    pending_minor: int
    """The same of credits before their value date."""
    balance_minor: int
    available_minor: int
    entity: str
    currency: str
    deposit: str | None
    about: str
    """The number of the deposit, order, bill or refund ticket that it is about."""
    product: str
    """Of an order or bill what it was for, of a deposit what it was meant for."""
    cause: str | None
    key: str
    payer: str
    bank_reference: str
    virtual_account: str
    """The customer's own account number that a credit came by; empty for the collection account."""


class RecordFilter(Wire):
    """Which records; what is left out restricts nothing."""

    entity: Annotated[Text, Field(max_length=100)] | None = None
    currency: CurrencyCode | None = None
    kinds: Annotated[list[Annotated[str, Field(max_length=40)]], Field(max_length=20)] = []
    """Groups such as `payment`, or names of `prepay.movements`."""
    product: Annotated[Text, Field(max_length=MAX_PRODUCT)] | None = None
    from_on: date | None = None
    through_on: date | None = None
    """Days by the effective date, both included."""
    amount_from: Annotated[str, Field(max_length=40)] | None = None
    amount_to: Annotated[str, Field(max_length=40)] | None = None
    """Plain decimals without a sign; they need the currency."""
    text: Annotated[Text, Field(max_length=100)] | None = None
    """Found in numbers, references, payer and cause, in either case."""

    @model_validator(mode="after")
    def _can_be_looked_for(self) -> Self:
        for wanted in self.kinds:
            if not names_of(wanted):
                raise ValueError(f"there is no kind {wanted!r}; there are {', '.join(GROUPS)}")
        if self.from_on and self.through_on and self.from_on > self.through_on:
            raise ValueError(f"{self.from_on} is after {self.through_on}")
        if (self.amount_from or self.amount_to) and not self.currency:
            raise ValueError("a range of amounts needs the currency")
        for amount in filter(None, (self.amount_from, self.amount_to)):
            to_minor(amount, self.currency or "")
        return self


class RecordTotal(Wire):
    """What the records of a filter come to, with one entity in one currency."""

    entity: str
    currency: str
    records: int
    in_minor: int
    out_minor: int
    """Above zero."""


class RecordPage(Wire):
    """Some records, the newest first, and where the older ones begin."""

    records: list[Record]
    older: str | None
    """The cursor of the next page; none where this is the last."""


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
