"""Payers: accounts that are known to be a customer's, and those whose money is not matched by itself."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, NamedTuple

from pydantic import AfterValidator
from sqlalchemy import TextClause, text
from sqlmodel import Session

from activities.bank_posting import credit_all_waiting, credit_waiting
from activities.database import psycopg_of
from activities.master_data import NoEntity
from activities.master_data_input import Code, valid_account_number, valid_iban
from prepay.wire import CustomerNumber, OperatorName, Reason, Wire

_OF_PAYER = "p.awaits = 'payer' AND p.payer_account = %(account)s"
_LIKE_AN_IBAN = re.compile("[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")


class NoCustomer(ValueError):
    """The number is no customer's."""

    def __init__(self, number: str) -> None:
        super().__init__(f"There is no customer {number}; `prepay customer list` lists them")


class LinkedToAnother(ValueError):
    """An account pays for one customer of an entity."""

    def __init__(self, account: str, customer: str, by: str, at: datetime) -> None:
        super().__init__(
            f"Account {account} is linked to customer {customer} already, by {by} on {at:%Y-%m-%d}; "
            "end that link with `prepay payer unlink` first"
        )


class NotLinked(ValueError):
    """There is no open link to end."""

    def __init__(self, account: str, customer: str) -> None:
        super().__init__(
            f"Account {account} is not linked to a customer {customer}; `prepay payer list` lists the links"
        )


class NotPaused(ValueError):
    """There is no open pause to end."""

    def __init__(self, account: str, entity: str) -> None:
        super().__init__(
            f"Account {account} is not paused at an entity {entity}; `prepay payer list` lists the pauses"
        )


def _payer_account(written: str) -> str:
    number = written.replace(" ", "").upper()
    bare = re.sub("[.-]", "", number)
    if _LIKE_AN_IBAN.fullmatch(bare):
        return valid_iban(bare)
    if not number:
        raise ValueError("it is empty")
    return valid_account_number(number)


PayerAccount = Annotated[str, AfterValidator(_payer_account)]
"""As the parts of bank entries have it: without spaces and in capitals."""


class LinkInput(Wire):
    """That an account is, or no longer is, a customer's; who says so, and why."""

    customer: CustomerNumber
    account: PayerAccount
    by: OperatorName
    reason: Reason


class PauseInput(Wire):
    """That an account's money is not, or is again, matched by itself; who says so, and why."""

    entity: Code
    account: PayerAccount
    by: OperatorName
    reason: Reason


class Standing(NamedTuple):
    """What stands now: since just now, or from before with who said so then."""

    new: bool
    by: str
    at: datetime


def link(session: Session, given: LinkInput) -> Standing:
    """Link an account to a customer; the same again changes nothing. Raises NoCustomer, LinkedToAnother."""
    found = _one(session, _LINK, given)
    if found is None:
        raise NoCustomer(given.customer)
    if found["customer"] != given.customer:
        raise LinkedToAnother(given.account, found["customer"], found["by"], found["at"])
    return Standing(found["new"], found["by"], found["at"])


def put_link(session: Session, given: LinkInput) -> str:
    """Link an account to a customer, and credit what waited for a person to know its payer."""
    now = link(session, given)
    if now.new:
        _credit_all_that_waits(session, given.account)
        # Whose money it may be reads otherwise from now on.
        session.execute(_RING_RECEIPTS, given.model_dump(include={"customer", "account"}))
    return "added" if now.new else "unchanged"


def _credit_all_that_waits(session: Session, account: str) -> None:
    credit_all_waiting(psycopg_of(session), _OF_PAYER, {"account": account})


def credit_what_waits(session: Session, account: str, after: str = "") -> str:
    """Match again some of what waited for a person to know this payer; returns where to go on, or nothing."""
    return credit_waiting(psycopg_of(session), _OF_PAYER, {"account": account}, after)


def unlink(session: Session, given: LinkInput) -> None:
    """End a link. Raises NotLinked."""
    if _one(session, _UNLINK, given) is None:
        raise NotLinked(given.account, given.customer)


def pause(session: Session, given: PauseInput) -> Standing:
    """Stop the matching of an account's money; the same again changes nothing. Raises NoEntity."""
    found = _one(session, _PAUSE, given)
    if found is None:
        raise NoEntity(given.entity)
    return Standing(found["new"], found["by"], found["at"])


