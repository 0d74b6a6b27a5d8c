"""Policies of refunds as they are set up."""

from datetime import date
from typing import Any

import pytest
from sqlmodel import Session

from activities.master_data import MasterDataRefused
from activities.refund_planning import policy_of
from activities.refund_policy import RefundPolicyInput, put_refund_policy
from prepay.wire import InputRefused, parse
from rules.refund import Policy
from tests.conftest import Database, engine_of

KNOWN: dict[str, Any] = {
    "entity": "nimbus-sg",
    "currency": "JPY",
    "one_up_to": "100000",
    "treasurer_above": "5000000",
    "valid_from": date(2026, 6, 1),
}


@pytest.fixture
def session(set_up: Database) -> Any:
    engine = engine_of(set_up.app_url)
    with Session(engine) as session, session.begin():
        yield session


def put(session: Session, **values: Any) -> str:
    return put_refund_policy(session, parse(RefundPolicyInput, KNOWN | values, "[[refund_policy]]"))


def test_the_newest_that_is_valid_counts(session: Session) -> None:
    assert put(session) == "added"
    assert put(session, valid_from=date(2026, 9, 1), one_up_to="1") == "added"
    found = [
        policy_of(session, "nimbus-sg", "JPY", day)[1].one_up_to_minor
        for day in (date(2026, 8, 31), date(2026, 9, 1))
    ]
    assert found == [100_000, 1]


def test_none_takes_two_people_and_a_treasurer_for_everything(session: Session) -> None:
    assert policy_of(session, "nimbus-sg", "JPY", date(2026, 5, 31)) == (None, Policy())


def test_the_same_again_changes_nothing_and_another_is_refused(session: Session) -> None:
    assert (put(session), put(session)) == ("added", "unchanged")
    with pytest.raises(MasterDataRefused, match="policies never change; give it a newer `valid_from`"):
        put(session, one_up_to="2")


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"one_up_to": "5000001"}, "`treasurer_above` is less than `one_up_to`"),
        ({"one_up_to": "0.5"}, "one_up_to"),
        ({"one_up_to": 5}, "write an amount in quotes"),
        ({"cooling_hours": -1}, "cooling_hours"),
        ({"details_days": 0}, "details_days"),
        ({"entity": "nobody"}, "there is no contracting entity 'nobody'"),
    ],
)
def test_what_makes_no_sense_is_refused(session: Session, values: dict[str, Any], why: str) -> None:
    with pytest.raises((InputRefused, MasterDataRefused), match=why):
        put(session, **values)
