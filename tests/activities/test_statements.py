"""Statements: each movement in exactly one, each closing balance the next one's opening, the same for ever."""

import itertools
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import psycopg
import pytest
import time_machine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from activities.setup_file import apply
from activities.statements import Issued, StatementRefused, Statements
from documents.statement import AccountStatement, CreditReceipt, Paper, read_paper
from ledger import events, postings
from ledger.bills import Line
from ledger.bills import issue as issue_bill
from ledger.bills import void as void_bill
from prepay.statements import StatementRequest
from tests.conftest import Database, engine_of
from tests.office import SETUP

PLACE: dict[str, Any] = {"entity": "nimbus-eu", "currency": "EUR"}
_keys = itertools.count(1)


class Desk:
    """A customer's balance, and statements of it."""

    def __init__(self, url: str, engine: Engine) -> None:
        self.conn = psycopg.connect(url, autocommit=True)
        self.engine = engine
        self.customer = f"C-{next(_keys)}"
        with self.conn.cursor() as cursor:
            cursor.execute(
                "INSERT INTO customer (number, legal_name, address, country, entity, currencies) "
                "VALUES (%s, 'ACME GmbH', '{Beispielstraße 5}', 'DE', 'nimbus-eu', '{EUR}')",
                [self.customer],
            )
        postings.open_customer(self.conn, customer=self.customer, **PLACE)

    def give(self, amount_minor: int, on: date) -> int:
        key = f"r{next(_keys)}"
        receipt = events.Receipt(key=key, account="GIRO", amount_minor=amount_minor, effective_on=on, **PLACE)
        postings.receive_many(self.conn, [receipt])
        credit = events.Credit(
            key=f"{key}+", source=key, customer=self.customer, amount_minor=amount_minor, effective_on=on,
            deposit="D-1", **PLACE,
        )  # fmt: skip
        return postings.credit_many(self.conn, [credit])[0].transfer_id

    def pay(self, amount_minor: int, on: date) -> None:
        key = f"p{next(_keys)}"
        postings.pay(
            self.conn, key=key, customer=self.customer, amount_minor=amount_minor, effective_on=on,
            cause=f"order {key}", **PLACE,
        )  # fmt: skip

    def issue(self, **request: Any) -> Issued:
        return Statements(self.engine).issue(StatementRequest(customer=self.customer, **request))

    def paper(self, **request: Any) -> Paper:
        issued = self.issue(**request)
        row = self.conn.execute("SELECT content FROM document WHERE id = %s", [issued.document_id]).fetchone()
        assert row
        return read_paper(row[0])

    def statement(self, period: str, **request: Any) -> AccountStatement:
        paper = self.paper(period=period, **request)
        assert isinstance(paper, AccountStatement)
        return paper


@pytest.fixture
def engine(database: Database) -> Engine:
    apply(SETUP, database.app_url)
    return engine_of(database.app_url)


@pytest.fixture
def desk(database: Database, engine: Engine) -> Iterator[Desk]:
    """On 20 November 2026."""
    desk = Desk(database.app_url, engine)
    with time_machine.travel(datetime(2026, 11, 20, 12, tzinfo=UTC), tick=False):
        yield desk
    desk.conn.close()


def amounts(statement: AccountStatement) -> list[int]:
    return [line.amount_minor for line in statement.lines]


