"""What services spend: orders at once, holds, refunds, bills, usage and intended use, through the client."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import psycopg
import pytest
from temporalio.client import Client

from activities.bills import settle_bills
from activities.database import make_engine
from ledger import postings
from ledger.events import Credit, Receipt
from prepay.client import InsufficientBalance, NotFound, PrepayClient, Refused
from prepay.wire import InputRefused
from tests.conftest import Database

PLACE: dict[str, Any] = {"entity": "nimbus-eu", "currency": "EUR"}
SOON = datetime(2999, 1, 1, tzinfo=UTC)
DUE = date(2999, 1, 1)


class Shop:
    """A service, and the bank that brings customers' money."""

    def __init__(self, client: PrepayClient, database: Database) -> None:
        self.client = client
        self._url = database.app_url
        self._n = 0

    def give(self, amount_minor: int, customer: str = "C-1001", deposit: str | None = None) -> None:
        self._n += 1
        key = f"r{self._n}"
        with psycopg.connect(self._url) as conn:
            postings.receive_many(
                conn, [Receipt(key=key, account="GIRO", amount_minor=amount_minor, **PLACE)]
            )
            credit = Credit(
                key=f"{key}+",
                source=key,
                customer=customer,
                amount_minor=amount_minor,
                deposit=deposit,
                **PLACE,
            )
            postings.credit_many(conn, [credit])
        engine = make_engine(self._url, 1)
        while settle_bills(engine):
            pass
        engine.dispose()

    async def available(self, customer: str = "C-1001") -> int:
        [balance] = await self.client.balance(customer)
        return balance.available_minor

    async def pay(self, order: str, amount: str, product: str = "Compute") -> Any:
        return await self.client.pay_order(order, "C-1001", amount, "EUR", product=product)

    async def authorise(self, order: str, amount: str, expires_at: datetime = SOON) -> Any:
        return await self.client.authorise_order(
            order, "C-1001", amount, "EUR", product="Compute", expires_at=expires_at
        )

    async def bill(
        self, bill: str, *lines: tuple[str, str], customer: str = "C-1001", period: str = ""
    ) -> Any:
        return await self.client.issue_bill(bill, customer, "EUR", lines, due_on=DUE, period=period)


@pytest.fixture
async def shop(set_up: Database) -> AsyncIterator[Shop]:
    """No Temporal: nothing of spending needs it."""
    async with await PrepayClient.connect(set_up.app_url, cast("Client", object())) as client:
        yield Shop(client, set_up)


