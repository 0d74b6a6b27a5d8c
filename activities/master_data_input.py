"""Entities, collection accounts and customers as people write them: every field checked."""

import re
from datetime import date
from typing import Annotated, Any, TypeVar
from zoneinfo import available_timezones

from babel import Locale, UnknownLocaleError
from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator
from schwifty import BIC, IBAN
from schwifty.exceptions import SchwiftyException

from bankfiles.pain001 import VERSIONS
from documents import form
from models.entity import PAYER_POLICIES
from prepay.bank_files import SourceName
from prepay.money import AmountRefused, digits
from prepay.wire import CustomerNumber, Wire, plain_text, positive_minor

# CLDR names more than ISO 3166 does; Kosovo's XK stays, banks use it.
_NO_COUNTRIES = frozenset(
    ["AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "ZZ"]
)
# What they are is another thing on each machine.
_NO_TIME_ZONES = frozenset({"Factory", "localtime"})
_ATOM = r"[^\s@,;:<>()\[\]\"\\.]+"
_EMAIL = re.compile(rf"{_ATOM}(\.{_ATOM})*@{_ATOM}(\.{_ATOM})*")
_MAX_EMAIL = 254
_Value = TypeVar("_Value", bound=str)
MAX_ADDRESS_LINES = 5


def _code(code: str) -> str:
    if not re.fullmatch("[a-z0-9][a-z0-9-]{0,39}", code):
        raise ValueError(f"{code[:50]!r} is no code: small letters, digits and hyphens, at most 40")
    return code


def _country(code: str) -> str:
    if not re.fullmatch("[A-Z]{2}", code) or code in _NO_COUNTRIES or code not in Locale("en").territories:
        raise ValueError(f"{code[:10]!r} is no ISO 3166 country code such as DE")
    return code


def _time_zone(name: str) -> str:
    if name in _NO_TIME_ZONES or name not in available_timezones():
        raise ValueError(f"{name[:50]!r} is no time zone such as Europe/Berlin")
    return name


def _currency(code: str) -> str:
    digits(code)
    return code


def valid_iban(number: str) -> str:
    """An IBAN without spaces, checked. Raises ValueError."""
    try:
        return str(IBAN(number)) if number else ""
    except SchwiftyException as error:
        raise ValueError(f"it is no valid IBAN: {error}") from None


def _bic(code: str) -> str:
    try:
        return str(BIC(code)) if code else ""
    except SchwiftyException as error:
        raise ValueError(f"it is no valid BIC: {error}") from None


def valid_account_number(number: str) -> str:
    """A number that is no IBAN, with the characters that banks use. Raises ValueError."""
    if number and not re.fullmatch(r"(?=.*[A-Za-z0-9])[A-Za-z0-9 ./-]{1,34}", number):
        raise ValueError("write at most 34 letters, digits, spaces and . / -")
    return number


def _phone(number: str) -> str:
    if not re.fullmatch("[ -~]{0,35}", number):
        raise ValueError("write at most 35 plain characters, such as +49 30 123456")
    return number


def _url(address: str) -> str:
    if not re.fullmatch("(https://[!-~]{1,92})?", address):
        raise ValueError("write an address that begins with https://, at most 100 characters without spaces")
    return address


def _email(address: str) -> str:
    if address and (len(address) > _MAX_EMAIL or not _EMAIL.fullmatch(plain_text(address))):
        raise ValueError(f"{address[:50]!r} is no e-mail address")
    return address


def _locale(name: str) -> str:
    try:
        return str(Locale.parse(name.replace("-", "_"))).replace("_", "-")
    except (ValueError, UnknownLocaleError):
        raise ValueError(f"{name[:50]!r} is no locale such as en, de-DE or zh-CN") from None


def each_once(values: list[_Value]) -> list[_Value]:
    """Refuse what is in the list twice. Raises ValueError."""
    for position, value in enumerate(values):
        if value in values[:position]:
            raise ValueError(f"{value} is in the list twice")
    return values


def _cut_off(clock: str) -> str:
    if not re.fullmatch("([01][0-9]|2[0-3]):[0-5][0-9]", clock):
        raise ValueError('write the hour and minute when the bank\'s day ends, such as "15:00"')
    return clock


def _payment_version(name: str) -> str:
    if name not in VERSIONS:
        raise ValueError(f"{name[:50]!r} is not written; there are {', '.join(VERSIONS)}")
    return name


def _policy(name: str) -> str:
    if name not in PAYER_POLICIES:
        raise ValueError(f"{name[:50]!r} is no policy; there are {', '.join(PAYER_POLICIES)}")
    return name


def _amounts(amounts: Any) -> dict[str, int]:
    if not isinstance(amounts, dict) or not all(isinstance(amount, str) for amount in amounts.values()):
        raise ValueError('write amounts in quotes by currency, such as { EUR = "10.00" }')
    try:
        return {currency: positive_minor(amount, currency) for currency, amount in amounts.items()}
    except AmountRefused as refusal:
        # As it begins, it would be taken for the sentence about the whole input.
        raise ValueError(str(refusal).replace("The amount", "the amount", 1)) from None


def _few_lines(lines: list[str]) -> list[str]:
    if len(lines) > MAX_ADDRESS_LINES:
        raise ValueError(f"it has {len(lines)} lines; the form has room for {MAX_ADDRESS_LINES}")
    return lines


# As long as the form may print them: what is accepted here never fails there.
Line = Annotated[form.Line, AfterValidator(plain_text)]
OptionalLine = Annotated[form.OptionalLine, AfterValidator(plain_text)]
ShortLine = Annotated[form.ShortLine, AfterValidator(plain_text)]
AddressLines = Annotated[
    list[Annotated[form.AddressLine, AfterValidator(plain_text)]], AfterValidator(_few_lines)
]
Address = Annotated[AddressLines, Field(min_length=1)]
Code = Annotated[str, AfterValidator(_code)]
Country = Annotated[str, AfterValidator(_country)]
Currency = Annotated[str, AfterValidator(_currency)]
PayerPolicy = Annotated[str, AfterValidator(_policy)]
Day = Annotated[date, Field(strict=True)]


class EntityInput(Wire):
    """A contracting entity as it is set up."""

    code: Code
    legal_name: Line
    address: Address
    country: Country
    registration_id: Annotated[ShortLine, Field(min_length=1)]
    tax_id: ShortLine = ""
    time_zone: Annotated[str, AfterValidator(_time_zone)]
    verify_phone: Annotated[str, AfterValidator(_phone)] = ""
    verify_url: Annotated[str, AfterValidator(_url)] = ""
    payer_policy: PayerPolicy = "credit"
    missing_payer_policy: PayerPolicy = "credit"
    short_tolerance: Annotated[dict[str, int], BeforeValidator(_amounts)] = {}
    apply_alone: Annotated[dict[str, int], BeforeValidator(_amounts)] = {}


class AccountInput(Wire):
    """A collection account as it is set up: an IBAN, or the bank's own number."""

    code: Code
    entity: Code
    currency: Currency
    holder: Line
    bank_name: Line
    bank_address: AddressLines = []
    bic: Annotated[str, AfterValidator(_bic)] = ""
    iban: Annotated[str, AfterValidator(valid_iban)] = ""
    account_number: Annotated[str, AfterValidator(valid_account_number), Field(validate_default=True)] = ""
    clearing_code: ShortLine = ""
    intermediary: OptionalLine = ""
    virtual: Annotated[bool, Field(strict=True)] = False
    """One customer's alone: its number is a virtual account's, of which the bank makes statements of their own."""
    sources: Annotated[list[SourceName], AfterValidator(each_once)] = []
    cut_off: Annotated[str, AfterValidator(_cut_off)] = "15:00"
    payment_version: Annotated[str, AfterValidator(_payment_version)] = VERSIONS[0]
    valid_from: Day
    valid_to: Day | None = None

    @field_validator("account_number")
    @classmethod
    def _one_number(cls, number: str, info: ValidationInfo) -> str:
        # An IBAN that was refused is not among the data.
        if bool(info.data.get("iban", not number)) == bool(number):
            raise ValueError("give either an `iban` or an `account_number`")
        return number

    @field_validator("valid_to")
    @classmethod
    def _not_before_its_start(cls, day: date | None, info: ValidationInfo) -> date | None:
        start = info.data.get("valid_from")
        if day and start and day < start:
            raise ValueError(f"{day} is before `valid_from`, {start}")
        return day

    @property
    def bank_number(self) -> str:
        """What a bank file names the account by."""
        return (self.iban or self.account_number).replace(" ", "").upper()


class CustomerInput(Wire):
    """A customer as they are added."""

    number: CustomerNumber
    legal_name: Line
    address: Address
    country: Country
    entity: Code
    currencies: Annotated[list[Currency], Field(min_length=1), AfterValidator(each_once)]
    email: Annotated[str, AfterValidator(_email)] = ""
    locale: Annotated[str, AfterValidator(_locale)] = "en"
    auto_pay: bool | None = None
    """Whether bills are paid by themselves; left out, it stays as it is, and at first they are."""
