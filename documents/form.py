"""Everything that a payment request form says, and its canonical bytes."""

import hashlib
import json
from datetime import date
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from schwifty import IBAN
from stdnum import iso11649

from prepay.money import MAX_MINOR, digits

# As long as these may be, the form still fits on one page at a legible size.
Line = Annotated[str, StringConstraints(min_length=1, max_length=140)]
OptionalLine = Annotated[str, StringConstraints(max_length=140)]
ShortLine = Annotated[str, StringConstraints(max_length=70)]
AddressLine = Annotated[str, StringConstraints(min_length=1, max_length=70)]
Address = Annotated[tuple[AddressLine, ...], Field(max_length=5)]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
Number = Annotated[str, StringConstraints(min_length=1, max_length=35)]


class FormRefused(ValueError):
    """The form would tell the customer something that cannot be paid."""

    def __init__(self, field: str, value: object, why: str) -> None:
        super().__init__(f"The form's {field} {value!r} {why}.")


class _Printed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Issuer(_Printed):
    """The contracting entity that asks for the money."""

    legal_name: Line
    address: Address
    country: Country
    registration_id: ShortLine = ""
    tax_id: ShortLine = ""
    verify_phone: Annotated[str, StringConstraints(pattern=r"^[ -~]{0,35}$")] = ""
    verify_url: Annotated[str, StringConstraints(pattern=r"^(https://[!-~]{1,92})?$")] = ""


class FormCustomer(_Printed):
    """The customer whose balance the money goes to."""

    number: Number
    legal_name: Line
    address: Address
    country: Country


class PayToAccount(_Printed):
    """The bank account to pay to: an IBAN, or an account number of another kind."""

    kind: Literal["collection", "virtual"]
    holder: Line
    bank_name: Line
    bank_address: Address = ()
    bic: Annotated[str, StringConstraints(pattern=r"^([A-Z0-9]{8}([A-Z0-9]{3})?)?$")] = ""
    iban: Annotated[str, StringConstraints(max_length=34)] = ""
    account_number: Annotated[str, StringConstraints(max_length=34)] = ""
    clearing_code: ShortLine = ""
    intermediary: OptionalLine = ""

    @model_validator(mode="after")
    def _one_payable_number(self) -> Self:
        if bool(self.iban) == bool(self.account_number):
            raise FormRefused("account", self.holder, "needs an IBAN or an account number, and not both")
        iban = IBAN(self.iban, allow_invalid=True)
        if self.iban and not (iban.is_valid and iban.compact == self.iban):
            raise FormRefused("IBAN", self.iban, "is no valid IBAN in capitals without spaces")
        return self


class PaymentRequestForm(_Printed):
    """One payment request: all that is printed, and nothing else."""

    number: Number
    version: Annotated[int, Field(ge=1, le=9999)] = 1
    issued_on: date
    expires_on: date
    issuer: Issuer
    customer: FormCustomer
    amount_minor: Annotated[int, Field(strict=True, ge=1, le=MAX_MINOR)]
    currency: str
    product: Line
    note: Annotated[str, StringConstraints(max_length=500)] = ""
    pay_to: PayToAccount
    reference: Annotated[str, StringConstraints(pattern=r"^RF[0-9]{2}[A-Z0-9]{1,21}$")]
    locale: Annotated[str, StringConstraints(max_length=35)] = "en"

    @model_validator(mode="after")
    def _can_be_paid(self) -> Self:
        digits(self.currency)  # raises for what is no currency
        if not iso11649.is_valid(self.reference):
            raise FormRefused("payment reference", self.reference, "has wrong check digits")
        if self.expires_on < self.issued_on:
            raise FormRefused("expiry", self.expires_on.isoformat(), "is before its date of issue")
        return self


def form_json(form: PaymentRequestForm) -> bytes:
    """The form as canonical JSON: sorted keys, no spaces, UTF-8. It is attached to the PDF."""
    content = form.model_dump(mode="json")
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def form_digest(form: PaymentRequestForm) -> str:
    """The SHA-256 of `form_json`, in hexadecimal digits."""
    return hashlib.sha256(form_json(form)).hexdigest()


def from_json(content: bytes) -> PaymentRequestForm:
    """Read back what `form_json` wrote."""
    return PaymentRequestForm.model_validate_json(content)