def resume(session: Session, given: PauseInput) -> None:
    """End a pause, and credit what waited for that. Raises NotPaused."""
    if _one(session, _RESUME, given) is None:
        raise NotPaused(given.account, given.entity)
    _credit_all_that_waits(session, given.account)


def payers(session: Session, customer: str | None = None) -> dict[str, list[dict[str, Any]]]:
    """All links and pauses, open ones first; or a customer's, with the pauses of their accounts. Raises NoCustomer."""
    if customer is not None and session.execute(_CUSTOMER, {"customer": customer}).first() is None:
        raise NoCustomer(customer)
    rows = {"links": _LINKS, "pauses": _PAUSES}
    return {
        name: [dict(row) for row in session.execute(query, {"customer": customer}).mappings()]
        for name, query in rows.items()
    }


def _one(session: Session, statement: TextClause, given: Wire) -> Mapping[Any, Any] | None:
    return session.execute(statement, given.model_dump()).mappings().first()


# On a conflict the row that is there is locked and told, unchanged; only a row that was inserted now has no xmax.
_LINK = text("""
    INSERT INTO payer_link AS l (customer_id, entity, payer_account, linked_by, reason)
    SELECT id, entity, :account, :by, :reason FROM customer WHERE number = :customer
    ON CONFLICT (entity, payer_account) WHERE ended_at IS NULL DO UPDATE SET ended_at = l.ended_at
    RETURNING (SELECT number FROM customer WHERE id = l.customer_id) AS customer,
        l.linked_by AS by, l.linked_at AS at, l.xmax = 0 AS new
""")

_RING_RECEIPTS = text("""
    INSERT INTO outbox (workflow_id, version)
    SELECT 'receipt-' || r.part_id, 1 FROM bank_entry_part p JOIN receipt r ON r.part_id = p.id
    WHERE p.payer_account = :account AND r.stage = 'unapplied'
        AND r.entity = (SELECT entity FROM customer WHERE number = :customer)
""")

_UNLINK = text("""
    UPDATE payer_link l SET ended_at = now(), ended_by = :by, ended_reason = :reason FROM customer c
    WHERE c.number = :customer AND l.customer_id = c.id AND l.payer_account = :account AND l.ended_at IS NULL
    RETURNING l.id
""")

_PAUSE = text("""
    INSERT INTO payer_pause AS p (entity, payer_account, paused_by, reason)
    SELECT code, :account, :by, :reason FROM contracting_entity WHERE code = :entity
    ON CONFLICT (entity, payer_account) WHERE ended_at IS NULL DO UPDATE SET ended_at = p.ended_at
    RETURNING p.paused_by AS by, p.paused_at AS at, p.xmax = 0 AS new
""")

_RESUME = text("""
    UPDATE payer_pause SET ended_at = now(), ended_by = :by, ended_reason = :reason
    WHERE entity = :entity AND payer_account = :account AND ended_at IS NULL RETURNING id
""")

_CUSTOMER = text("SELECT FROM customer WHERE number = :customer")

_LINKS = text("""
    SELECT c.number AS customer, l.entity, l.payer_account AS account, l.linked_by, l.reason, l.linked_at,
        l.ended_at, l.ended_by, l.ended_reason
    FROM payer_link l JOIN customer c ON c.id = l.customer_id
    WHERE CAST(:customer AS text) IS NULL OR c.number = :customer
    ORDER BY l.ended_at IS NOT NULL, c.number, l.entity, l.payer_account, l.id
""")

_PAUSES = text("""
    SELECT p.entity, p.payer_account AS account, p.paused_by, p.reason, p.paused_at, p.ended_at, p.ended_by,
        p.ended_reason
    FROM payer_pause p
    WHERE CAST(:customer AS text) IS NULL OR EXISTS (
        SELECT FROM payer_link l JOIN customer c ON c.id = l.customer_id
        WHERE c.number = :customer AND l.entity = p.entity AND l.payer_account = p.payer_account
    )
    ORDER BY p.ended_at IS NOT NULL, p.entity, p.payer_account, p.id
""")
