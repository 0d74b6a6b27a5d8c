"""Who decides about a held bank file: two different people release it, nobody releases what does not add up."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from activities.bank_decisions import Decide
from activities.bank_files import store
from bankfiles.sample import Payment, Sheet
from prepay.bank_files import DecideBankFile
from tests.activities.test_bank_files import ACCOUNT, SETUP, Desk, camt, desk, sha256_of
from tests.office import change_set_up

__all__ = ["desk"]

UNIQUE, CHECK, PRIVILEGE, WRITTEN_ONCE = "23505", "23514", "42501", "PB008"
UNKNOWN = camt(Sheet("NL26MOCK0000009001", "EUR", [Payment(1_000)]))
KNOWN = camt(Sheet(ACCOUNT, "EUR", [Payment(1_000)]))


def wrong(desk: Desk, statement: str, *given: Any, url: str = "") -> str | None:
    """The SQLSTATE with which PostgreSQL refuses a statement."""
    with psycopg.connect(url or desk.url) as connection, pytest.raises(psycopg.Error) as refusal:
        connection.execute(statement.encode(), given)
    return refusal.value.sqlstate


class TestRelease:
    def test_one_person_is_written_down_and_the_file_stays_held(self, desk: Desk) -> None:
        held = desk.work_off(UNKNOWN)
        decided = desk.decide(UNKNOWN, "release", "First Operator")
        assert (decided.refused, decided.state.stage, decided.state.hold) == ("", "held", held.hold)
        [released] = decided.state.said("release")
        assert (released.operator, released.reason) == ("First Operator", "a good reason")
        assert decided.state.deciders == ["First Operator"]

    def test_a_second_person_carries_it_out(self, desk: Desk) -> None:
        desk.work_off(UNKNOWN)
        desk.decide(UNKNOWN, "release", "First Operator")
        state = desk.decide(UNKNOWN, "release", "Second Operator").state
        assert (state.stage, state.reason) == ("stored", "")
        assert [d.operator for d in state.decisions] == ["First Operator", "Second Operator"]

    @pytest.mark.parametrize(
        "again", ["First Operator", "first operator", " FIRST OPERATOR ", "First\u00a0Operator"]
    )
    def test_the_same_person_twice_is_refused(self, desk: Desk, again: str) -> None:
        desk.work_off(UNKNOWN)
        desk.decide(UNKNOWN, "release", "First Operator")
        decided = desk.decide(UNKNOWN, "release", again)
        assert decided.refused == "you released it already; somebody else must"
        assert (decided.state.stage, len(decided.state.decisions)) == ("held", 1)

    def test_releases_of_different_holds_do_not_add_up(self, desk: Desk) -> None:
        desk.work_off(UNKNOWN)
        for operator in ("First Operator", "Second Operator"):
            desk.decide(UNKNOWN, "release", operator)
        again = desk.work_off(UNKNOWN)
        assert (again.stage, again.hold, again.said("release")) == ("held", 2, ())
        state = desk.decide(UNKNOWN, "release", "First Operator").state
        assert (state.stage, len(state.said("release"))) == ("held", 1)

    def test_of_a_hold_that_is_over_is_refused(self, desk: Desk) -> None:
        desk.work_off(UNKNOWN)
        desk.release(UNKNOWN)
        refused = desk.decide(UNKNOWN, "release", "First Operator", hold=1).refused
        assert (
            refused
            == "the file was looked at again and waits for something else; look for what, and then decide"
        )

    def test_of_a_file_that_is_not_held_is_refused(self, desk: Desk) -> None:
        desk.work_off(KNOWN)
        refused = desk.decide(KNOWN, "release", "First Operator").refused
        assert refused == "the file is posted; only a file that is held or in alarm waits for a decision"

    def test_a_step_that_is_tried_again_decides_once(self, desk: Desk) -> None:
        desk.work_off(UNKNOWN)
        decision = DecideBankFile(operator="First Operator", reason="the account is there")
        given = Decide(
            sha256=sha256_of(UNKNOWN), hold=1, key=str(uuid4()), signal="release", decision=decision
        )
        first, second = desk.files.decide(given), desk.files.decide(given)
        assert (first.refused, second.refused) == ("", "")
        assert len(second.state.decisions) == 1

    def test_one_person_eight_times_at_once_is_one(self, desk: Desk) -> None:
        desk.work_off(UNKNOWN)
        with ThreadPoolExecutor(8) as pool:
            decided = list(pool.map(lambda _: desk.decide(UNKNOWN, "release", "First Operator", 1), range(8)))
        assert sorted(bool(one.refused) for one in decided) == [False] + [True] * 7
        assert desk.files.look(sha256_of(UNKNOWN)).stage == "held"

    def test_eight_people_at_once_release_it_once(self, desk: Desk) -> None:
        desk.work_off(UNKNOWN)
        with ThreadPoolExecutor(8) as pool:
            decided = list(pool.map(lambda n: desk.decide(UNKNOWN, "release", f"Op {n}", 1), range(8)))
        assert sum(not one.refused for one in decided) == 2
        assert desk.files.look(sha256_of(UNKNOWN)).stage == "stored"


class TestNeverReleased:
    def test_sums_that_disagree(self, desk: Desk) -> None:
        sheet = Sheet(ACCOUNT, "EUR", [Payment(1_000)], opening_minor=0, closing_minor=999)
        content = camt(sheet, kind="camt.053")
        assert desk.work_off(content).held_for == "sums"
        decided = desk.decide(content, "release", "First Operator")
        assert "the file can never be released, as its amounts do not agree: ask the bank" in decided.refused
        assert "expected a closing booked balance of 10.00 EUR" in decided.refused
        assert (decided.state.stage, decided.state.decisions) == ("held", ())
        assert desk.decide(content, "discard", "First Operator").state.stage == "discarded"

    def test_a_broken_structure(self, desk: Desk) -> None:
        content = KNOWN[: len(KNOWN) * 2 // 3]
        assert desk.work_off(content).held_for == "structure"
        refused = desk.decide(content, "release", "First Operator").refused
        assert "as it is broken: ask the bank to send it again, and send `discard`" in refused


class TestDatabase:
    """What people decided stays, and two are two, whoever writes it."""

    write = """
        INSERT INTO bank_file_decision (key, file_id, hold, held_for, signal, operator, reason)
        VALUES (gen_random_uuid(), 1, 1, 'account', 'release', %s, %s)
    """

    @pytest.mark.parametrize("again", ["First Operator", "FIRST OPERATOR", "  first operator "])
    def test_it_takes_nobody_twice(self, desk: Desk, again: str) -> None:
        desk.work_off(UNKNOWN)
        desk.decide(UNKNOWN, "release", "First Operator")
        assert wrong(desk, self.write, again, "again") == UNIQUE

    @pytest.mark.parametrize(("operator", "reason"), [("", "why not"), ("First Operator", " ")])
    def test_it_wants_a_name_and_a_reason(self, desk: Desk, operator: str, reason: str) -> None:
        desk.work_off(UNKNOWN)
        assert wrong(desk, self.write, operator, reason) == CHECK

    @pytest.mark.parametrize("table", ["bank_file_decision", "bank_file_delivery"])
    def test_nobody_changes_or_removes_what_is_written(self, desk: Desk, database: Any, table: str) -> None:
        desk.work_off(UNKNOWN)
        desk.decide(UNKNOWN, "release", "First Operator")
        for statement in (f"UPDATE {table} SET created_at = now()", f"DELETE FROM {table}"):
            assert wrong(desk, statement) == PRIVILEGE
            assert wrong(desk, statement, url=database.owner_url) == WRITTEN_ONCE
        assert wrong(desk, f"TRUNCATE {table}", url=database.owner_url) == WRITTEN_ONCE

    def test_a_held_file_says_what_for(self, desk: Desk) -> None:
        desk.work_off(UNKNOWN)
        assert wrong(desk, "UPDATE bank_file SET held_for = ''") == CHECK

    def test_whom_it_takes_for_the_same_is_refused_though_the_rule_does_not(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("rules.operators.person", str)
        desk.work_off(UNKNOWN)
        desk.decide(UNKNOWN, "release", "First Operator")
        decided = desk.decide(UNKNOWN, "release", "FIRST OPERATOR")
        assert decided.refused == "you released it already; somebody else must"
        assert decided.state.stage == "held"


@pytest.fixture
def choosy(desk: Desk, tmp_path: Path) -> Desk:
    """A desk whose euro account takes files from the inbox and from the bank's portal."""
    allow(desk, tmp_path, '"inbox", "portal"')
    return desk


