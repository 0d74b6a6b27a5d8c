"""Everything that a statement, a receipt for a credit or the confirmation of a refund says, and its canonical bytes."""

import hashlib
import json
from datetime import date, datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from documents.form import FormCustomer, Issuer, Number
from prepay.money import digits

MAX_LINES = 25_000
"""A statement of more movements is refused: records are exported instead."""

Printed = Annotated[str, Field(max_length=500)]


class _Printed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StatementLine(_Printed):
    """One movement of the balance."""

    effective_on: date
    value_on: date | None = None
    kind: Number
    """A name of `prepay.movements`."""
    about: Printed = ""
    """The number of the deposit, order, bill or refund."""
    product: Printed = ""
    payer: Printed = ""
    bank_reference: Printed = ""
    amount_minor: int
    parts: tuple[tuple[Printed, int], ...] = ()
    """Of a bill for several products what each line got, above zero."""


class AccountStatement(_Printed):
    """A period of one balance. Amounts are minor units; what was received less what went is closing less opening."""

    paper: Literal["statement"] = "statement"
    number: Number
    issuer: Issuer
    customer: FormCustomer
    currency: str
    locale: Annotated[str, Field(max_length=35)] = "en"
    begins_on: date
    through_on: date
    """The last effective day that counts."""
    recorded_until: datetime
    """Movements that were recorded later are in a later statement."""
    final: bool
    """The period is over, and its closing balance is the next one's opening balance for ever."""
    opening_minor: int
    lines: Annotated[tuple[StatementLine, ...], Field(max_length=MAX_LINES)]
    closing_minor: int
    held_minor: int
    coming_minor: int
    """Credited, but not before its value date."""
    receivable_minor: int

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        digits(self.currency)
        moved = sum(line.amount_minor for line in self.lines)
        if self.opening_minor + moved != self.closing_minor:
            raise ValueError("the movements do not lead from the opening balance to the closing one")
        return self


class CreditReceipt(_Printed):
    """That money came and was credited."""

    paper: Literal["receipt"] = "receipt"
    number: Number
    issuer: Issuer
    customer: FormCustomer
    currency: str
    locale: Annotated[str, Field(max_length=35)] = "en"
    issued_on: date
    line: StatementLine


class RefundPayment(_Printed):
    """One payment of a refund that the bank has booked."""

    amount_minor: int
    payee: Printed
    account: Printed
    settled_on: date
    reference: Printed
    """The end-to-end id that the payee's bank shows."""


class RefundConfirmation(_Printed):
    """That a refund was paid."""

    paper: Literal["refund"] = "refund"
    number: Number
    issuer: Issuer
    customer: FormCustomer
    currency: str
    locale: Annotated[str, Field(max_length=35)] = "en"
    issued_on: date
    refund: Number
    """The ticket's number."""
    payments: Annotated[tuple[RefundPayment, ...], Field(min_length=1, max_length=200)]


Paper = AccountStatement | CreditReceipt | RefundConfirmation
_KINDS: dict[str, type[Paper]] = {
    "statement": AccountStatement,
    "receipt": CreditReceipt,
    "refund": RefundConfirmation,
}


def paper_json(paper: Paper) -> bytes:
    """The paper as canonical JSON: sorted keys, no spaces, UTF-8."""
    content = paper.model_dump(mode="json")
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def paper_digest(paper: Paper) -> str:
    """The SHA-256 of `paper_json`, in hexadecimal digits."""
    return hashlib.sha256(paper_json(paper)).hexdigest()


def read_paper(content: bytes) -> Paper:
    """Read back what `paper_json` wrote."""
    return _KINDS[json.loads(content)["paper"]].model_validate_json(content)
