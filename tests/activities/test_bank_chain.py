"""Statements that follow each other, and what happens while one is missing; on a real database."""

from dataclasses import replace
from datetime import date, timedelta
from hashlib import sha256
from io import BytesIO
from itertools import permutations
from typing import Any

import pytest
from psycopg.errors import NumericValueOutOfRange
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlmodel import Session

from activities.bank_chain import let_follow
from activities.bank_files import store
from activities.bank_missing import settle_missing
from activities.bank_posting import post_chunk
from bankfiles.sample import Batch, Payment, Sheet
from bankfiles.sample_mt import write_mt940
from prepay.ids import bank_file_workflow_id
from rules.deposit import DepositState
from tests.activities.test_bank_files import ACCOUNT, Desk, camt, desk

__all__ = ["desk"]

MONDAY = date(2026, 11, 23)


def day(number: int, payment: Payment | None = None, opening_minor: int = 50_000, **values: object) -> Sheet:
    """The statement of a day, each with one payment of 100.00: number 1 opens with the 500.00 of before."""
    on = MONDAY + timedelta(days=number - 1)
    payment = payment or Payment(10_000, f"B-{number}", free=("unknown",))
    opening = opening_minor + (number - 1) * 10_000
    sheet = Sheet(
        ACCOUNT,
        "EUR",
        [replace(payment, booked_on=on)],
        f"S-{number}",
        str(number),
        opening,
        opening + 10_000,
        on,
    )
    return replace(sheet, **values)  # type: ignore[arg-type]


def bank(desk: Desk) -> int:
    query = "SELECT debits_posted - credits_posted AS minor FROM ledger_account_balance WHERE kind = 'bank'"
    return sum(int(str(row["minor"])) for row in desk.rows(query))


def unexplained(desk: Desk) -> int:
    query = "SELECT credits_posted - debits_posted AS minor FROM ledger_account_balance WHERE kind = 'unexplained'"
    return sum(int(str(row["minor"])) for row in desk.rows(query))


def paying(deposit: DepositState, reference: str = "PAID") -> Payment:
    return Payment(10_000, reference, structured=deposit.reference)


def released(desk: Desk, content: bytes) -> str:
    """What becomes of a file before which a statement is missing when people let it follow."""
    stage(desk, content)
    with Session(desk.engine) as session, session.begin():
        file = desk.rows("SELECT id FROM bank_file WHERE stage = 'alarm'")[0]["id"]
        let_follow(session, int(str(file)))
    return stage(desk, content)


def rung(desk: Desk, content: bytes) -> bool:
    workflow_id = bank_file_workflow_id(sha256(content).hexdigest())
    return bool(desk.rows("SELECT FROM outbox WHERE workflow_id = %s", workflow_id))


def stage(desk: Desk, content: bytes) -> str:
    return desk.work_off(content).stage


class TestOpening:
    def test_the_book_begins_with_the_balance_that_the_first_statement_opens_with(self, desk: Desk) -> None:
        desk.deliver(day(1), kind="camt.053")
        assert bank(desk) == 60_000

    def test_an_overdrawn_account_begins_below_zero(self, desk: Desk) -> None:
        desk.deliver(day(1, opening_minor=-50_000), kind="camt.053")
        assert bank(desk) == -40_000

    @pytest.mark.parametrize("order", [*permutations((1, 2, 3))])
    def test_an_earlier_statement_moves_the_beginning(self, desk: Desk, order: tuple[int, ...]) -> None:
        files = [camt(day(number), kind="camt.053") for number in order]
        for file in files:
            desk.work_off(file)
        assert [stage(desk, file) for file in files] == ["posted"] * 3
        assert (bank(desk), unexplained(desk)) == (80_000, 0)

    def test_the_same_days_in_another_format_change_nothing(self, desk: Desk) -> None:
        desk.deliver(day(1), kind="camt.053")
        assert desk.deliver(day(1), kind="camt.053", version=4).stage == "posted"
        assert bank(desk) == 60_000


