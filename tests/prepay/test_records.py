"""Records: each movement once, with the balance after it, whatever is posted while somebody reads."""

import base64
import json
from collections.abc import AsyncIterator, Iterator
from datetime import date
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger import events, postings
from prepay.client import NotFound, PrepayClient
from prepay.movements import KINDS
from prepay.record_reading import RecordReading
from prepay.records import Record
from prepay.wire import InputRefused
from tests.conftest import Database
from tests.ledger.conftest import PLACE, Book


@pytest.fixture
def book(database: Database) -> Iterator[Book]:
    """Two customers, A and B, without money."""
    with psycopg.connect(database.app_url, autocommit=True) as conn:
        book = Book(conn)
        book.open("A", "B")
        yield book


@pytest.fixture
async def reader(database: Database) -> AsyncIterator[RecordReading]:
    """The client, as a role that only reads."""
    async with await PrepayClient.connect(database.report_url) as client:
        yield client


def tell(book: Book) -> None:
    """A little of everything."""
    book.give("A", "r1", 10_000)
    book.pay("A", "order-1", 2_500)
    book.hold("A", "hold-1", 1_000)
    postings.capture(book.conn, key="capture-1", hold="hold-1", amount_minor=400, final=True)
    postings.refund_order(book.conn, key="back-1", payment="order-1", amount_minor=500)
    book.give("A", "r2", 700)
    book.refund("A", "refund-1", 700)
    postings.void(book.conn, key="void-1", hold="refund-1")
    book.reverse("r2", 700)


async def all_pages(reader: RecordReading, limit: int, **only: Any) -> list[Record]:
    """Every page, to the last."""
    page = await reader.records("A", limit, only=only)
    found = page.records
    while page.older:
        page = await reader.records("A", limit, only=only, after=page.older)
        found += page.records
    return found


class TestRecords:
    async def test_each_movement_says_what_it_was_and_what_the_balance_is_after_it(
        self, book: Book, reader: RecordReading
    ) -> None:
        tell(book)
        found = (await reader.records("A")).records
        assert [
            (r.kind, r.amount_minor, r.held_minor, r.balance_minor, r.available_minor) for r in found
        ] == [
            ("reversal", -700, 0, 7_600, 7_600),
            ("void-refund", 0, -700, 8_300, 8_300),
            ("refund", 0, 700, 8_300, 7_600),
            ("credit", 700, 0, 8_300, 8_300),
            ("order-refund", 500, 0, 7_600, 7_600),
            ("void-hold", 0, -600, 7_100, 7_100),
            ("capture", -400, -400, 7_100, 6_500),
            ("hold", 0, 1_000, 7_500, 6_500),
            ("pay", -2_500, 0, 7_500, 7_500),
            ("credit", 10_000, 0, 10_000, 10_000),
        ]
        assert {r.kind for r in found} <= set(KINDS)
        assert book.balance("A").available_minor == 7_600

    async def test_credits_before_their_value_date_do_not_count_yet(
        self, book: Book, reader: RecordReading
    ) -> None:
        book.receive("r1", 100)
        book.credit("r1", "A", 100, value_on=date(2099, 1, 1))
        [record] = (await reader.records("A")).records
        assert (record.pending, record.amount_minor, record.pending_minor, record.balance_minor) == (
            True, 0, 100, 0
        )  # fmt: skip

    @pytest.mark.parametrize(
        ("only", "kinds"),
        [
            ({"kinds": ["hold"]}, ["void-hold", "hold"]),
            ({"kinds": ["payment"]}, ["order-refund", "capture", "pay"]),
            ({"kinds": ["pay", "reversal"]}, ["reversal", "pay"]),
            ({"text": "ORDER-1"}, ["pay"]),
            ({"text": "%"}, []),
            ({"currency": "EUR", "amount_from": "25.00"}, ["pay", "credit"]),
            ({"currency": "EUR", "amount_from": "4", "amount_to": "4.00"}, ["capture"]),
            ({"currency": "USD"}, []),
            ({"through_on": date(2001, 1, 1)}, []),
            ({"product": "Compute"}, []),
        ],
    )
    async def test_filters(self, book: Book, reader: RecordReading, only: Any, kinds: list[str]) -> None:
        tell(book)
        if only.get("currency") == "USD":
            postings.open_customer(book.conn, customer="A", entity="acme-de", currency="USD")
        everything = {r.id: r for r in (await reader.records("A")).records}
        found = await all_pages(reader, 1, **only)
        assert [r.kind for r in found] == kinds
        assert all(everything[r.id] == r for r in found)  # the balance is the same with a filter

    async def test_what_a_filter_comes_to(self, book: Book, reader: RecordReading) -> None:
        tell(book)
        [every] = await reader.record_totals("A")
        assert (every.records, every.in_minor - every.out_minor) == (10, 7_600)
        [some] = await reader.record_totals("A", only={"kinds": ["payment"]})
        assert (some.records, some.in_minor, some.out_minor) == (3, 500, 2_900)

    @pytest.mark.parametrize(
        ("only", "sentence"),
        [
            ({"kinds": ["gift"]}, "there is no kind 'gift'; there are deposit, credit"),
            ({"amount_from": "1"}, "a range of amounts needs the currency"),
            ({"amount_from": "-1", "currency": "EUR"}, "The amount '-1' in EUR is refused"),
            ({"amount_to": "1.001", "currency": "EUR"}, "EUR has 2 decimals"),
            ({"amount_to": "1", "currency": "XYZ"}, "'XYZ' is no ISO 4217"),
            ({"from_on": "2026-02-01", "through_on": "2026-01-01"}, "2026-02-01 is after 2026-01-01"),
            ({"colour": "red"}, "`colour` is not known"),
        ],
    )
    async def test_a_filter_that_cannot_be_meant_is_refused(
        self, reader: RecordReading, only: Any, sentence: str
    ) -> None:
        with pytest.raises(InputRefused, match=sentence.replace("(", r"\(")):
            await reader.records("A", only=only)

    async def test_nobody_has_no_records(self, reader: RecordReading) -> None:
        with pytest.raises(NotFound, match="There is no customer Z"):
            await reader.records("Z")