def allow(desk: Desk, folder: Path, sources: str) -> None:
    file = folder / "setup.toml"
    iban = f'iban = "{ACCOUNT}"\n'
    file.write_text(SETUP.read_text().replace(iban, f"{iban}sources = [{sources}]\n"))
    change_set_up(desk.url, file)


class TestSources:
    @pytest.mark.parametrize("source", ["inbox", "portal"])
    def test_a_file_from_one_of_them_is_posted(self, choosy: Desk, source: str) -> None:
        assert choosy.work_off(KNOWN, source).stage == "posted"

    def test_a_file_from_elsewhere_is_held_with_account_source_and_sources(self, choosy: Desk) -> None:
        file = choosy.work_off(KNOWN, "e-mail")
        assert (file.stage, file.held_for) == ("held", "source")
        assert (
            "expected files about account nimbus-eu-eur (row 1) to come from inbox or portal, found one from e-mail"
            in file.reason
        )
        assert choosy.rows("SELECT FROM bank_entry") == []

    def test_two_people_release_it_and_it_is_posted_despite_its_source(self, choosy: Desk) -> None:
        deposit = choosy.issue()
        content = camt(Sheet(ACCOUNT, "EUR", [Payment(10_000, structured=deposit.reference)]))
        choosy.work_off(content, "a test")
        choosy.decide(content, "release", "First Operator")
        assert choosy.work_off(content).stage == "held"
        choosy.decide(content, "release", "Second Operator")
        assert choosy.work_off(content).stage == "posted"
        assert choosy.available() == 10_000

    def test_a_release_of_another_hold_is_none_of_the_source(self, choosy: Desk) -> None:
        sheets = Sheet(ACCOUNT, "EUR", [Payment(1_000)]), Sheet("ELSEWHERE", "EUR", [Payment(1_000)])
        content = camt(*sheets)
        assert choosy.work_off(content).held_for == "account"
        with psycopg.connect(choosy.url) as connection:
            connection.execute(
                "UPDATE collection_account SET bank_number = 'ELSEWHERE', currency = 'EUR' WHERE currency = 'USD'"
            )
        assert choosy.release(content).held_for == "source"

    def test_an_account_that_names_none_takes_files_from_anybody(self, desk: Desk) -> None:
        assert desk.work_off(KNOWN, "e-mail").stage == "posted"

    def test_each_account_of_a_file_is_asked(self, choosy: Desk) -> None:
        dollars = "NL70MOCK0000002001"
        content = camt(Sheet(dollars, "USD", [Payment(1)]), Sheet(ACCOUNT, "EUR", [Payment(1)]))
        assert "Ntfctn[2]" in choosy.work_off(content, "e-mail").reason

    def test_they_may_be_changed(self, choosy: Desk, tmp_path: Path) -> None:
        allow(choosy, tmp_path, '"a test"')
        assert choosy.work_off(KNOWN).stage == "posted"

    @pytest.mark.parametrize("name", ["", "me@bank.example", "x" * 41, "a\nb", " inbox"])
    def test_a_source_has_a_plain_name(self, desk: Desk, name: str) -> None:
        with pytest.raises(ValueError, match="is no source"):
            store(desk.engine, KNOWN, "test.xml", name)