class TestMonths:
    def test_movements_lead_from_the_opening_to_the_closing_balance(self, desk: Desk) -> None:
        desk.give(1_000, date(2026, 9, 10))
        desk.pay(300, date(2026, 10, 5))
        desk.give(50, date(2026, 10, 7))
        desk.pay(200, date(2026, 11, 1))
        october = desk.statement("2026-10")
        assert (october.opening_minor, amounts(october), october.closing_minor) == (1_000, [-300, 50], 750)
        assert (october.final, october.lines[0].about[:5], october.lines[1].about) == (True, "order", "D-1")
        assert amounts(desk.statement("2026-09")) == [1_000]
        november = desk.statement("2026-11")
        assert (november.opening_minor, amounts(november), november.final) == (750, [-200], False)
        assert november.through_on == date(2026, 11, 20)

    def test_bills_and_what_a_void_one_gave_back_are_told_by_their_number_and_lines(self, desk: Desk) -> None:
        desk.give(100, date(2026, 10, 10))
        lines = [Line("Storage", 40), Line("Compute", 20)]
        issue_bill(
            desk.conn,
            number="I-7",
            customer=desk.customer,
            currency="EUR",
            due_on=date(2026, 12, 1),
            lines=lines,
        )
        void_bill(desk.conn, number="I-7", by="First Operator", reason="billed twice")
        due, lines = date(2026, 12, 1), [Line("Storage", 5), Line("Storage", 5)]
        issue_bill(desk.conn, number="I-8", customer=desk.customer, currency="EUR", due_on=due, lines=lines)
        [now] = desk.conn.execute("SELECT now()").fetchone() or []  # by the database's own clock
        with time_machine.travel(now + timedelta(days=1), tick=False):
            running = desk.statement(f"{now.astimezone(UTC):%Y}")
        assert [(line.kind, line.about, line.amount_minor, line.parts) for line in running.lines[-3:]] == [
            ("bill", "I-7", -60, (("Storage", 40), ("Compute", 20))),
            ("void-bill", "I-7", 60, (("Storage", 40), ("Compute", 20))),
            ("bill", "I-8", -10, ()),
        ]

    def test_the_same_month_again_is_the_same_paper(self, desk: Desk) -> None:
        desk.give(1_000, date(2026, 10, 10))
        first = desk.issue(period="2026-10")
        desk.give(5, date(2026, 10, 11))
        assert desk.issue(period="2026-10") == first

    def test_what_is_recorded_late_is_in_the_next_month_once(self, desk: Desk) -> None:
        desk.give(1_000, date(2026, 10, 10))
        desk.pay(10, date(2026, 11, 2))
        desk.issue(period="2026-10")
        desk.give(5, date(2026, 10, 11))
        november = desk.statement("2026-11")
        assert (november.opening_minor, amounts(november)) == (1_000, [5, -10])
        assert november.lines[0].effective_on == date(2026, 10, 11)
        assert desk.statement("2026-10").closing_minor == 1_000

    def test_an_empty_month_stays_empty_when_something_is_recorded_late(self, desk: Desk) -> None:
        assert amounts(desk.statement("2026-09")) == []
        desk.give(5, date(2026, 9, 11))
        assert amounts(desk.statement("2026-09")) == []
        assert amounts(desk.statement("2026-08")) == []
        october = desk.statement("2026-10")
        assert (october.opening_minor, amounts(october)) == (0, [5])

    def test_holds_what_comes_and_what_is_owed_are_told(self, desk: Desk) -> None:
        desk.give(1_000, date(2026, 10, 10))
        postings.hold(
            desk.conn,
            key="h1",
            customer=desk.customer,
            amount_minor=70,
            effective_on=date(2026, 10, 20),
            **PLACE,
        )
        october = desk.statement("2026-10")
        assert (october.closing_minor, october.held_minor, october.receivable_minor) == (1_000, 70, 0)
        desk.pay(930, date(2026, 11, 2))
        source = desk.conn.execute(
            "SELECT key FROM ledger_transfer WHERE kind = 'receipt' AND amount_minor = 1000"
        ).fetchone()
        assert source
        postings.reverse_receipt(
            desk.conn, key="back", source=source[0], amount_minor=1_000, effective_on=date(2026, 11, 3)
        )
        november = desk.statement("2026-11")
        assert (november.held_minor, november.receivable_minor) == (70, 1_000)

    @given(moves=st.lists(st.tuples(st.integers(0, 4), st.integers(1, 100), st.booleans()), max_size=8))
    @settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_whatever_is_recorded_when_each_movement_is_in_one_statement_and_the_chain_holds(
        self, database: Database, engine: Engine, moves: list[tuple[int, int, bool]]
    ) -> None:
        desk, months = Desk(database.app_url, engine), ["2026-06", "2026-07", "2026-08", "2026-09", "2026-10"]
        with time_machine.travel(datetime(2026, 11, 20, 12, tzinfo=UTC), tick=False):
            for month, amount, issues in moves:
                desk.give(amount, date(2026, 6 + month, 15))
                if issues:
                    desk.issue(period=months[-1 - month])
            papers = [desk.statement(period) for period in [*months, "2026-11"]]
        desk.conn.close()
        assert papers[0].opening_minor == 0
        for earlier, later in itertools.pairwise(papers):
            assert later.opening_minor == earlier.closing_minor
        told = [line.amount_minor for paper in papers for line in paper.lines]
        assert sorted(told) == sorted(amount for _, amount, _ in moves)


