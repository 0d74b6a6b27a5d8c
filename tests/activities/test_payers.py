"""Payers: an account pays for one customer of an entity, who said so is kept, and nothing is ever deleted."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine
from sqlmodel import Session

from activities.master_data import NoEntity
from activities.payers import (
    LinkedToAnother,
    LinkInput,
    NoCustomer,
    NotLinked,
    NotPaused,
    PauseInput,
    link,
    pause,
    payers,
    resume,
    unlink,
)
from prepay.wire import InputRefused, parse
from tests.conftest import Database, engine_of

IBAN = "DE89370400440532013000"


def link_input(customer: str = "C-1001", account: str = IBAN, by: str = "First") -> LinkInput:
    raw = {"customer": customer, "account": account, "by": by, "reason": "their letter"}
    return parse(LinkInput, raw, "The link")


def pause_input(account: str = IBAN, entity: str = "nimbus-eu", by: str = "First") -> PauseInput:
    raw = {"entity": entity, "account": account, "by": by, "reason": "their bank warns"}
    return parse(PauseInput, raw, "The pause")


@pytest.fixture
def engine(set_up: Database) -> Engine:
    """With room for several at once."""
    return engine_of(set_up.app_url)


def run(engine: Engine, verb: Any, given: Any) -> Any:
    with Session(engine) as session, session.begin():
        return verb(session, given)


def listed(engine: Engine, customer: str | None = None) -> dict[str, list[dict[str, Any]]]:
    with Session(engine) as session:
        return payers(session, customer)


class TestAccount:
    @pytest.mark.parametrize(
        ("written", "kept"),
        [
            ("DE89 3704 0044 0532 0130 00", IBAN),
            ("de89370400440532013000", IBAN),
            ("DE89-3704-0044-0532-0130-00", IBAN),
            # With its spaces it is longer than 34.
            ("MT84 MALT 0110 0001 2345 MTLC AST0 01S", "MT84MALT011000012345MTLCAST001S"),
            ("12-3456/78", "12-3456/78"),
            ("ab 123", "AB123"),
            ("9" * 34, "9" * 34),
        ],
    )
    def test_it_is_kept_as_bank_entries_have_it(self, written: str, kept: str) -> None:
        assert link_input(account=written).account == kept

    @pytest.mark.parametrize(
        ("written", "why"),
        [
            ("DE88 3704 0044 0532 0130 00", "it is no valid IBAN: Invalid checksum digits"),
            ("DE8937040044053201300", "it is no valid IBAN: "),
            ("9" * 35, "write at most 34 letters, digits, spaces and . / -"),
            ("12_34", "write at most 34 letters, digits, spaces and . / -"),
            ("---", "write at most 34 letters, digits, spaces and . / -"),
            ("  ", "it is empty"),
        ],
    )
    def test_what_is_none_is_refused(self, written: str, why: str) -> None:
        with pytest.raises(InputRefused, match="The link is refused: `account`: ") as refused:
            link_input(account=written)
        assert why in str(refused.value)


class TestLink:
    def test_it_is_open_with_who_and_why(self, engine: Engine) -> None:
        now = run(engine, link, link_input())
        assert (now.new, now.by) == (True, "First")
        (row,) = listed(engine)["links"]
        assert row == {
            "customer": "C-1001",
            "entity": "nimbus-eu",
            "account": IBAN,
            "linked_by": "First",
            "reason": "their letter",
            "linked_at": now.at,
            "ended_at": None,
            "ended_by": None,
            "ended_reason": None,
        }

    def test_the_same_again_changes_nothing(self, engine: Engine) -> None:
        first = run(engine, link, link_input())
        again = run(engine, link, link_input(account="de89 3704 0044 0532 0130 00", by="Grace"))
        assert (again.new, again.by, again.at) == (False, "First", first.at)
        assert len(listed(engine)["links"]) == 1

    def test_a_customer_has_several_accounts(self, engine: Engine) -> None:
        for account in (IBAN, "12345"):
            assert run(engine, link, link_input(account=account)).new
        assert [row["account"] for row in listed(engine, "C-1001")["links"]] == ["12345", IBAN]

    def test_one_of_another_customer_of_the_entity_is_refused_by_name(self, engine: Engine) -> None:
        run(engine, link, link_input("C-1002"))
        with pytest.raises(
            LinkedToAnother, match=f"Account {IBAN} is linked to customer C-1002 already, by First on "
        ):
            run(engine, link, link_input("C-1001"))
        assert [row["customer"] for row in listed(engine)["links"]] == ["C-1002"]

    def test_at_another_entity_it_may_pay_for_another_customer(self, engine: Engine) -> None:
        assert run(engine, link, link_input("C-1001")).new
        assert run(engine, link, link_input("C-2001")).new

    def test_an_unknown_customer_is_refused(self, engine: Engine) -> None:
        with pytest.raises(NoCustomer, match="There is no customer C-9;"):
            run(engine, link, link_input("C-9"))

    def test_of_many_at_once_one_customer_gets_it(self, engine: Engine) -> None:
        def attempt(number: int) -> str:
            try:
                return "new" if run(engine, link, link_input(f"C-100{1 + number % 2}")).new else "same"
            except LinkedToAnother:
                return "another's"

        with ThreadPoolExecutor(8) as threads:
            done = sorted(threads.map(attempt, range(8)))
        assert done == ["another's"] * 4 + ["new"] + ["same"] * 3
        assert len(listed(engine)["links"]) == 1


class TestUnlink:
    def test_it_stays_with_who_and_why(self, engine: Engine) -> None:
        run(engine, link, link_input())
        run(engine, unlink, link_input(by="Grace"))
        (row,) = listed(engine)["links"]
        assert (row["linked_by"], row["ended_by"], row["ended_reason"]) == ("First", "Grace", "their letter")
        assert row["ended_at"] >= row["linked_at"]

    def test_then_it_can_be_anothers(self, engine: Engine) -> None:
        run(engine, link, link_input("C-1001"))
        run(engine, unlink, link_input("C-1001"))
        assert run(engine, link, link_input("C-1002")).new
        assert [row["customer"] for row in listed(engine)["links"]] == ["C-1002", "C-1001"]

    def test_what_is_not_linked_to_the_customer_is_refused(self, engine: Engine) -> None:
        run(engine, link, link_input("C-1001"))
        with pytest.raises(NotLinked, match=f"Account {IBAN} is not linked to a customer C-1002;"):
            run(engine, unlink, link_input("C-1002"))
        run(engine, unlink, link_input("C-1001"))
        with pytest.raises(NotLinked):
            run(engine, unlink, link_input("C-1001"))


class TestPause:
    def test_it_stands_once_until_it_is_ended(self, engine: Engine) -> None:
        assert run(engine, pause, pause_input()).new
        again = run(engine, pause, pause_input(by="Grace"))
        assert (again.new, again.by) == (False, "First")
        run(engine, resume, pause_input(by="Grace"))
        assert run(engine, pause, pause_input()).new
        rows = listed(engine)["pauses"]
        assert [(row["paused_by"], row["ended_by"]) for row in rows] == [("First", None), ("First", "Grace")]

    def test_it_is_of_one_entity(self, engine: Engine) -> None:
        assert run(engine, pause, pause_input(entity="nimbus-eu")).new
        with pytest.raises(NotPaused, match=f"Account {IBAN} is not paused at an entity nimbus-sg;"):
            run(engine, resume, pause_input(entity="nimbus-sg"))

    def test_an_unknown_entity_is_refused(self, engine: Engine) -> None:
        with pytest.raises(NoEntity, match="there is no contracting entity 'cumulus'"):
            run(engine, pause, pause_input(entity="cumulus"))


class TestPayers:
    def test_a_customers_are_theirs_with_the_pauses_of_their_accounts(self, engine: Engine) -> None:
        run(engine, link, link_input("C-1001"))
        run(engine, link, link_input("C-1002", "12345"))
        run(engine, pause, pause_input())
        run(engine, pause, pause_input("12345", "nimbus-sg"))
        found = listed(engine, "C-1001")
        assert [row["account"] for row in found["links"] + found["pauses"]] == [IBAN, IBAN]
        assert listed(engine, "C-1002")["pauses"] == []
        assert {name: len(rows) for name, rows in listed(engine).items()} == {"links": 2, "pauses": 2}
        with pytest.raises(NoCustomer):
            listed(engine, "C-9")


class TestKept:
    @pytest.mark.parametrize("table", ["payer_link", "payer_pause"])
    @pytest.mark.parametrize("attempt", ["DELETE FROM {}", "UPDATE {} SET reason = 'another'", "TRUNCATE {}"])
    def test_the_application_deletes_and_rewrites_nothing(
        self, database: Database, table: str, attempt: str
    ) -> None:
        with (
            psycopg.connect(database.app_url) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute(attempt.format(table).encode())