class TestPages:
    def page(self, number: int) -> Sheet:
        return replace(
            day(number), page=number, last_page=number == 2, statement_id="S", sequence="1", created_on=MONDAY
        )

    def test_page_two_of_a_new_account_waits_for_page_one(self, desk: Desk) -> None:
        second = camt(self.page(2), kind="camt.053")
        assert stage(desk, second) == "alarm"
        assert desk.deliver(self.page(1), kind="camt.053").stage == "posted"
        assert (stage(desk, second), bank(desk)) == ("posted", 70_000)

    def test_or_for_two_people(self, desk: Desk) -> None:
        assert released(desk, camt(self.page(2), kind="camt.053")) == "posted"
        assert bank(desk) == 70_000


class TestGap:
    def test_stops_automatic_credit_until_the_missing_statement_comes(self, desk: Desk) -> None:
        deposit = desk.issue()
        desk.deliver(day(1), kind="camt.053")
        third = camt(day(3, paying(deposit)), kind="camt.053")
        file = desk.work_off(third)
        assert file.stage == "alarm"
        assert "the statement before it, which ends with this balance, has not come" in file.reason
        assert (desk.available(), bank(desk)) == (0, 70_000)
        desk.deliver(day(2), kind="camt.053")
        assert (desk.available(), bank(desk), stage(desk, third)) == (10_000, 80_000, "posted")
        assert desk.deposit(deposit)["stage"] == "credited"

    def test_money_that_a_notification_tells_of_waits_too(self, desk: Desk) -> None:
        deposit = desk.issue()
        for number in (1, 3):
            desk.deliver(day(number), kind="camt.053")
        assert desk.pay(replace(paying(deposit), booked_on=MONDAY + timedelta(days=3))).stage == "posted"
        assert desk.parts()[-1][1] == (
            f"its structured reference is that of {deposit.number}; it waits for a missing statement of the account"
        )
        desk.deliver(day(2), kind="camt.053")
        assert desk.available() == 10_000

    def test_another_account_goes_on(self, desk: Desk) -> None:
        deposit = desk.issue("C-2001", currency="USD")
        for number in (1, 3):
            desk.deliver(day(number), kind="camt.053")
        account = desk.rows("SELECT bank_number FROM collection_account WHERE currency = 'USD'")[0]
        desk.deliver(Sheet(str(account["bank_number"]), "USD", [paying(deposit)]))
        assert desk.available("C-2001") == 10_000

    def test_a_number_left_out_is_a_gap_although_the_balances_meet(self, desk: Desk) -> None:
        desk.deliver(day(1), kind="camt.053")
        file = desk.deliver(day(2, sequence="3"), kind="camt.053")
        assert file.stage == "alarm"
        assert "has not come (the last is 1)" in file.reason

    def test_the_statement_of_a_new_year_begins_with_one_again(self, desk: Desk) -> None:
        desk.deliver(day(1, sequence="250"), kind="camt.053")
        assert desk.deliver(day(2, sequence="1"), kind="camt.053").stage == "posted"

    def test_who_is_rung_when_it_closes_is_the_file_that_waits(self, desk: Desk) -> None:
        desk.deliver(day(1), kind="camt.053")
        third = camt(day(3), kind="camt.053")
        desk.work_off(third)
        desk.rows("DELETE FROM outbox RETURNING id")
        desk.deliver(day(2), kind="camt.053")
        assert rung(desk, third)

    @pytest.mark.parametrize("how", ["comes", "released"])
    def test_a_second_gap_has_an_alarm_of_its_own(self, desk: Desk, how: str) -> None:
        desk.deliver(day(1), kind="camt.053")
        third, fifth = (camt(day(number), kind="camt.053") for number in (3, 5))
        assert [stage(desk, third), stage(desk, fifth)] == ["alarm", "alarm"]
        if how == "comes":
            desk.deliver(day(2), kind="camt.053")
        else:
            desk.release(third)
        assert [stage(desk, third), stage(desk, fifth)] == ["posted", "alarm"]
        desk.deliver(day(4), kind="camt.053")
        assert stage(desk, fifth) == "posted"

    def test_what_follows_a_statement_that_waits_raises_no_alarm_of_its_own(self, desk: Desk) -> None:
        stages = [desk.deliver(day(number), kind="camt.053").stage for number in (1, 3, 4)]
        assert stages == ["posted", "alarm", "posted"]