class TestPayingAnOrder:
    async def test_it_is_paid_once(self, shop: Shop) -> None:
        shop.give(10_000)
        first = await shop.pay("4711", "40.00", "Storage")
        again = await shop.pay("4711", "40.0", "Storage")
        assert (first.replayed, again.replayed, again.transfer) == (False, True, first.transfer)
        assert await shop.available() == 6_000
        order = await shop.client.order("4711")
        assert (order.product, order.stage, order.spent_minor) == ("Storage", "paid", 4_000)

    async def test_it_takes_one_round_trip_to_the_database(
        self, shop: Shop, database: Database, tmp_path: Path
    ) -> None:
        shop.give(10_000)
        alone = await PrepayClient.connect(database.app_url, cast("Client", object()), connections=1)
        async with alone as client:
            await client.pay_order("4710", "C-1001", "1.00", "EUR", product="Compute")
            with (tmp_path / "said").open("w") as said:
                async with client._pool.connection() as connection:
                    connection.pgconn.trace(said.fileno())
                await client.pay_order("4711", "C-1001", "40.00", "EUR", product="Compute")
                async with client._pool.connection() as connection:
                    connection.pgconn.untrace()
        # Whoever sends a Query or a Sync waits for the answer.
        sent = re.findall(r"\tF\t\d+\t(Query|Sync)", (tmp_path / "said").read_text())
        assert sent == ["Sync"]

    async def test_too_little_is_refused_with_what_is_available(self, shop: Shop) -> None:
        shop.give(10_000)
        with pytest.raises(
            InsufficientBalance, match=r"has 100.00 EUR available, 100.01 EUR is asked for"
        ) as e:
            await shop.pay("4711", "100.01")
        assert (e.value.available_minor, e.value.currency) == (10_000, "EUR")
        assert await shop.available() == 10_000

    @pytest.mark.parametrize("changed", [{"amount": "41.00"}, {"product": "Storage"}, {"customer": "C-1002"}])
    async def test_the_same_id_for_something_else_is_refused(
        self, shop: Shop, changed: dict[str, str]
    ) -> None:
        shop.give(10_000)
        shop.give(10_000, "C-1002")
        order = {"customer": "C-1001", "amount": "40.00", "currency": "EUR", "product": "Compute"}
        await shop.client.pay_order("4711", **order)
        with pytest.raises(Refused, match="used before"):
            await shop.client.pay_order("4711", **(order | changed))

    @pytest.mark.parametrize(
        ("order", "message"),
        [
            ({"amount": "0"}, "it is zero"),
            ({"amount": "1.001"}, "has 2 decimals"),
            ({"currency": "EURO"}, "`currency`"),
            ({"product": ""}, "`product` is empty"),
            ({"order": "x" * 81}, "more than 80"),
        ],
    )
    async def test_what_is_no_order_is_refused_in_a_sentence(
        self, shop: Shop, order: dict[str, str], message: str
    ) -> None:
        sound = {
            "order": "1",
            "customer": "C-1001",
            "amount": "1.00",
            "currency": "EUR",
            "product": "Compute",
        }
        with pytest.raises(InputRefused, match=message):
            await shop.client.pay_order(**(sound | order))

    async def test_nobody_and_no_account_are_said(self, shop: Shop) -> None:
        with pytest.raises(NotFound, match="customer C-9"):
            await shop.client.pay_order("1", "C-9", "1.00", "EUR", product="Compute")
        with pytest.raises(Refused, match="has no USD account"):
            await shop.client.pay_order("1", "C-1001", "1.00", "USD", product="Compute")

    async def test_a_role_that_reads_does_not_pay(self, shop: Shop, database: Database) -> None:
        async with await PrepayClient.connect(database.report_url, cast("Client", object())) as client:
            with pytest.raises(Refused, match="may only read"):
                await client.pay_order("1", "C-1001", "1.00", "EUR", product="Compute")


class TestHoldingForAnOrder:
    async def test_captured_in_parts_and_the_rest_freed(self, shop: Shop) -> None:
        shop.give(10_000)
        order = await shop.authorise("4711", "60.00")
        assert (order.stage, order.open_minor, await shop.available()) == ("authorised", 6_000, 4_000)
        order = await shop.client.capture_order("4711", "10.00", request_id="a")
        order = await shop.client.capture_order("4711", "10.00", request_id="a")
        assert (order.stage, order.spent_minor, order.open_minor) == ("part_captured", 1_000, 5_000)
        order = await shop.client.capture_order("4711", "20.00", final=True)
        assert (order.stage, order.spent_minor, await shop.available()) == ("captured", 3_000, 7_000)

    async def test_all_of_it(self, shop: Shop) -> None:
        shop.give(10_000)
        await shop.authorise("4711", "60.00")
        assert (await shop.client.capture_order("4711")).spent_minor == 6_000
        with pytest.raises(Refused, match="closed already"):
            await shop.client.capture_order("4711")

    async def test_never_more_than_is_held(self, shop: Shop) -> None:
        shop.give(10_000)
        await shop.authorise("4711", "60.00")
        with pytest.raises(Refused, match=r"The hold '4711' has 60.00 EUR left, 60.01 EUR is asked for"):
            await shop.client.capture_order("4711", "60.01")

    async def test_voided(self, shop: Shop) -> None:
        shop.give(10_000)
        await shop.authorise("4711", "60.00")
        for _ in range(2):
            assert (await shop.client.void_order("4711")).stage == "voided"
        assert await shop.available() == 10_000

    async def test_expired_by_itself(self, shop: Shop, database: Database) -> None:
        shop.give(10_000)
        await shop.authorise("4711", "60.00", datetime.now(UTC) + timedelta(milliseconds=300))
        with psycopg.connect(database.app_url) as conn:
            conn.execute("SELECT pg_sleep(0.35)")
            assert (await shop.client.order("4711")).stage == "expired"
            with pytest.raises(Refused, match="ended at"):
                await shop.client.capture_order("4711")
            postings.expire_holds(conn)
        assert (await shop.client.order("4711")).stage == "expired"
        assert await shop.available() == 10_000

    async def test_an_order_is_held_or_paid(self, shop: Shop) -> None:
        shop.give(10_000)
        await shop.authorise("4711", "60.00")
        with pytest.raises(Refused, match="used before"):
            await shop.pay("4711", "60.00")


