"""Entities, collection accounts and customers: checked, then written; the same again changes nothing."""

import re
from datetime import date
from typing import Annotated, Any, Literal, TypeVar
from zoneinfo import available_timezones

from babel import Locale
from pydantic import AfterValidator, Field, model_validator
from schwifty import BIC, IBAN
from schwifty.exceptions import SchwiftyException
from sqlalchemy import Engine
from sqlmodel import Session, SQLModel, col, select

import ledger.postings
from activities.database import psycopg_of
from models import CollectionAccount, ContractingEntity, Customer
from prepay.money import digits
from prepay.wire import CustomerNumber, Text, Wire, plain_text

Done = Literal["added", "changed", "unchanged"]

_EMAIL = re.compile(r"[^@\s,;<>]{1,64}@[^@\s,;<>]{1,190}")


def _country(code: str) -> str:
    if not re.fullmatch("[A-Z]{2}", code) or code not in Locale("en").territories:
        raise ValueError(f"{code!r} is no ISO 3166 country code such as DE")
    return code


def _time_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(f"{name!r} is no time zone such as Europe/Berlin")
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


def _email(address: str) -> str:
    if address and not _EMAIL.fullmatch(address):
        raise ValueError(f"{address!r} is no e-mail address")
    return address


def _locale(name: str) -> str:
    try:
        return str(Locale.parse(name.replace("-", "_"))).replace("_", "-")
    except (ValueError, LookupError):
        raise ValueError(f"{name!r} is no locale such as en, de-DE or zh-CN") from None


Code = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
Name = Annotated[Text, Field(min_length=1, max_length=140)]
Line = Annotated[str, Field(min_length=1, max_length=140), AfterValidator(plain_text)]
Lines = Annotated[list[Line], Field(min_length=1, max_length=6)]
Short = Annotated[Text, Field(max_length=140)]
Country = Annotated[str, AfterValidator(_country)]
Currency = Annotated[str, AfterValidator(_currency)]


class EntityInput(Wire):
    """A contracting entity as it is set up."""

    code: Code
    legal_name: Name
    address: Lines
    country: Country
    registration_id: Name
    tax_id: Short = ""
    time_zone: Annotated[str, AfterValidator(_time_zone)]
    verify_phone: Short = ""
    verify_url: Short = ""


class AccountInput(Wire):
    """A collection account as it is set up: an IBAN, or the bank's own number."""

    code: Code
    entity: Code
    currency: Currency
    holder: Name
    bank_name: Name
    bank_address: list[Line] = []
    bic: Annotated[str, AfterValidator(_bic)] = ""
    iban: Annotated[str, AfterValidator(_iban)] = ""
    account_number: Annotated[str, Field(pattern=r"^[A-Za-z0-9 ./-]{0,34}$")] = ""
    clearing_code: Short = ""
    intermediary: Short = ""
    valid_from: date
    valid_to: date | None = None

    @model_validator(mode="after")
    def _one_number(self) -> "AccountInput":
        if bool(self.iban) == bool(self.account_number):
            raise ValueError("give either `iban` or `account_number`")
        if self.valid_to and self.valid_to < self.valid_from:
            raise ValueError("`valid_to` is before `valid_from`")
        return self

    @property
    def bank_number(self) -> str:
        """What a bank file names the account by."""
        return (self.iban or self.account_number).replace(" ", "").upper()


class CustomerInput(Wire):
    """A customer as they are added."""

    number: CustomerNumber
    legal_name: Name
    address: Lines
    country: Country
    entity: Code
    currencies: Annotated[list[Currency], Field(min_length=1, max_length=30)]
    email: Annotated[str, AfterValidator(_email)] = ""
    locale: Annotated[str, AfterValidator(_locale)] = "en"


class MasterDataRefused(ValueError):
    """The data contradicts what is there."""


_Row = TypeVar("_Row", bound=SQLModel)


def put_entity(session: Session, entity: EntityInput) -> Done:
    """Add or change a contracting entity."""
    found = session.get(ContractingEntity, entity.code)
    return _put(session, found, ContractingEntity, entity.model_dump())


def put_account(session: Session, account: AccountInput) -> Done:
    """Add a collection account, or end it by `valid_to`. Its bank details never change: forms quote them."""
    if session.get(ContractingEntity, account.entity) is None:
        raise MasterDataRefused(f"`entity`: there is no contracting entity {account.entity!r}")
    found = session.exec(
        select(CollectionAccount).where(CollectionAccount.code == account.code)
    ).one_or_none()
    values = account.model_dump() | {"bank_number": account.bank_number}
    if found is not None:
        for name, value in values.items():
            if name != "valid_to" and getattr(found, name) != value:
                raise MasterDataRefused(
                    f"`{name}`: account {account.code!r} was set up with another value, and its details never change; "
                    "end it with `valid_to` and add a new account"
                )
    return _put(session, found, CollectionAccount, values)


def put_customer(session: Session, customer: CustomerInput) -> Done:
    """Add or change a customer, and open their accounts in the book."""
    if session.get(ContractingEntity, customer.entity) is None:
        raise MasterDataRefused(f"`entity`: there is no contracting entity {customer.entity!r}")
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
