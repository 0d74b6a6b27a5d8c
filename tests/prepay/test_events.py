"""Events: each once, in one order for ever, and none before a cursor that was given."""

import asyncio
import threading
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime

import psycopg
import pytest

from ledger import bills, postings, seals
from ledger.bills import Line
from prepay.client import PrepayClient
from prepay.event_reading import EventReading
from prepay.events import Event
from prepay.wire import InputRefused
from tests.conftest import Database
from tests.ledger.conftest import PLACE, Book
from tests.office import SETUP


@pytest.fixture
async def reader(database: Database) -> AsyncIterator[EventReading]:
    async with await PrepayClient.connect(database.report_url) as client:
        yield client


@pytest.fixture
def book(database: Database) -> Book:
    """Each statement commits."""
    book = Book(psycopg.connect(database.app_url, autocommit=True))
    book.open("A", "B")
    return book


async def caught_up(
    reader: EventReading, count: int, limit: int = 1000, after: str | None = None
) -> list[Event]:
    """So many events from the cursor on. Other tests' transactions on the same server hold them up for a moment."""
    found: list[Event] = []
    async with asyncio.timeout(60):
        while len(found) < count:
            page = await reader.events(after, limit)
            found += page.events
            after = page.cursor
            if not page.events:
                await asyncio.sleep(0.02)
    assert len(found) == count
    return found


class TestOrder:
    @pytest.mark.parametrize("limit", [1, 3, 1000])
    async def test_from_the_beginning_and_from_every_cursor(
        self, book: Book, reader: EventReading, limit: int
    ) -> None:
        book.give("A", "r1", 1_000)
        for number in range(5):
            book.pay("A", f"p{number}", 10)
        every = await caught_up(reader, 7, limit)
        assert [event.name for event in every] == ["receipt", "credit", *["pay"] * 5]
        assert every[-1].key == "p4"
        for position, event in enumerate(every):
            page = await reader.events(event.cursor)
            rest = page.events
            assert [(e.subject, e.cursor) for e in rest] == [
                (e.subject, e.cursor) for e in every[position + 1 :]
            ]

    async def test_a_transaction_that_commits_late_is_not_lost(
        self, database: Database, book: Book, reader: EventReading
    ) -> None:
        book.give("A", "r1", 1_000)
        book.give("B", "r2", 1_000)
        before = await caught_up(reader, 4)
        with psycopg.connect(database.app_url) as slow:
            postings.pay(slow, key="slow", customer="A", amount_minor=1, **PLACE)  # takes its number first
            book.pay("B", "quick", 1)
            page = await reader.events(before[-1].cursor)
            assert page.events == []
        after = await caught_up(reader, 2, after=page.cursor)
        assert [event.key for event in after] == ["slow", "quick"]

    async def test_many_writers_and_a_reader_that_follows(
        self, database: Database, book: Book, reader: EventReading
    ) -> None:
        book.give("A", "r1", 1_000)
        book.give("B", "r2", 1_000)

        def write(customer: str, writer: int) -> None:
            with psycopg.connect(database.app_url, autocommit=True) as conn:
                for number in range(10):
                    postings.pay(conn, key=f"{writer}-{number}", customer=customer, amount_minor=1, **PLACE)

        writers = [threading.Thread(target=write, args=("AB"[n % 2], n)) for n in range(4)]
        for writer in writers:
            writer.start()
        followed = await caught_up(reader, 44, limit=7)
        for writer in writers:
            writer.join()
        assert [e.cursor for e in await caught_up(reader, 44)] == [e.cursor for e in followed]
        assert len({event.subject for event in followed}) == 44

    async def test_after_a_restore_they_go_on(
        self, database: Database, book: Book, reader: EventReading
    ) -> None:
        book.give("A", "r1", 1_000)
        before = await caught_up(reader, 2)
        with psycopg.connect(database.owner_url) as owner:
            seals.rebase(owner)
        book.pay("A", "p", 1)
        [event] = await caught_up(reader, 1, after=before[-1].cursor)
        assert (event.key, event.cursor.split(".")[0]) == ("p", "2")
        assert [e.subject for e in await caught_up(reader, 3)] == [
            *[e.subject for e in before],
            event.subject,
        ]


