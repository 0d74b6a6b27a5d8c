"""Refund tickets on the wire: what is asked back, where it should go, what operators type, what can be looked up."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from prepay.ids import content_hash
from prepay.money import Money
from prepay.wire import (
    CurrencyCode,
    CustomerNumber,
    OperatorName,
    Reason,
    RequestId,
    Text,
    Wire,
    plain_text,
    positive_minor,
    shaped,
)

RefundStage = Literal[
    "waiting",
    "opened",
    "in_review",
    "approved",
    "sent",
    "returned",
    "settled",
    "rejected",
    "withdrawn",
    "closed",
    "void",
]
MAX_ID = 2**63 - 1


def _bare(value: Any) -> Any:
    return "".join(value.split()).upper() if isinstance(value, str) else value


_Account = Annotated[str, BeforeValidator(_bare), AfterValidator(plain_text)]


class RefundRequest(Wire):
    """A customer asks money of their balance back: an amount, or all that is left."""

    customer: CustomerNumber
    request_id: RequestId
    amount: str | None = Field(default=None, max_length=60)
    """A plain decimal such as ``250.00``; left out, all that is left."""
    currency: CurrencyCode
    reason: Reason
    opened_by: OperatorName | None = None
    """The operator who opens it for the customer: they do not approve it."""

    @property
    def amount_minor(self) -> int | None:
        """The amount in minor units; None for all that is left. Raises AmountRefused."""
        return None if self.amount is None else positive_minor(self.amount, self.currency)

    @property
    def content_hash(self) -> str:
        """The same request has the same hash, however its amount is written."""
        return content_hash(self.model_dump(exclude={"amount"}) | {"amount_minor": self.amount_minor})


class RefundAnswer(Wire):
    """What a request is answered: the ticket."""

    refund: int
    number: str
    stage: RefundStage


class PayeeInput(Wire):
    """Bank details as they are entered, by ISO 20022 `Cdtr`, `CdtrAcct`, `CdtrAgt`. They stay in the database."""

    name: Text = Field(min_length=1, max_length=140)
    iban: Annotated[_Account, Field(max_length=34)] = ""
    bic: Annotated[_Account, Field(max_length=11)] = ""
    account_number: Annotated[_Account, Field(max_length=34)] = ""
    clearing_code: Annotated[_Account, Field(max_length=28)] = ""
    bank_name: Text = Field(default="", max_length=140)
    country: Annotated[_Account, Field(max_length=2)] = ""
    town: Text = Field(default="", max_length=35)
    purpose: Annotated[_Account, Field(max_length=4)] = ""
    charge_bearer: Annotated[_Account, Field(max_length=4)] = ""

    @model_validator(mode="after")
    def _one_account(self) -> Self:
        if bool(self.iban) == bool(self.account_number):
            raise ValueError("give either an IBAN or an account number")
        return self


class UsePayee(Wire):
    """Pay what has no account yet, or one payout of the ticket, to bank details that are in the database."""

    payee: int = Field(ge=1, le=MAX_ID)
    payout: int | None = Field(default=None, ge=1, le=MAX_ID)


class WithdrawRefund(Wire):
    """The customer takes the ticket back."""

    customer: CustomerNumber
    reason: Reason = "withdrawn by the customer"


class ApproveRefund(Wire):
    """An operator agrees to exactly what they saw: `content` is the code in the details."""

    operator: OperatorName
    content: str = shaped(r"^[0-9a-f]{12}$", "the code of twelve characters that the details show")
    reason: Reason


class RejectRefund(Wire):
    """An operator refuses; the customer is told the reason."""

    operator: OperatorName
    reason: Reason


class PayoutView(Wire):
    """One payment of a ticket, as its customer may see it."""

    payout: int
    amount_minor: int
    stage: str
    to: str
    """The account, all but its end hidden; empty while the customer has to say where to."""
    reason: str
    settled_at: datetime | None


class RefundView(Wire):
    """A ticket as its customer may see it."""

    refund: int
    number: str
    customer: str
    entity: str
    currency: str
    amount_minor: int | None
    stage: RefundStage
    reason: str
    answer: str
    opened_at: datetime
    details_until: datetime | None
    ended_at: datetime | None
    payouts: list[PayoutView] = []

    @property
    def money(self) -> Money | None:
        """The amount; None while "all that is left" has not been counted."""
        return (
            None
            if self.amount_minor is None
            else Money(amount_minor=self.amount_minor, currency=self.currency)
        )


class RefundOutcome(Wire):
    """How it ended."""

    refund: int
    stage: RefundStage
