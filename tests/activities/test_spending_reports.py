"""What the reports and looks over spending say: use by product, low balances, the pace, and what `explain` names."""

from datetime import UTC, date, datetime, timedelta
from typing import Any, cast

import psycopg
import pytest
from sqlmodel import Session
from temporalio.client import Client

from activities.database import make_engine
from activities.explain import explain_balances
from activities.low_balances import tell_low_balances
from activities.setup_file import apply
from activities.use_report import use_report
from bankfiles.sample import Payment
from cli.report import products
from prepay.client import PrepayClient, Refused
from tests.activities.test_bank_files import SETUP, Desk
from tests.conftest import Database, engine_of

DUE = date(2999, 1, 1)


@pytest.fixture
def desk(database: Database) -> Desk:
    apply(SETUP, database.app_url)
    engine = engine_of(database.app_url)
    return Desk(database, engine)


@pytest.fixture
async def client(desk: Desk) -> Any:
    async with await PrepayClient.connect(desk.url, cast("Client", object())) as client:
        yield client


def deposit(desk: Desk, amount_minor: int) -> str:
    """A deposit for "Compute" whose money has come; its number."""
    issued = desk.issue()
    # Whatever was asked for, all that comes is credited.
    desk.pay(Payment(amount_minor, f"R{amount_minor}", structured=issued.reference))
    return str(issued.number)


def used(url: str) -> dict[tuple[str | None, str | None], int]:
    return {(r["intended"], r["went_to"]): r["amount_minor"] for r in use_report(url, "C-1001")}


class TestUse:
    async def test_an_order_for_another_product_than_intended(self, desk: Desk, client: PrepayClient) -> None:
        deposit(desk, 10_000)
        await client.pay_order("1", "C-1001", "40.00", "EUR", product="Storage")
        await client.pay_order("2", "C-1001", "10.00", "EUR", product="Compute")
        await client.refund_order("1", "5.00")
        assert used(desk.url) == {
            ("Compute", "Storage"): 3_500,
            ("Compute", "Compute"): 1_000,
            ("Compute", None): 5_500,
        }
        compute, storage = products(use_report(desk.url))
        assert (compute["meant_minor"], compute["spent_minor"]) == (10_000, 1_000)
        assert (storage["product"], storage["difference_minor"]) == ("Storage", 3_500)

    async def test_lines_of_a_bill_over_several_lots_meet_to_the_unit(
        self, desk: Desk, client: PrepayClient
    ) -> None:
        first, _ = deposit(desk, 3_001), deposit(desk, 9_000)
        await client.change_intended_use(first, "Storage")
        lines = [("Compute", "70.00"), ("Storage", "30.00")]
        await client.issue_bill("I-1", "C-1001", "EUR", lines, due_on=DUE)
        assert used(desk.url) == {
            ("Storage", "Compute"): 3_001,
            ("Compute", "Compute"): 3_999,
            ("Compute", "Storage"): 3_000,
            ("Compute", None): 2_001,
        }

    async def test_a_void_bill_went_nowhere(self, desk: Desk, client: PrepayClient) -> None:
        deposit(desk, 5_000)
        await client.issue_bill("I-1", "C-1001", "EUR", [("Compute", "50.00")], due_on=DUE)
        with psycopg.connect(desk.url) as conn:
            conn.execute("SELECT ledger_void_bill('I-1', 'First Operator', 'billed twice')")
        assert used(desk.url) == {("Compute", None): 5_000}


class TestIntendedUse:
    async def test_it_changes_before_spending_and_keeps_its_history(
        self, desk: Desk, client: PrepayClient
    ) -> None:
        number = deposit(desk, 5_000)
        await client.change_intended_use(number, "Storage", request_id="a")
        await client.change_intended_use(number, "Storage", request_id="a")
        changes = await client.change_intended_use(number, "Database", request_id="b")
        assert [(c.was, c.product) for c in changes] == [("Compute", "Storage"), ("Storage", "Database")]
        with pytest.raises(Refused, match="to another product before"):
            await client.change_intended_use(number, "Compute", request_id="a")

    async def test_not_once_some_of_it_is_spent(self, desk: Desk, client: PrepayClient) -> None:
        number = deposit(desk, 5_000)
        await client.pay_order("1", "C-1001", "0.01", "EUR", product="Storage")
        with pytest.raises(Refused, match="was spent already"):
            await client.change_intended_use(number, "Storage")
        with pytest.raises(Refused, match="There is no deposit"):
            await client.change_intended_use("D-9", "Storage")


class TestLowBalance:
    async def test_they_are_told_once_for_each_crossing(self, desk: Desk, client: PrepayClient) -> None:
        deposit(desk, 10_000)
        await client.notify_below("C-1001", "EUR", "50.00")
        engine = make_engine(desk.url, 1)

        def told() -> int:
            with Session(engine) as session, session.begin():
                return tell_low_balances(session)

        assert told() == 0
        await client.pay_order("1", "C-1001", "50.01", "EUR", product="Compute")
        assert [told(), told()] == [1, 0]
        await client.refund_order("1", "0.01")
        assert told() == 0
        await client.pay_order("2", "C-1001", "0.01", "EUR", product="Compute")
        assert told() == 1
        engine.dispose()
        notices = desk.rows("SELECT subject, body FROM notice WHERE kind = 'low_balance' ORDER BY id")
        assert len(notices) == 2
        assert "49.99 EUR are available" in str(notices[0]["body"])


class TestPace:
    async def test_it_says_until_when_the_balance_lasts(self, desk: Desk, client: PrepayClient) -> None:
        deposit(desk, 10_000)
        [before] = await client.balance("C-1001")
        assert before.lasts_until is None
        await client.pay_order("1", "C-1001", "50.00", "EUR", product="Compute")
        [after] = await client.balance("C-1001")
        now = datetime.now(UTC)
        # As long again as the month has lasted, or a day.
        elapsed = max(now - now.replace(day=1, hour=0, minute=0, second=0, microsecond=0), timedelta(days=1))
        assert after.lasts_until is not None
        assert abs(after.lasts_until - (now + elapsed).date()) <= timedelta(days=1)

    async def test_what_lasts_for_ages_says_nothing(self, desk: Desk, client: PrepayClient) -> None:
        deposit(desk, 10**12)
        await client.pay_order("1", "C-1001", "0.01", "EUR", product="Compute")
        [balance] = await client.balance("C-1001")
        assert balance.lasts_until is None


class TestExplain:
    async def test_it_names_orders_bills_and_what_is_left_of_each_deposit(
        self, desk: Desk, client: PrepayClient
    ) -> None:
        first, second = deposit(desk, 3_000), deposit(desk, 9_000)
        soon = datetime(2999, 1, 1, tzinfo=UTC)
        await client.authorise_order("1", "C-1001", "10.00", "EUR", product="Storage", expires_at=soon)
        await client.capture_order("1")
        await client.issue_bill(
            "I-1", "C-1001", "EUR", [("Compute", "20.00"), ("Storage", "30.00")], due_on=DUE
        )
        [balance] = explain_balances(desk.url, "C-1001", "EUR", 50)
        left = {d["deposit"]: (d["brought_minor"], d["left_minor"]) for d in balance["deposits"]}
        assert left == {first: (3_000, 0), second: (9_000, 6_000)}
        spent = {m["kind"]: m["spent_on"] for lot in balance["lots"] for m in lot["movements"]}
        assert spent["capture"] == {"order": "1", "product": "Storage"}
        assert (spent["pay"]["bill"], len(spent["pay"]["lines"])) == ("I-1", 2)
