"""Spending on the wire: orders, bills, usage and intended use. Amounts are plain decimals in, minor units out."""

import re
from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, Field, field_validator, model_validator

from prepay.money import CurrencyRefused, Money, digits, to_minor
from prepay.wire import (
    MAX_DEPOSIT_MINOR,
    MAX_PRODUCT,
    CurrencyCode,
    CustomerNumber,
    OperatorName,
    Reason,
    RequestId,
    Wire,
    plain_text,
    positive_minor,
)

MAX_LINES = 500
FIRST_DUE, LAST_DUE = date(2000, 1, 1), date(2999, 12, 31)
"""Reminders and the end of the day come before and after a due date: both must be dates too."""

OrderStage = Literal[
    "paid", "authorised", "part_captured", "captured", "voided", "expired", "part_refunded", "refunded"
]
BillStage = Literal["issued", "part_paid", "paid", "void"]

Id = Annotated[str, Field(min_length=1, max_length=80), AfterValidator(plain_text)]
Product = Annotated[str, Field(min_length=1, max_length=MAX_PRODUCT), AfterValidator(plain_text)]
Amount = Annotated[str, Field(max_length=60)]


def _month(period: str) -> str:
    if not re.fullmatch(r"[0-9]{4}-(0[1-9]|1[0-2])", period, re.ASCII):
        raise ValueError("write a month such as 2026-11")
    return period


def _month_or_none(period: str) -> str:
    return _month(period) if period else ""


Period = Annotated[str, AfterValidator(_month)]
"""A month, such as 2026-11."""


class _InACurrency(Wire):
    currency: CurrencyCode

    @field_validator("currency")
    @classmethod
    def _known_currency(cls, currency: str) -> str:
        try:
            digits(currency)
        except CurrencyRefused as refusal:
            raise ValueError(str(refusal)) from None
        return currency


class _WithAnAmount(_InACurrency):
    amount: Amount

    @model_validator(mode="after")
    def _amount_above_zero(self) -> "_WithAnAmount":
        positive_minor(self.amount, self.currency)
        return self

    @property
    def amount_minor(self) -> int:
        """The amount in minor units."""
        return positive_minor(self.amount, self.currency)


class OrderRequest(_WithAnAmount):
    """What a service wants to be paid for an order; its id is the idempotency key."""

    order: Id
    customer: CustomerNumber
    product: Product


class AuthoriseRequest(OrderRequest):
    """The same, set aside until it is captured or that moment has come."""

    expires_at: AwareDatetime


class PartRequest(_InACurrency):
    """A part of an order or a bill; without an amount all that is left of it."""

    amount: Amount | None = None
    request_id: RequestId

    @model_validator(mode="after")
    def _amount_above_zero(self) -> "PartRequest":
        assert self.amount_minor is None or self.amount_minor > 0
        return self

    @property
    def amount_minor(self) -> int | None:
        """The amount in minor units."""
        return None if self.amount is None else positive_minor(self.amount, self.currency)


class OrderPayment(Wire):
    """An order that is paid."""

    order: str
    customer: str
    product: str
    amount_minor: int
    currency: str
    transfer: int
    """The row of the book."""
    replayed: bool
    """It was paid before, by the same request."""

    @property
    def money(self) -> Money:
        """What was paid."""
        return Money(amount_minor=self.amount_minor, currency=self.currency)


class OrderLot(Wire):
    """How much of an order one credit pays now, and which deposit brought it."""

    deposit: str | None
    intended: str | None
    amount_minor: int


class OrderView(Wire):
    """An order as the book knows it. What is captured or paid, less what is refunded, has been spent."""

    order: str
    customer: str
    entity: str
    product: str | None
    currency: str
    amount_minor: int
    open_minor: int
    """Set aside and not captured yet."""
    spent_minor: int
    refunded_minor: int
    stage: OrderStage
    created_at: datetime
    expires_at: datetime | None
    lots: list[OrderLot]


class LineRequest(Wire):
    """A line of a bill."""

    product: Product
    amount: Amount


class BillRequest(_InACurrency):
    """A bill as a service sends it; its number is the idempotency key."""

    bill: Id
    customer: CustomerNumber
    lines: Annotated[list[LineRequest], Field(min_length=1, max_length=MAX_LINES)]
    due_on: Annotated[date, Field(ge=FIRST_DUE, le=LAST_DUE)]
    period: Annotated[str, AfterValidator(_month_or_none)] = ""

    @model_validator(mode="after")
    def _amounts_above_zero(self) -> "BillRequest":
        if sum(self.amounts) > MAX_DEPOSIT_MINOR:
            raise ValueError("the lines come to more than a bill may be")
        return self

    @property
    def amounts(self) -> Sequence[int]:
        """The lines' amounts in minor units."""
        return [positive_minor(line.amount, self.currency) for line in self.lines]


class BillLineView(Wire):
    """A line, and how much of it is paid."""

    product: str
    amount_minor: int
    paid_minor: int


class BillView(Wire):
    """A bill as its customer may see it."""

    bill: str
    customer: str
    entity: str
    currency: str
    amount_minor: int
    paid_minor: int
    due_on: date
    period: str
    stage: BillStage
    overdue: bool
    issued_at: datetime
    voided_reason: str | None
    lines: list[BillLineView]
    lots: list[OrderLot]

    @property
    def lacks_minor(self) -> int:
        """What is still to be paid."""
        return 0 if self.stage == "void" else self.amount_minor - self.paid_minor


class VoidBill(Wire):
    """An operator voids a bill; the customer reads the reason."""

    operator: OperatorName
    reason: Reason


class BillOutcome(Wire):
    """What a bill's workflow ends with."""

    bill: int
    stage: BillStage


class UsageRequest(_InACurrency):
    """What a customer has used and nobody has billed yet; zero takes back what was reported."""

    report: Id
    customer: CustomerNumber
    product: Product
    period: Period
    amount: Amount

    @property
    def amount_minor(self) -> int:
        """The amount in minor units, also zero."""
        minor = to_minor(self.amount, self.currency)
        return minor and positive_minor(self.amount, self.currency)

    @model_validator(mode="after")
    def _an_amount(self) -> "UsageRequest":
        assert self.amount_minor >= 0
        return self


class UsageView(Wire):
    """Usage that counts: the newest report of its product and period, and no bill of the period has come."""

    report: str
    entity: str
    currency: str
    product: str
    period: str
    amount_minor: int
    created_at: datetime


class IntendedUseRequest(Wire):
    """What a deposit is meant for from now on."""

    request_id: Id
    deposit: Annotated[str, Field(max_length=40), AfterValidator(plain_text)]
    product: Product


class IntendedUseChange(Wire):
    """One change of what a deposit was meant for."""

    product: str
    was: str
    created_at: datetime


class LowBalanceRequest(_WithAnAmount):
    """Below which amount a customer wants to hear of it."""

    customer: CustomerNumber
