"""Deposits on the wire: what a service sends, what it gets back, what operators type."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from prepay.ids import content_hash
from prepay.money import CurrencyRefused, Money, digits
from prepay.wire import (
    MAX_NOTE,
    MAX_PRODUCT,
    CurrencyCode,
    CustomerNumber,
    OperatorName,
    Reason,
    RequestId,
    Text,
    Wire,
    plain_text,
    positive_minor,
)

Stage = Literal["issued", "part_paid", "credited", "expired", "cancelled"]


class DepositRequest(Wire):
    """A customer's wish to prepay. `amount` is a plain decimal as text, such as ``1000.00``."""

    customer: CustomerNumber
    request_id: RequestId
    amount: str = Field(max_length=60)
    currency: CurrencyCode
    product: Annotated[str, Field(min_length=1, max_length=MAX_PRODUCT), AfterValidator(plain_text)]
    note: Annotated[Text, Field(max_length=MAX_NOTE)] = ""

    @field_validator("currency")
    @classmethod
    def _known_currency(cls, currency: str) -> str:
        try:
            digits(currency)
        except CurrencyRefused as refusal:
            raise ValueError(str(refusal)) from None
        return currency

    @model_validator(mode="after")
    def _amount_above_zero(self) -> "DepositRequest":
        positive_minor(self.amount, self.currency)
        return self

    @property
    def money(self) -> Money:
        """The amount in minor units."""
        return Money(amount_minor=positive_minor(self.amount, self.currency), currency=self.currency)

    @property
    def content_hash(self) -> str:
        """What makes two requests with one request id the same: `100` and `100.00` are."""
        content = self.model_dump(exclude={"amount"}) | {"amount_minor": self.money.amount_minor}
        return content_hash(content)


class DepositAnswer(Wire):
    """The answer to a request. It names rows and digests: no bank details travel through Temporal."""

    deposit: int
    number: str
    reference: str
    reference_grouped: str
    account: str
    expires_at: datetime
    document_id: int
    document_digest: str
    content_hash: str


class DepositOutcome(Wire):
    """What the workflow ends with."""

    number: str
    stage: Stage
    credited_minor: int
    currency: str


class ExtendDeposit(Wire):
    """An operator moves the expiry: the deposit then expires at the end of that day, entity's time."""

    operator: OperatorName
    until: date
    reason: Reason


class CancelDeposit(Wire):
    """An operator cancels a form that nobody will pay. Money that still comes is credited."""

    operator: OperatorName
    reason: Reason