def swept(number: int, opening: int = 0, closing: int = 0, on: int = 0, sequence: int | None = None) -> Sheet:
    """A day of an account whose balance is swept to zero: what came, and what was swept."""
    booked = MONDAY + timedelta(days=on or number)
    moved = [Payment(100, f"C{number}", booked_on=booked), Payment(-100, f"D{number}", booked_on=booked)]
    if closing != opening:
        moved.append(Payment(closing - opening, f"M{number}", booked_on=booked))
    number = number if sequence is None else sequence
    return Sheet(ACCOUNT, "EUR", moved, f"S-{number}-{booked}", str(number), opening, closing, booked)


class TestBalancesThatRepeat:
    def test_a_balance_that_was_there_before_hides_no_gap(self, desk: Desk) -> None:
        days = [swept(1, sequence=0), swept(2, 0, 500, sequence=0), swept(4, sequence=0)]
        assert [desk.deliver(sheet, kind="camt.053").stage for sheet in days] == ["posted", "posted", "alarm"]

    def test_nor_do_numbers_after_a_new_year(self, desk: Desk) -> None:
        numbers = (250, 251, 1, 2, 5)
        days = [swept(on, on=on, sequence=number) for on, number in enumerate(numbers, 1)]
        assert [desk.deliver(sheet, kind="camt.053").stage for sheet in days] == ["posted"] * 4 + ["alarm"]

    def test_nor_do_two_formats_of_the_same_days(self, desk: Desk) -> None:
        stages = []
        for number in (1, 3):
            file = BytesIO()
            write_mt940(file, [swept(number)], interim=False)
            stages.append(desk.work_off(file.getvalue()).stage)
            stages.append(desk.deliver(swept(number), kind="camt.053").stage)
        assert stages[:2] == ["posted", "posted"]
        assert "alarm" in stages[2:]

    def test_a_number_that_one_format_lacks_and_another_has_is_no_gap(self, desk: Desk) -> None:
        for number in (1, 2):
            desk.deliver(day(number), kind="camt.053")
        file = BytesIO()
        write_mt940(file, [day(1)], interim=False)
        assert desk.work_off(file.getvalue()).stage == "posted"
        file = BytesIO()
        write_mt940(file, [day(3)], interim=False)
        assert desk.work_off(file.getvalue()).stage == "posted"

    def test_a_later_statement_of_the_day_is_not_taken_for_an_earlier_one(self, desk: Desk) -> None:
        desk.deliver(swept(1, 0, 300, on=1), kind="camt.053")
        assert desk.deliver(swept(3, 400, 0, on=1), kind="camt.053").stage == "alarm"

    def test_two_statements_of_a_day_may_come_in_either_order(self, desk: Desk) -> None:
        desk.deliver(swept(2, 50, 250, on=1), kind="camt.053")
        assert desk.deliver(swept(1, 0, 50, on=1), kind="camt.053").stage == "posted"
        assert bank(desk) == 250

    def test_what_ends_where_two_chains_begin_is_the_beginning_of_one(self, desk: Desk) -> None:
        desk.deliver(day(1), kind="camt.053")
        released(desk, camt(day(3), kind="camt.053"))
        for number, opening, closing in ((2, 70_000, 50_000), (3, 60_000, 70_000)):
            on = MONDAY - timedelta(days=number)
            paid = Payment(closing - opening, f"OLD{number}", booked_on=on)
            desk.deliver(
                Sheet(ACCOUNT, "EUR", [paid], f"O{number}", "0", opening, closing, on), kind="camt.053"
            )
        assert bank(desk) == 80_000


