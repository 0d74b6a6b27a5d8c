"""Claims on the wire: a customer's "where is my transfer", what it is answered, and what operators type about it."""

from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from prepay.ids import content_hash
from prepay.money import Money
from prepay.proofs import Proof
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
)

CLAIM_DAYS = 30
"""A claim that nothing fits is closed after so many days."""

ClaimStage = Literal["waiting", "found", "credited", "closed"]


def _bare(text: str) -> str:
    return "".join(text.split()).upper() if isinstance(text, str) else text


class ClaimRequest(Wire):
    """A transfer that a customer made and does not find. Something must tell it from others of that amount."""

    customer: CustomerNumber
    request_id: RequestId
    amount: str = Field(max_length=60)
    currency: CurrencyCode
    paid_on: date
    payer_name: Annotated[Text, Field(max_length=140)] = ""
    payer_account: Annotated[
        str, Field(max_length=40), BeforeValidator(_bare), AfterValidator(plain_text)
    ] = ""
    bank_reference: Annotated[Text, Field(max_length=70)] = ""

    @model_validator(mode="after")
    def _can_be_found(self) -> "ClaimRequest":
        positive_minor(self.amount, self.currency)
        if not (self.payer_name or self.payer_account or self.bank_reference):
            raise ValueError("give one of `payer_name`, `payer_account` and `bank_reference`")
        return self

    @property
    def money(self) -> Money:
        """The amount in minor units."""
        return Money(amount_minor=positive_minor(self.amount, self.currency), currency=self.currency)

    def used_before(self, claim: int) -> str:
        """The words for a request id that belongs to another content."""
        return (
            f"The request id {self.request_id!r} of customer {self.customer} was used with other content "
            f"before (claim {claim}). Send a new request id."
        )

    def row(self, proof: Proof | None) -> dict[str, Any]:
        """What is written, with the hash that makes two claims with one request id the same."""
        row = self.model_dump(exclude={"amount"}) | {"amount_minor": self.money.amount_minor}
        hashed = {**row, "paid_on": self.paid_on.isoformat(), "proof": proof.sha256 if proof else None}
        shown = proof._asdict() if proof else dict.fromkeys(Proof._fields)
        return row | shown | {"content_hash": content_hash(hashed)}


class ClaimView(Wire):
    """A claim as its customer may see it."""

    claim: int
    customer: str
    amount_minor: int
    currency: str
    paid_on: date
    stage: ClaimStage
    has_proof: bool
    created_at: datetime
    ended_at: datetime | None
    answer: str
    content_hash: str
    credited_on: date | None = None
    """Of money that was credited without a receipt."""

    @property
    def where(self) -> str:
        """Where the transfer is, in a sentence."""
        if self.credited_on:
            return f"It was credited to you on {self.credited_on}."
        until = (self.created_at + timedelta(days=CLAIM_DAYS)).date()
        return {
            "waiting": f"No payment that fits has come yet; we keep looking until {until}.",
            "found": "A payment that fits has come, and somebody of ours looks at it.",
            "credited": f"It was credited to you on {self.ended_at:%Y-%m-%d}." if self.ended_at else "",
            "closed": f"It was not found: {self.answer}.",
        }[self.stage]


class CloseClaim(Wire):
    """An operator closes a claim that nothing will come of; the reason is the answer that the customer can look up."""

    operator: OperatorName
    reason: Reason


class ClaimOutcome(Wire):
    """How it ended."""

    claim: int
    stage: ClaimStage
