"""Entities, collection accounts and customers: checked, then written; the same again changes nothing."""

import re
from datetime import date
from typing import Annotated, Any, Literal, TypeVar
from zoneinfo import available_timezones

from babel import Locale
from pydantic import AfterValidator, Field, ValidationInfo, field_validator
from schwifty import BIC, IBAN
from schwifty.exceptions import SchwiftyException
from sqlalchemy import Engine, text
from sqlmodel import Session, SQLModel, col, select

import ledger.postings
from activities.database import psycopg_of
from documents import form
from models import CollectionAccount, ContractingEntity, Customer
from prepay.money import digits
from prepay.wire import CustomerNumber, Wire, plain_text

Done = Literal["added", "changed", "unchanged"]

# CLDR names more than ISO 3166 does; Kosovo's XK stays, banks use it.
_NO_COUNTRIES = frozenset("AC CP CQ DG EA EU EZ IC QO TA UN XA XB ZZ".split())
# What they are is another thing on each machine.
_NO_TIME_ZONES = frozenset({"Factory", "localtime"})
_ATOM = r"[^\s@,;:<>()\[\]\"\\.]+"
_EMAIL = re.compile(rf"{_ATOM}(\.{_ATOM})*@{_ATOM}(\.{_ATOM})*")
_MAX_EMAIL = 254
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


def _iban(number: str) -> str:
    try:
        return str(IBAN(number)) if number else ""
    except SchwiftyException as error:
        raise ValueError(f"it is no valid IBAN: {error}") from None


def _bic(code: str) -> str:
    try:
        return str(BIC(code)) if code else ""
    except SchwiftyException as error:
        raise ValueError(f"it is no valid BIC: {error}") from None


def _account_number(number: str) -> str:
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
    except (ValueError, LookupError):
        raise ValueError(f"{name[:50]!r} is no locale such as en, de-DE or zh-CN") from None


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


class AccountInput(Wire):
    """A collection account as it is set up: an IBAN, or the bank's own number."""

    code: Code
    entity: Code
    currency: Currency
    holder: Line
    bank_name: Line
    bank_address: AddressLines = []
    bic: Annotated[str, AfterValidator(_bic)] = ""
    iban: Annotated[str, AfterValidator(_iban)] = ""
    account_number: Annotated[str, AfterValidator(_account_number), Field(validate_default=True)] = ""
    clearing_code: ShortLine = ""
    intermediary: OptionalLine = ""
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
    currencies: Annotated[list[Currency], Field(min_length=1)]
    email: Annotated[str, AfterValidator(_email)] = ""
    locale: Annotated[str, AfterValidator(_locale)] = "en"

    @field_validator("currencies")
    @classmethod
    def _each_once(cls, currencies: list[str]) -> list[str]:
        for position, currency in enumerate(currencies):
            if currency in currencies[:position]:
                raise ValueError(f"{currency} is in the list twice")
        return currencies


class MasterDataRefused(ValueError):
    """The data contradicts what is there; the message begins with the field in backticks."""


class NoEntity(MasterDataRefused):
    """The entity has not been set up."""

    def __init__(self, code: str) -> None:
        super().__init__(f"`entity`: there is no contracting entity {code!r}; set it up first")


class DetailChanged(MasterDataRefused):
    """Forms quote an account's details, so they never change."""

    def __init__(self, field: str, account: str) -> None:
        super().__init__(
            f"`{field}`: account {account!r} was set up with another value, and forms quote its details, "
            "so they never change; end it with `valid_to` and add a new account"
        )


class NumberTaken(MasterDataRefused):
    """A bank file could mean either account."""

    def __init__(self, account: AccountInput, other: str) -> None:
        field = "iban" if account.iban else "account_number"
        super().__init__(
            f"`{field}`: account {other!r} has this number in {account.currency} already, "
            "and a bank file could mean either; each account is set up once"
        )


_Row = TypeVar("_Row", bound=SQLModel)


def one_at_a_time(session: Session) -> None:
    """Until the end of the transaction, nobody else changes master data."""
    session.execute(text("SELECT pg_advisory_xact_lock(hashtext('prepay master data'))"))


def put_entity(session: Session, entity: EntityInput) -> Done:
    """Add or change a contracting entity."""
    found = session.get(ContractingEntity, entity.code)
    return _put(session, found, ContractingEntity, entity.model_dump())


def put_account(session: Session, account: AccountInput) -> Done:
    """Add a collection account, or end it by `valid_to`. Raises MasterDataRefused."""
    _require_entity(session, account.entity)
    found = session.exec(
        select(CollectionAccount).where(CollectionAccount.code == account.code)
    ).one_or_none()
    values = account.model_dump() | {"bank_number": account.bank_number}
    if found is None:
        _require_free_number(session, account)
    else:
        for name, value in values.items():
            if name != "valid_to" and getattr(found, name) != value:
                raise DetailChanged(name, account.code)
    return _put(session, found, CollectionAccount, values)


def _require_entity(session: Session, code: str) -> None:
    if session.get(ContractingEntity, code) is None:
        raise NoEntity(code)


def _require_free_number(session: Session, account: AccountInput) -> None:
    other = session.exec(
        select(CollectionAccount.code).where(
            CollectionAccount.bank_number == account.bank_number,
            CollectionAccount.currency == account.currency,
        )
    ).first()
    if other is not None:
        raise NumberTaken(account, other)


def put_customer(session: Session, customer: CustomerInput) -> Done:
    """Add or change a customer, and open their accounts in the book. Raises MasterDataRefused."""
    _require_entity(session, customer.entity)
    found = session.exec(select(Customer).where(Customer.number == customer.number)).one_or_none()
    done = _put(session, found, Customer, customer.model_dump())
    if done != "unchanged":
        for currency in customer.currencies:
            ledger.postings.open_customer(
                psycopg_of(session), customer=customer.number, entity=customer.entity, currency=currency
            )
    return done


def _put(session: Session, found: _Row | None, kind: type[_Row], values: dict[str, Any]) -> Done:
    if found is None:
        session.add(kind(**values))
        session.flush()
        return "added"
    changed = {name: value for name, value in values.items() if getattr(found, name) != value}
    for name, value in changed.items():
        setattr(found, name, value)
    session.flush()
    return "changed" if changed else "unchanged"


def accounts_of(engine: Engine) -> list[CollectionAccount]:
    """Every collection account, by code."""
    with Session(engine) as session:
        return list(session.exec(select(CollectionAccount).order_by(col(CollectionAccount.code))))
