"""What tests of virtual accounts do with the database."""

from datetime import date
from itertools import count
from typing import Any, cast
from uuid import uuid4

import psycopg
import pytest
from sqlmodel import Session

from activities.virtual_account_setup import EligibilityInput, PoolInput, put_eligibility, put_pool
from activities.virtual_accounts import Decide, Decided, VirtualAccounts, apply
from prepay.virtual_accounts import DecideVirtualAccount, VirtualAccountRequest
from prepay.wire import parse
from rules.virtual_account import Signal, VirtualAccountState
from tests.activities.test_bank_files import Desk
from tests.conftest import Database

_attestations = count(1)
_ATTEST = """
    INSERT INTO attestation (workflow_id, run_id, event_id, signal, payload, sent_at, identity, principal, operator_id,
        standing, refused)
    VALUES ('w', 'r', %s, 'approve', '{}', now(), '', '', (SELECT min(id) FROM operator), 'claim', '') RETURNING id
"""


@pytest.fixture(autouse=True)
def no_pool(set_up: Database) -> None:
    """The example set-up without its pool and rules: each test has its own."""
    # A number is never deleted, the triggers see to that.
    with psycopg.connect(set_up.superuser_url, options="-c session_replication_role=replica") as connection:
        connection.execute("DELETE FROM virtual_account")
        connection.execute("ALTER TABLE virtual_account ALTER COLUMN id RESTART")
        connection.execute("DELETE FROM eligibility_rule")


def allow(desk: Desk, entity: str = "nimbus-eu", country: str = "*", allowed: bool = True) -> None:
    raw = {"entity": entity, "country": country, "allowed": allowed, "reason": "as the contract says"}
    with Session(desk.engine) as session, session.begin():
        put_eligibility(session, parse(EligibilityInput, raw | {"valid_from": date(2026, 1, 1)}, "rule"))


def pool(desk: Desk, size: int, first: int = 1, account: str = "nimbus-eu-eur") -> str:
    raw = {
        "code": f"{account}-{first}",
        "account": account,
        "scheme": "iban",
        "prefix": "NLMOCK",
        "first": f"{9_000_000 + first:010d}",
        "last": f"{9_000_000 + first + size - 1:010d}",
    }
    with Session(desk.engine) as session, session.begin():
        return put_pool(session, parse(PoolInput, raw, "pool"))


def applied(
    desk: Desk, customer: str = "C-1001", *, by: str = "First Operator", **values: Any
) -> VirtualAccountState:
    """An application that has been looked at."""
    raw = {"customer": customer, "request_id": str(uuid4()), "currency": "EUR", **values}
    with Session(desk.engine) as session, session.begin():
        found = apply(session, parse(VirtualAccountRequest, raw, "The application"), by)
    return VirtualAccounts(desk.engine).look(found.workflow_id)


def attestation(desk: Desk) -> int:
    rows = desk.rows(_ATTEST, next(_attestations))
    return cast("int", rows[0]["id"])


def decide(
    desk: Desk,
    state: VirtualAccountState,
    signal: Signal = "approve",
    operator: str = "Second Operator",
    attested: int | None = None,
) -> Decided:
    decision = DecideVirtualAccount(operator=operator, reason="a good reason")
    return VirtualAccounts(desk.engine).decide(
        Decide(
            application=state.application,
            signal=signal,
            decision=decision,
            attestation=attested or attestation(desk),
            review=state.review,
        )
    )


def look(desk: Desk, state: VirtualAccountState) -> VirtualAccountState:
    return VirtualAccounts(desk.engine).look(f"virtual-account-{state.application}")


def active(desk: Desk, customer: str = "C-1001", **values: Any) -> VirtualAccountState:
    """An application that was approved and has its number."""
    state = decide(desk, applied(desk, customer, **values)).state
    assert state.stage == "active"
    return state


def number_of(desk: Desk, state: VirtualAccountState) -> str:
    rows = desk.rows("SELECT bank_number FROM virtual_account WHERE id = %s", state.virtual_account)
    return str(rows[0]["bank_number"])
