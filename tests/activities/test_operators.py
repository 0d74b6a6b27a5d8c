"""Operators: set up, changed without forgetting, and what they may decide at a moment."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest
from sqlmodel import Session

from activities.operators import (
    OperatorInput,
    OperatorRefused,
    authority_of,
    operators,
    put_operator,
    require,
)
from prepay.money import Money
from prepay.wire import InputRefused, parse
from rules.authority import Act
from rules.operators import Role
from tests.conftest import Database, engine_of

CANCEL = Act("Deposit", "cancel")


def today() -> date:
    """A run of all tests may begin the day before."""
    return datetime.now(UTC).date()


def given(**other: Any) -> OperatorInput:
    raw = {
        "name": "ACME Desk",
        "roles": ["clerk"],
        "limits": {"EUR": "10.00"},
        "valid_from": date(2026, 1, 1),
        **other,
    }
    return parse(OperatorInput, raw, "[[operator]]")


def put(database: Database, **other: Any) -> str:
    with Session(engine_of(database.app_url)) as session, session.begin():
        return put_operator(session, given(**other))


def at(database: Database, moment: datetime) -> tuple[set[str], dict[str, int | None]]:
    with Session(engine_of(database.app_url)) as session:
        found = authority_of(session, " acme  DESK", moment)
        assert found is not None
        return {role.value for role in found.roles}, dict(found.limits)


class TestPut:
    def test_again_it_changes_nothing(self, database: Database) -> None:
        assert [put(database), put(database), put(database, name="acme desk")] == [
            "added",
            "unchanged",
            "unchanged",
        ]

    def test_what_was_stays_as_it_was(self, database: Database) -> None:
        put(database)
        before = datetime.now(UTC)
        assert put(database, roles=["approver"], limits={"EUR": "unlimited"}) == "changed"
        assert at(database, before) == ({"clerk"}, {"EUR": 1_000})
        assert at(database, datetime.now(UTC)) == ({"approver"}, {"EUR": None})

    def test_dates_hold(self, database: Database) -> None:
        put(database, valid_from=today() - timedelta(days=9), valid_to=today())
        assert at(database, datetime.now(UTC))[0] == {"clerk"}
        assert at(database, datetime.now(UTC) + timedelta(days=1)) == (set(), {})

    @pytest.mark.parametrize(
        ("wrong", "said"),
        [
            ({"roles": ["king"]}, "`roles.0`"),
            ({"roles": ["clerk", "clerk"]}, "`roles`: clerk is in the list twice"),
            ({"limits": {"EUR": 10}}, "`limits`: write amounts in quotes by currency"),
            ({"limits": {"EUR": "0"}}, "`limits`: the amount '0' in EUR is refused: it is zero"),
            ({"valid_to": date(2025, 1, 1)}, "`valid_to`: 2025-01-01 is before `valid_from`, 2026-01-01"),
        ],
    )
    def test_a_mistake_is_one_sentence(self, wrong: dict[str, Any], said: str) -> None:
        with pytest.raises(InputRefused) as refused:
            given(**wrong)
        assert said in str(refused.value)

    def test_the_application_can_rewrite_no_role(self, database: Database) -> None:
        put(database)
        with (
            psycopg.connect(database.app_url) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute("UPDATE operator_role SET role = 'treasurer'")


class TestRequire:
    def test_an_operator_acts_in_the_name_that_was_set_up(self, database: Database) -> None:
        put(database)
        with Session(engine_of(database.app_url)) as session:
            assert require(session, "acme desk", CANCEL) == "ACME Desk"

    @pytest.mark.parametrize(
        ("name", "act", "minor", "said"),
        [
            ("Nobody", CANCEL, 0, "There is no operator 'Nobody'; `prepay operator list` lists them."),
            (
                "ACME Desk",
                Act("Reassignment", "approve"),
                0,
                "ACME Desk is clerk, and this takes an approver or a ",
            ),
            (
                "ACME Desk",
                CANCEL,
                1_001,
                "ACME Desk decides at most 10.00 EUR at once, and this is 10.01 EUR.",
            ),
        ],
    )
    def test_others_are_refused(self, database: Database, name: str, act: Act, minor: int, said: str) -> None:
        put(database)
        money = Money(amount_minor=minor, currency="EUR") if minor else None
        with Session(engine_of(database.app_url)) as session, pytest.raises(OperatorRefused) as refused:
            require(session, name, act, money)
        assert str(refused.value).startswith(said)


class TestList:
    def test_tells_who_may_what_on_a_day(self, database: Database) -> None:
        put(database)
        with Session(engine_of(database.app_url)) as session:
            (now,), yesterday = operators(session, today()), operators(session, today() - timedelta(days=1))
        assert (now["name"], now["roles"][0]["role"]) == ("ACME Desk", Role.CLERK)
        assert now["limits"] == [{"currency": "EUR", "limit_minor": 1_000, "valid_to": None}]
        assert yesterday == []

    @pytest.mark.parametrize("day", [date.min, date.max])
    def test_on_any_day(self, database: Database, day: date) -> None:
        put(database)
        with Session(engine_of(database.app_url)) as session:
            assert len(operators(session, day)) == (day == date.max)
