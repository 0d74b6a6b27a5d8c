"""Entities, collection accounts and customers: added or changed; the same again changes nothing."""

from typing import Any, Literal, TypeVar

from sqlalchemy import Engine, text
from sqlmodel import Session, SQLModel, col, select

import ledger.postings
from activities.bank_posting import credit_all_waiting
from activities.bills import set_auto_pay
from activities.database import psycopg_of, reading
from activities.master_data_input import AccountInput, CustomerInput, EntityInput
from models import CollectionAccount, ContractingEntity, Customer

Done = Literal["added", "changed", "unchanged"]


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


class NumberIsVirtual(MasterDataRefused):
    """Money to it would be one customer's."""

    def __init__(self, account: AccountInput) -> None:
        field = "iban" if account.iban else "account_number"
        super().__init__(
            f"`{field}`: the number is a virtual account's, which is one customer's alone; "
            "where the bank makes statements of it, set it up with `virtual = true`"
        )


_VIRTUAL = text("SELECT FROM virtual_account WHERE bank_number = :number")

_Row = TypeVar("_Row", bound=SQLModel)


def one_at_a_time(session: Session) -> None:
    """Until the end of the transaction, nobody else changes master data."""
    session.execute(text("SELECT pg_advisory_xact_lock(hashtext('prepay master data'))"))


def put_entity(session: Session, entity: EntityInput) -> Done:
    """Add or change a contracting entity."""
    found = session.get(ContractingEntity, entity.code)
    done = _put(session, found, ContractingEntity, entity.model_dump())
    if done == "changed":
        # Its payer policy may have changed, and what waited for a person need not any more.
        waits = "p.awaits = 'payer' AND e.entity = %(entity)s"
        credit_all_waiting(psycopg_of(session), waits, {"entity": entity.code})
    return done


def put_account(session: Session, account: AccountInput) -> Done:
    """Add a collection account, end it, or change its sources and what its bank takes. Raises MasterDataRefused."""
    _require_entity(session, account.entity)
    found = session.exec(
        select(CollectionAccount).where(CollectionAccount.code == account.code)
    ).one_or_none()
    values = account.model_dump() | {"bank_number": account.bank_number}
    if found is None:
        _require_free_number(session, account)
    else:
        for name, value in values.items():
            if (
                name not in ("valid_to", "sources", "cut_off", "payment_version")
                and getattr(found, name) != value
            ):
                raise DetailChanged(name, account.code)
    return _put(session, found, CollectionAccount, values)


def _require_entity(session: Session, code: str) -> None:
    if session.get(ContractingEntity, code) is None:
        raise NoEntity(code)


def _require_free_number(session: Session, account: AccountInput) -> None:
    if not account.virtual and session.execute(_VIRTUAL, {"number": account.bank_number}).first() is not None:
        raise NumberIsVirtual(account)
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
    values = customer.model_dump(exclude={"auto_pay"})
    pays = found is None or found.auto_pay
    if found is None:
        values |= {"registered_country": customer.country, "registered_entity": customer.entity}
    elif (found.country, found.entity) != (customer.country, customer.entity):
        _review_virtual_accounts(session, found, customer)
    done = _put(session, found, Customer, values)
    if done != "unchanged":
        for currency in customer.currencies:
            ledger.postings.open_customer(
                psycopg_of(session), customer=customer.number, entity=customer.entity, currency=currency
            )
    if customer.auto_pay not in (None, pays):
        set_auto_pay(session, customer.number, customer.auto_pay)
        session.expire_all()
        return "added" if done == "added" else "changed"
    return done


def _review_virtual_accounts(session: Session, was: Customer, now: CustomerInput) -> None:
    """What they have stays theirs; an operator looks whether it should."""
    changes = [
        f"its {what} changed from {before} to {after}"
        for what, before, after in (
            ("country", was.country, now.country),
            ("contracting entity", was.entity, now.entity),
        )
        if before != after
    ]
    session.execute(_REVIEW, {"customer": was.id, "review": " and ".join(changes)})


_REVIEW = text("""
    WITH reviewed AS (
        UPDATE virtual_account_application SET waits_since = CASE stage WHEN 'active' THEN now() ELSE waits_since END,
            review = left(concat_ws('; ', nullif(review, ''), CAST(:review AS text)), 500)
        WHERE customer_id = :customer AND stage NOT IN ('closed', 'refused') RETURNING id
    )
    INSERT INTO outbox (workflow_id, version) SELECT 'virtual-account-' || id, 1 FROM reviewed
""")


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
    with reading(engine) as session:
        return list(session.exec(select(CollectionAccount).order_by(col(CollectionAccount.code))))