class TestPages:
    @given(limit=st.integers(1, 5), moved=st.lists(st.booleans(), max_size=8))
    @settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
    async def test_pages_are_those_of_the_first_ones_moment(
        self, book: Book, reader: RecordReading, limit: int, moved: list[bool]
    ) -> None:
        if not book.conn.execute("SELECT 1 FROM ledger_account WHERE code LIKE '%A:%USD'").fetchone():
            tell(book)
            postings.open_customer(book.conn, customer="A", entity="acme-de", currency="USD")
        usd = {**PLACE, "currency": "USD"}
        before = (await reader.records("A")).records
        page = await reader.records("A", limit)
        found = page.records
        for number, dollars in enumerate(moved):
            where = usd if dollars else PLACE
            key = f"late-{len(before)}-{number}-{limit}"
            receipt = events.Receipt(key=key, account="GIRO", amount_minor=5, **where)
            postings.receive_many(book.conn, [receipt])
            credit = events.Credit(key=f"{key}+", source=key, customer="A", amount_minor=5, **where)
            postings.credit_many(book.conn, [credit])
            if page.older:
                page = await reader.records("A", limit, after=page.older)
                found += page.records
        while page.older:
            page = await reader.records("A", limit, after=page.older)
            found += page.records
        assert found == before

    @pytest.mark.parametrize(
        "cursor", ["x", "e30", "W10", "W251bGxd", "A" * 20_000, "WyIiLFsxLDIsMywiYSJdXQ"]
    )
    async def test_a_cursor_of_nobody_is_refused(
        self, book: Book, reader: RecordReading, cursor: str
    ) -> None:
        with pytest.raises(InputRefused, match="The cursor is refused"):
            await reader.records("A", after=cursor)

    async def test_a_cursor_with_a_balance_that_nobody_has_is_refused(
        self, book: Book, reader: RecordReading
    ) -> None:
        tell(book)
        cursor = (await reader.records("A", 1)).older
        assert cursor
        bound, position = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        forged = base64.urlsafe_b64encode(
            json.dumps([bound, [*position[:2], 2**63 - 1, -(2**63) + 1]]).encode()
        ).decode()
        with pytest.raises(InputRefused, match="The cursor is refused"):
            await reader.records("A", after=forged)

    async def test_a_cursor_belongs_to_its_customer_and_filter(
        self, book: Book, reader: RecordReading
    ) -> None:
        tell(book)
        older = (await reader.records("A", 1)).older
        for customer, only in (("B", {}), ("A", {"kinds": ["hold"]})):
            with pytest.raises(InputRefused, match="another customer or filter"):
                await reader.records(customer, only=only, after=older)


class TestStream:
    async def test_all_of_them_the_oldest_first(self, book: Book, reader: RecordReading) -> None:
        tell(book)
        async with reader.stream_records("A") as stream:
            streamed = [record async for record in stream]
        assert streamed == (await reader.records("A")).records[::-1]
        async with reader.stream_records("A", only={"kinds": ["hold"]}) as stream:
            assert [record.kind async for record in stream] == ["hold", "void-hold"]