class TestRefundingAnOrder:
    async def test_in_parts_and_never_above_what_was_paid(self, shop: Shop) -> None:
        shop.give(10_000)
        await shop.pay("4711", "40.00")
        for _ in range(2):
            order = await shop.client.refund_order("4711", "15.00", request_id="damaged")
        assert (order.stage, order.refunded_minor, await shop.available()) == (
            "part_refunded",
            1_500,
            7_500,
        )
        with pytest.raises(Refused, match=r"has 25.00 EUR left, 25.01 EUR is asked for"):
            await shop.client.refund_order("4711", "25.01")
        assert (await shop.client.refund_order("4711")).stage == "refunded"

    async def test_over_all_its_captures(self, shop: Shop) -> None:
        shop.give(10_000)
        await shop.authorise("4711", "60.00")
        await shop.client.capture_order("4711", "10.00")
        await shop.client.capture_order("4711", "20.00", final=True)
        order = await shop.client.refund_order("4711", "25.00")
        assert (order.refunded_minor, await shop.available()) == (2_500, 9_500)

    async def test_there_is_no_such_order(self, shop: Shop) -> None:
        with pytest.raises(NotFound, match="order 4711"):
            await shop.client.refund_order("4711")


class TestBills:
    async def test_paid_in_two_parts_as_money_arrives(self, shop: Shop) -> None:
        bill = await shop.bill("I-1", ("Compute", "60.00"), ("Storage", "40.00"))
        assert (bill.stage, bill.lacks_minor) == ("issued", 10_000)
        shop.give(5_000)
        bill = await shop.client.bill("I-1")
        assert (bill.stage, [line.paid_minor for line in bill.lines]) == ("part_paid", [3_000, 2_000])
        shop.give(7_000)
        bill = await shop.client.bill("I-1")
        assert (bill.stage, bill.paid_minor, await shop.available()) == ("paid", 10_000, 2_000)
        assert [lot.amount_minor for lot in bill.lots] == [5_000, 5_000]

    async def test_records_tell_what_bills_were_paid_and_what_a_void_one_gave_back(
        self, shop: Shop, database: Database
    ) -> None:
        shop.give(9_000)
        await shop.bill("I-1", ("Storage", "40.00"), ("Compute", "20.00"))
        await shop.pay("4711", "10.00")
        with psycopg.connect(database.app_url) as conn:
            conn.execute("SELECT ledger_void_bill('I-1', 'First Operator', 'billed twice')")
        found = (await shop.client.records("C-1001", only={"kinds": ["bill"]})).records
        assert [(r.kind, r.about, r.product, r.amount_minor) for r in found] == [
            ("void-bill", "I-1", "Compute, Storage", 6_000),
            ("bill", "I-1", "Compute, Storage", -6_000),
        ]
        paid = (await shop.client.records("C-1001", only={"kinds": ["payment"]})).records
        assert [r.about for r in paid] == ["4711"]

    async def test_records_of_a_product_are_also_bills_with_a_line_of_it(self, shop: Shop) -> None:
        shop.give(9_000)
        await shop.bill("I-1", ("Storage", "40.00"), ("Compute", "20.00"))
        await shop.pay("4711", "10.00")
        for product, abouts in (("Compute", ["4711", "I-1"]), ("Storage", ["I-1"]), ("Database", [])):
            found = (await shop.client.records("C-1001", only={"product": product})).records
            assert [r.about for r in found] == abouts

    async def test_the_same_number_again_gives_the_same_bill(self, shop: Shop) -> None:
        first = await shop.bill("I-1", ("Compute", "60.00"))
        assert await shop.bill("I-1", ("Compute", "60.0")) == first
        with pytest.raises(Refused, match="issued before with another content"):
            await shop.bill("I-1", ("Compute", "61.00"))

    async def test_by_name_where_they_are_not_paid_by_themselves(
        self, shop: Shop, database: Database
    ) -> None:
        with psycopg.connect(database.app_url) as conn:
            conn.execute("UPDATE customer SET auto_pay = false")
        await shop.bill("I-1", ("Compute", "60.00"))
        await shop.bill("I-2", ("Compute", "50.00"))
        shop.give(7_000)
        bill = await shop.client.pay_bill("I-2", "20.00", request_id="a")
        bill = await shop.client.pay_bill("I-2", "20.00", request_id="a")
        assert (bill.stage, bill.paid_minor) == ("part_paid", 2_000)
        assert (await shop.client.pay_bill("I-2")).stage == "paid"
        with pytest.raises(InsufficientBalance):
            await shop.client.pay_bill("I-1")
        assert [b.bill for b in await shop.client.bills("C-1001", stage="issued")] == ["I-1"]

    async def test_what_is_no_bill_is_refused_in_a_sentence(self, shop: Shop) -> None:
        with pytest.raises(InputRefused, match="`lines`"):
            await shop.bill("I-1")
        with pytest.raises(InputRefused, match="it is zero"):
            await shop.bill("I-1", ("Compute", "0.00"))
        with pytest.raises(InputRefused, match="`period`"):
            await shop.bill("I-1", ("Compute", "1.00"), period="2026-13")
        with pytest.raises(NotFound):
            await shop.client.bill("I-9")