class TestPeopleLetItFollow:
    def test_the_difference_is_unexplained_and_money_is_credited(self, desk: Desk) -> None:
        deposit = desk.issue()
        desk.deliver(day(1), kind="camt.053")
        assert released(desk, camt(day(3, paying(deposit)), kind="camt.053")) == "posted"
        assert (desk.available(), bank(desk), unexplained(desk)) == (10_000, 80_000, 10_000)

    def test_should_the_statement_come_after_all_nothing_is_counted_twice(self, desk: Desk) -> None:
        desk.deliver(day(1), kind="camt.053")
        released(desk, camt(day(4), kind="camt.053"))
        assert (bank(desk), unexplained(desk)) == (90_000, 20_000)
        assert desk.deliver(day(3), kind="camt.053").stage == "posted"
        assert (bank(desk), unexplained(desk)) == (90_000, 10_000)
        assert desk.deliver(day(2), kind="camt.053").stage == "posted"
        assert (bank(desk), unexplained(desk)) == (90_000, 0)

    def test_a_bank_that_leaves_numbers_out_is_known_to_do_so_from_then_on(self, desk: Desk) -> None:
        desk.deliver(day(1), kind="camt.053")
        assert released(desk, camt(day(2, sequence="5"), kind="camt.053")) == "posted"
        assert (bank(desk), unexplained(desk)) == (70_000, 0)
        assert desk.deliver(day(3, sequence="9"), kind="camt.053").stage == "posted"

    def test_also_where_it_is_older_than_the_first(self, desk: Desk) -> None:
        stage(desk, camt(day(3), kind="camt.053"))
        monday = camt(day(1, opening_minor=20_000), kind="camt.053")
        assert stage(desk, monday) == "alarm"
        assert desk.release(monday).stage == "posted"
        assert (bank(desk), unexplained(desk)) == (80_000, 40_000)
        assert stage(desk, camt(day(4), kind="camt.053")) == "posted"
        assert bank(desk) == 90_000