class TestStages:
    async def test_every_stage_in_the_transaction_that_writes_it(
        self, database: Database, reader: EventReading
    ) -> None:
        from activities.setup_file import apply

        apply(SETUP, database.app_url)
        with psycopg.connect(database.app_url) as conn:
            conn.execute(
                "INSERT INTO claim (customer_id, request_id, content_hash, amount_minor, currency, paid_on)"
                " SELECT id, 'r', 'h', 1, 'EUR', %s FROM customer WHERE number = 'C-1001'",
                [datetime.now(UTC).date()],
            )
            conn.execute("UPDATE claim SET stage = 'closed', ended_at = now(), answer = 'none'")
            conn.execute("UPDATE claim SET reminded = 1")
            [count] = conn.execute("SELECT count(*) FROM stage_event").fetchone() or [0]
        found = [e for e in await caught_up(reader, count) if e.noun == "claim"]
        assert [(e.what, e.name, e.customer) for e in found] == [
            ("stage", "waiting", "C-1001"), ("stage", "closed", "C-1001"),
        ]  # fmt: skip

    async def test_a_bill_is_told_by_its_number(self, database: Database, reader: EventReading) -> None:
        from activities.setup_file import apply

        apply(SETUP, database.app_url)
        with psycopg.connect(database.app_url) as conn:
            bills.issue(
                conn, number="I-7", customer="C-1001", currency="EUR", due_on=date(2026, 12, 15),
                lines=[Line("Compute", 60)],
            )  # fmt: skip
            bills.void(conn, number="I-7", by="First Operator", reason="billed twice")
            [count] = conn.execute("SELECT count(*) FROM stage_event").fetchone() or [0]
        found = [e for e in await caught_up(reader, count) if e.noun == "bill"]
        assert [(e.number, e.name, e.customer, e.entity, e.currency) for e in found] == [
            ("I-7", "issued", "C-1001", "nimbus-eu", "EUR"), ("I-7", "void", "C-1001", "nimbus-eu", "EUR"),
        ]  # fmt: skip

    def test_of_many_rows_that_one_statement_changes_those_that_come_to_another_stage_are_told(
        self, database: Database
    ) -> None:
        from activities.setup_file import apply

        apply(SETUP, database.app_url)
        with psycopg.connect(database.owner_url) as conn:
            conn.execute(
                "INSERT INTO bank_file (sha256, name, delivered_by, content, format, stage, reason)"
                " SELECT n::text, '', '', '', '', CASE n % 2 WHEN 0 THEN 'read' ELSE 'stored' END, ''"
                " FROM generate_series(1, 100) n"
            )
            conn.execute("UPDATE bank_file SET stage = 'read', name = 'changed'")
            told = conn.execute(
                "SELECT stage, count(*), count(DISTINCT subject) FROM stage_event WHERE noun = 'bank_file'"
                " GROUP BY 1 ORDER BY 1"
            ).fetchall()
            conn.rollback()
        assert told == [("read", 100, 100), ("stored", 50, 50)]

    def test_nobody_writes_them_by_hand(self, database: Database) -> None:
        with psycopg.connect(database.app_url) as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute(
                "INSERT INTO stage_event (epoch, xid, noun, subject, stage) VALUES (1, 1, 'x', 1, 'x')"
            )

    def test_every_table_with_a_stage_has_its_triggers(self, database: Database) -> None:
        with psycopg.connect(database.owner_url) as conn:
            without = conn.execute(
                "SELECT table_name FROM information_schema.columns c WHERE table_schema = 'public'"
                " AND column_name = 'stage' AND table_name <> 'stage_event' AND (SELECT count(*) FROM pg_trigger"
                " WHERE tgrelid = c.table_name::regclass AND tgname IN ('stage_begins', 'stage_changes')) <> 2"
            ).fetchall()
        assert without == []


class TestCursors:
    @pytest.mark.parametrize(
        "cursor",
        [
            "",
            "1",
            "1.2.3.4.x",
            "1.2.3.4.5.6",
            "99.0.0.0.0",
            "1.-2.0.0.0",
            "9" * 500,
            "١.0.0.0.0",
            "1.9223372036854775807.0.0.0",
            "1.0.0.0.9223372036854775807",
        ],
    )
    async def test_what_is_none_is_refused(self, book: Book, reader: EventReading, cursor: str) -> None:
        with pytest.raises(InputRefused, match="The cursor is refused"):
            await reader.events(cursor)