UNUSABLE_PARTS: list[tuple[dict[str, Any], str]] = [
    ({"amount": "0"}, "it is zero"),
    ({"amount": "-1.00"}, "it is negative"),
    ({"amount": "1.001"}, "has 2 decimals"),
    ({"amount": 5}, "`amount` must be text in quotes"),
    ({"amount": "1" * 30}, "is refused"),
    ({"request_id": ""}, "`request_id` is empty"),
    ({"request_id": "x" * 101}, "more than 100"),
    ({"request_id": "a\x00b"}, "control character"),
]
NO_TEXT = ["a\x00b", "\ud800"]


class TestWhatCannotBeUsed:
    @pytest.mark.parametrize(("part", "message"), UNUSABLE_PARTS)
    async def test_a_part_of_an_order_or_a_bill_is_refused_in_a_sentence(
        self, shop: Shop, part: dict[str, Any], message: str
    ) -> None:
        shop.give(10_000)
        await shop.authorise("held", "20.00")
        await shop.pay("paid", "30.00")
        await shop.bill("I-1", ("Compute", "500.00"))
        for order, act in (("held", shop.client.capture_order), ("paid", shop.client.refund_order)):
            with pytest.raises(InputRefused, match=message):
                await act(order, **part)
        with pytest.raises(InputRefused, match=message):
            await shop.client.pay_bill("I-1", **part)

    @pytest.mark.parametrize("due_on", [date.min, date(1999, 12, 31), date(3000, 1, 1), date.max])
    async def test_a_due_date_has_days_before_and_after_it(self, shop: Shop, due_on: date) -> None:
        with pytest.raises(InputRefused, match="`due_on`"):
            await shop.client.issue_bill("I-1", "C-1001", "EUR", [("Compute", "1.00")], due_on=due_on)

    @pytest.mark.parametrize("text", NO_TEXT)
    async def test_text_that_no_database_holds_is_refused_in_a_sentence(self, shop: Shop, text: str) -> None:
        client = shop.client
        for ask in (
            client.order, client.capture_order, client.void_order, client.refund_order, client.bill, client.bills,
            client.pay_bill, client.usage, client.intended_uses, client.balance, client.records,
            client.record_totals, client.statement_by_number,
        ):  # fmt: skip
            with pytest.raises((Refused, InputRefused), match=r"\.$"):
                await ask(text)

    async def test_numbers_that_are_too_large_or_below_zero_are_too(self, shop: Shop) -> None:
        for ask, given in (
            (shop.client.bills, {"limit": -1}),
            (shop.client.bills, {"limit": 2**70}),
            (shop.client.credit_receipt, {"customer": "C-1001", "credit": 2**70}),
        ):
            with pytest.raises((Refused, InputRefused), match=r"\.$"):
                await cast("Any", ask)(**given)