class TestOverlap:
    """Statements cut anew, in the middle of others: by their entries nothing is missing."""

    def cut(self, *numbers: int) -> Sheet:
        days = [day(number) for number in numbers]
        entries = [entry for sheet in days for entry in sheet.entries]
        return replace(
            days[-1],
            entries=entries,
            opening_minor=days[0].opening_minor,
            sequence="",
            statement_id=str(numbers),
        )

    @pytest.mark.parametrize("cuts", [*permutations([(1, 2, 3), (2, 3, 4), (4, 5)])])
    def test_posts_once_and_ends_where_the_last_ends(
        self, desk: Desk, cuts: tuple[tuple[int, ...], ...]
    ) -> None:
        files = [camt(self.cut(*numbers), kind="camt.053") for numbers in cuts]
        for file in files:
            desk.work_off(file)
        assert [stage(desk, file) for file in files] == ["posted"] * 3
        assert (bank(desk), unexplained(desk)) == (100_000, 0)

    def test_nothing_follows_from_entries_while_some_are_still_to_come(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Of two days, newest first, only Tuesday is posted yet: Tuesday's own statement looks like the first."""
        both = self.cut(1, 2)
        newest_first = camt(replace(both, entries=[*both.entries][::-1]), kind="camt.053")
        monkeypatch.setattr("activities.bank_incoming.CHUNK", 1)
        once = [post_chunk]

        def post_one(*given: Any) -> None:
            if not once:
                raise ConnectionAbortedError
            once.pop()(*given)

        with monkeypatch.context() as killed:
            killed.setattr("activities.bank_pipeline.post_chunk", post_one)
            killed.setattr("activities.bank_pipeline.post_kept", post_one)
            with pytest.raises(ConnectionAbortedError):
                stage(desk, newest_first)
        tuesday = camt(day(2), kind="camt.053")
        assert stage(desk, tuesday) == "alarm"
        assert stage(desk, newest_first) == "posted"
        assert rung(desk, tuesday)
        assert stage(desk, tuesday) == "posted"
        assert (bank(desk), unexplained(desk)) == (70_000, 0)

    def test_of_known_days_is_no_gap(self, desk: Desk) -> None:
        desk.deliver(self.cut(1, 2, 3, 4), kind="camt.053")
        assert desk.deliver(self.cut(2, 3), kind="camt.053").stage == "posted"
        assert bank(desk) == 90_000

    def test_of_known_days_in_another_grouping_is_no_gap(self, desk: Desk) -> None:
        """What Tuesday's statement tells as two payments, that of both days tells as a batch."""
        both = tuple(Payment(5_000, f"B-2{which}", booked_on=MONDAY + timedelta(days=1)) for which in "ab")
        days = [day(1), replace(day(2), entries=[*both]), day(3)]
        regrouped = replace(self.cut(1, 2), entries=[*day(1).entries, Batch(both, "GROUP")])
        stages = [desk.deliver(sheet, kind="camt.053").stage for sheet in (*days, regrouped)]
        assert stages == ["posted"] * 4
        assert (bank(desk), unexplained(desk)) == (80_000, 0)

    def test_in_another_grouping_proves_nothing_where_a_gap_was_let_go(self, desk: Desk) -> None:
        """It brings the day that was let go, and a batch: what of it is known, a person decides."""
        both = tuple(Payment(5_000, f"B-3{which}", booked_on=MONDAY + timedelta(days=2)) for which in "ab")
        desk.deliver(day(1), kind="camt.053")
        assert released(desk, camt(replace(day(3), entries=[*both]), kind="camt.053")) == "posted"
        told = [*day(1).entries, *day(2).entries, Batch(both, "GROUP")]
        assert desk.deliver(replace(self.cut(1, 2, 3), entries=told), kind="camt.053").stage == "alarm"

    def test_an_empty_statement_with_a_balance_of_its_own_is_a_gap(self, desk: Desk) -> None:
        desk.deliver(day(1), kind="camt.053")
        empty = replace(day(2), entries=[], opening_minor=75_000, closing_minor=75_000)
        assert desk.deliver(empty, kind="camt.053").stage == "alarm"


class TestConfirmed:
    def confirmed(self, desk: Desk) -> list[object]:
        return [row["confirmed"] for row in desk.rows("SELECT confirmed FROM bank_entry_part ORDER BY id")]

    @pytest.mark.parametrize("kinds", [*permutations(["camt.054", "camt.053"])])
    def test_is_what_a_booked_statement_has(self, desk: Desk, kinds: tuple[str, ...]) -> None:
        for kind in kinds:
            desk.deliver(day(1), kind=kind)
        assert self.confirmed(desk) == [True]

    def test_a_notification_alone_confirms_nothing(self, desk: Desk) -> None:
        desk.deliver(day(1))
        assert self.confirmed(desk) == [False]

    def test_a_credit_that_the_statement_of_its_day_lacks_raises_an_alarm(self, desk: Desk) -> None:
        desk.deliver(day(1), kind="camt.053")
        desk.pay(Payment(700, "LOST", booked_on=MONDAY + timedelta(days=1)))
        file = desk.deliver(day(2), kind="camt.053")
        assert file.stage == "alarm"
        assert "is in no booked statement up to that day" in file.reason

    def test_so_does_one_that_is_notified_after_the_statement(self, desk: Desk) -> None:
        for number in (1, 2):
            desk.deliver(day(number), kind="camt.053")
        assert desk.pay(Payment(700, "LOST", booked_on=MONDAY + timedelta(days=1))).stage == "alarm"

    def test_the_alarm_ends_when_a_statement_brings_it(self, desk: Desk) -> None:
        lost = Payment(10_000, "LATE", booked_on=MONDAY + timedelta(days=1))
        desk.deliver(day(1), kind="camt.053")
        desk.pay(lost)
        second = camt(day(2), kind="camt.053")
        assert stage(desk, second) == "alarm"
        desk.rows("DELETE FROM outbox RETURNING id")
        third = replace(day(3), entries=[lost])
        desk.deliver(third, kind="camt.053")
        assert rung(desk, second)
        assert stage(desk, second) == "posted"

    def test_or_when_people_settle_it(self, desk: Desk) -> None:
        desk.deliver(day(1), kind="camt.053")
        desk.pay(Payment(700, "LOST", booked_on=MONDAY + timedelta(days=1)))
        second = camt(day(2), kind="camt.053")
        file = desk.work_off(second)
        with Session(desk.engine) as session, session.begin():
            settle_missing(session, file.file)
        assert stage(desk, second) == "posted"

    def test_people_settle_what_they_were_shown_the_sum_of(self, desk: Desk) -> None:
        desk.deliver(day(1), kind="camt.053")
        on = MONDAY + timedelta(days=1)
        desk.pay(*[Payment(700 + number, f"L{number}", booked_on=on) for number in range(25)])
        file = desk.deliver(day(2), kind="camt.053")
        assert file.reason.startswith(
            "25 notified credits of 178.00 EUR are in no booked statement of their day"
        )

    def test_a_statement_that_is_still_being_posted_lacks_nothing(self, desk: Desk) -> None:
        desk.deliver(day(1), kind="camt.053")
        sha, _ = store(desk.engine, camt(day(2), kind="camt.053"), "a.xml", "a test")
        desk.files.read(sha)
        assert desk.deliver(day(2)).stage == "posted"

    def test_nothing_is_said_of_days_before_the_first_statement_or_after_the_last(self, desk: Desk) -> None:
        desk.pay(Payment(700, "OLD", booked_on=MONDAY - timedelta(days=9)))
        assert desk.deliver(day(1), kind="camt.053").stage == "posted"
        assert desk.pay(Payment(700, "NEW", booked_on=MONDAY + timedelta(days=1))).stage == "posted"


def _refuse(*_: object) -> None:
    raise NumericValueOutOfRange


class TestRefusedWhileLinking:
    def linking(self, monkeypatch: pytest.MonkeyPatch, statement: str) -> None:
        monkeypatch.setattr(
            "activities.bank_files.chain_by_entries", lambda session, *_: session.execute(text(statement))
        )

    def test_what_the_book_refuses_holds_the_file(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        wrong = "SELECT ledger_house_transfer('k', 'nonsense', 'opening', 'nimbus-eu', 'EUR', 1)"
        self.linking(monkeypatch, wrong)
        assert desk.deliver(day(1), kind="camt.053").stage == "held"

    def test_it_cannot_be_put_away_as_the_chain_counts_on_it(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first, second, third = (camt(day(number), kind="camt.053") for number in (1, 2, 3))
        stage(desk, first)
        with monkeypatch.context() as patch:
            patch.setattr("activities.bank_pipeline.post_chunk", _refuse)
            assert stage(desk, second) == "held"
        refused = desk.decide(second, "discard", "First Operator").refused
        assert refused.startswith("the file is posted in part, and what follows it counts on the rest")
        stage(desk, third)
        assert desk.release(second).stage == "posted"
        assert bank(desk) == 80_000

    def test_what_may_go_better_next_time_is_tried_again(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.linking(monkeypatch, "SELECT pg_terminate_backend(pg_backend_pid())")
        with pytest.raises(OperationalError) as failed:
            desk.deliver(day(1), kind="camt.053")
        assert failed.value.__cause__ is not failed.value