class TestYearsAndDays:
    def test_a_year_goes_from_december_to_december(self, desk: Desk) -> None:
        desk.give(1_000, date(2024, 12, 30))
        desk.pay(300, date(2025, 5, 5))
        desk.pay(100, date(2025, 12, 31))
        desk.pay(50, date(2026, 1, 1))
        year = desk.statement("2025")
        assert (year.opening_minor, amounts(year), year.closing_minor) == (1_000, [-300, -100], 600)
        assert desk.statement("2025-12").closing_minor == desk.statement("2026-01").opening_minor == 600
        running = desk.statement("2026")
        assert (running.final, running.opening_minor, amounts(running)) == (False, 600, [-50])

    def test_as_of_an_earlier_day(self, desk: Desk) -> None:
        desk.give(1_000, date(2026, 10, 10))
        desk.pay(300, date(2026, 10, 20))
        early = desk.statement("2026-10", as_of=date(2026, 10, 15))
        assert (early.closing_minor, early.through_on, early.final) == (1_000, date(2026, 10, 15), False)
        assert desk.statement("2026-10", as_of=date(2026, 10, 31)) == desk.statement("2026-10")

    def test_as_it_was_recorded_by_a_day(self, desk: Desk) -> None:
        [recorded] = desk.conn.execute("SELECT now()").fetchone() or []  # by the database's own clock
        desk.give(1_000, date(2026, 10, 10))
        with time_machine.travel(
            max(recorded, datetime(2026, 11, 1, tzinfo=UTC)) + timedelta(days=2), tick=False
        ):
            for days, closing in ((-1, 0), (0, 1_000)):
                day = recorded.astimezone(UTC).date() + timedelta(days=days)
                shown = desk.statement("2026-10", recorded_by=day)
                assert (shown.closing_minor, shown.final) == (closing, False)
                assert shown.recorded_until == datetime.combine(day, time(23, 59, 59), UTC)

    def test_a_month_that_was_closed_before_says_until_when_it_was_recorded(self, desk: Desk) -> None:
        desk.give(1_000, date(2026, 10, 10))
        november = desk.statement("2026-11")  # closes October
        october = desk.statement("2026-10")
        assert october.recorded_until == november.recorded_until
        assert (desk.statement("2026-08").recorded_until, desk.statement("2026-08").lines) == (
            november.recorded_until, ()
        )  # fmt: skip


class TestReceipts:
    def test_for_a_credit_once(self, desk: Desk) -> None:
        credit = desk.give(1_000, date(2026, 10, 10))
        paper = desk.paper(credit=credit)
        assert isinstance(paper, CreditReceipt)
        assert (paper.line.amount_minor, paper.line.about, paper.number[:3]) == (1_000, "D-1", "CR-")
        assert desk.issue(credit=credit) == desk.issue(credit=credit)

    def test_for_nothing_else(self, desk: Desk) -> None:
        desk.give(1_000, date(2026, 10, 10))
        with pytest.raises(StatementRefused, match="has no credit 999"):
            desk.issue(credit=999)


class TestRefusals:
    def test_each_is_a_sentence(self, desk: Desk) -> None:
        for request, sentence in (
            ({"period": "2027-01"}, "2027-01 has not begun"),
            ({"period": "2026-10", "currency": "JPY"}, "has no balance in JPY"),
            ({"period": "2026-10", "recorded_by": date(2026, 11, 20)}, "is not past"),
        ):
            with pytest.raises(StatementRefused, match=sentence):
                desk.issue(**request)
        postings.open_customer(desk.conn, customer=desk.customer, entity="nimbus-eu", currency="USD")
        with pytest.raises(
            StatementRefused, match="several balances: EUR with nimbus-eu, USD with nimbus-eu"
        ):
            desk.issue(period="2026-10")