class TestDeliveredAgain:
    def test_from_where_it_should_come_the_same_bytes_are_posted(self, choosy: Desk) -> None:
        assert choosy.work_off(KNOWN, "e-mail").stage == "held"
        file = choosy.work_off(KNOWN, "inbox")
        assert (file.stage, file.delivered_by) == ("posted", "e-mail, inbox")
        for source in ("inbox", "e-mail", "inbox"):
            choosy.work_off(KNOWN, source)
        assert [row["delivered_by"] for row in choosy.rows("SELECT * FROM bank_file_delivery")] == [
            "e-mail",
            "inbox",
        ]

    def test_from_where_it_came_before_it_is_the_same_hold(self, choosy: Desk) -> None:
        choosy.work_off(KNOWN, "e-mail")
        choosy.decide(KNOWN, "release", "First Operator")
        file = choosy.work_off(KNOWN, "e-mail")
        assert (file.stage, file.hold, len(file.said("release"))) == ("held", 1, 1)

    def test_from_a_third_side_it_is_another_hold(self, choosy: Desk) -> None:
        choosy.work_off(KNOWN, "e-mail")
        choosy.decide(KNOWN, "release", "First Operator")
        file = choosy.work_off(KNOWN, "fax")
        assert (file.stage, file.hold, file.said("release")) == ("held", 2, ())
        assert "found one from e-mail and fax" in file.reason

    def test_what_was_put_away_for_its_source_is_posted_when_the_right_one_brings_it(
        self, choosy: Desk
    ) -> None:
        choosy.work_off(KNOWN, "e-mail")
        choosy.decide(KNOWN, "discard", "First Operator")
        assert choosy.work_off(KNOWN, "e-mail").stage == "discarded"
        assert choosy.work_off(KNOWN, "inbox").stage == "posted"

    def test_what_was_put_away_for_something_else_stays_so(self, desk: Desk) -> None:
        desk.work_off(UNKNOWN)
        desk.decide(UNKNOWN, "discard", "First Operator")
        assert desk.work_off(UNKNOWN, "inbox").stage == "discarded"

    def test_by_eight_at_once_while_it_is_read_it_is_posted_once(self, choosy: Desk) -> None:
        deposit = choosy.issue()
        payment = Payment(10_000, structured=deposit.reference)
        content = camt(Sheet(ACCOUNT, "EUR", [replace(payment, bank_reference="B1")]))
        sources = ["e-mail", "fax", "inbox", "e-mail", "portal", "post", "inbox", "fax"]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda source: choosy.work_off(content, source), sources))
        assert choosy.work_off(content, "inbox").stage == "posted"
        assert choosy.available() == 10_000