class TestUsage:
    @pytest.mark.parametrize("amount", [".", "0..0", " . ", "-0"])
    async def test_what_is_no_amount_takes_nothing_back(self, shop: Shop, amount: str) -> None:
        await shop.client.report_usage("C-1001", "Compute", "2026-11", "10.00", "EUR")
        with pytest.raises(InputRefused, match="The amount"):
            await shop.client.report_usage("C-1001", "Compute", "2026-11", amount, "EUR")
        assert [u.amount_minor for u in await shop.client.usage("C-1001")] == [1_000]

    async def test_the_newest_report_counts_until_its_bill_comes(self, shop: Shop) -> None:
        report = shop.client.report_usage
        await report("C-1001", "Compute", "2026-11", "10.00", "EUR", report_id="a")
        await report("C-1001", "Compute", "2026-11", "12.00", "EUR", report_id="b")
        await report("C-1001", "Compute", "2026-11", "10.00", "EUR", report_id="a")
        await report("C-1001", "Storage", "2026-12", "3.00", "EUR")
        assert [u.amount_minor for u in await shop.client.usage("C-1001")] == [1_200, 300]
        await shop.bill("I-1", ("Compute", "11.00"), period="2026-11")
        assert [u.product for u in await shop.client.usage("C-1001")] == ["Storage"]

    async def test_zero_takes_it_back(self, shop: Shop) -> None:
        await shop.client.report_usage("C-1001", "Compute", "2026-11", "10.00", "EUR")
        await shop.client.report_usage("C-1001", "Compute", "2026-11", "0.00", "EUR")
        assert await shop.client.usage("C-1001") == []

    async def test_the_same_id_for_something_else_is_refused(self, shop: Shop) -> None:
        await shop.client.report_usage("C-1001", "Compute", "2026-11", "10.00", "EUR", report_id="a")
        with pytest.raises(Refused, match="sent before with another content"):
            await shop.client.report_usage("C-1001", "Compute", "2026-11", "11.00", "EUR", report_id="a")
        with pytest.raises(Refused, match="no USD account"):
            await shop.client.report_usage("C-1001", "Compute", "2026-11", "11.00", "USD")


class TestLowBalance:
    async def test_a_threshold_is_of_a_currency_that_the_customer_has(self, shop: Shop) -> None:
        await shop.client.notify_below("C-1001", "EUR", "50.00")
        await shop.client.notify_below("C-1001", "EUR", None)
        with pytest.raises(Refused, match="no balance in USD"):
            await shop.client.notify_below("C-1001", "USD", "50.00")
        with pytest.raises(NotFound):
            await shop.client.notify_below("C-9", "EUR", "50.00")
        with pytest.raises(NotFound):
            await shop.client.notify_below("C-9", "EUR", None)


class TestIntendedUse:
    async def test_there_is_no_such_deposit(self, shop: Shop) -> None:
        with pytest.raises(NotFound, match="There is no deposit D-1"):
            await shop.client.intended_uses("D-1")
        with pytest.raises(Refused, match="There is no deposit 'D-1'"):
            await shop.client.change_intended_use("D-1", "Storage")
