"""What a customer owes: what open bills lack, and the newest usage of each product and period."""

from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import Session

import activities.setup_file
from activities.database import make_engine
from activities.owed import Owed, owed
from tests.office import SETUP

_BILL = text("""
    INSERT INTO bill (number, content_hash, customer_id, account_id, entity, currency, amount_minor, due_on, period,
        stage, paid_minor, voided_at, voided_by, voided_reason)
    SELECT :number, '', c.id, a.id, c.entity, a.currency, :amount, '2026-12-15', :period, :stage, :paid,
        CASE :stage WHEN 'void' THEN now() END, CASE :stage WHEN 'void' THEN 'x' END,
        CASE :stage WHEN 'void' THEN 'x' END
    FROM customer c JOIN ledger_account a ON a.kind = 'customer' AND a.holder = c.number WHERE c.number = 'C-1001'
""")
_USAGE = text("""
    INSERT INTO usage_report (report_id, content_hash, customer_id, entity, currency, product, period, amount_minor)
    SELECT :report, '', id, entity, 'EUR', :product, :period, :amount FROM customer WHERE number = 'C-1001'
""")


class Desk:
    def __init__(self, session: Session) -> None:
        self._session = session

    def bill(self, number: str, amount: int, stage: str = "issued", paid: int = 0, period: str = "") -> None:
        values = {"number": number, "amount": amount, "stage": stage, "paid": paid, "period": period}
        self._session.execute(_BILL, values)

    def usage(self, report: str, product: str, period: str, amount: int) -> None:
        values = {"report": report, "product": product, "period": period, "amount": amount}
        self._session.execute(_USAGE, values)

    @property
    def owed(self) -> Owed:
        customer = self._session.execute(text("SELECT id FROM customer WHERE number = 'C-1001'")).scalar_one()
        return owed(self._session, customer, "nimbus-eu", "EUR")


@pytest.fixture
def desk(database: Any) -> Any:
    """Rolled back: the bills of these tests are rows without postings."""
    activities.setup_file.apply(SETUP, database.app_url)
    engine = make_engine(database.owner_url, 1)
    with Session(engine) as session:
        yield Desk(session)
        session.rollback()
    engine.dispose()


class TestOwed:
    def test_nothing_is_owed_at_first(self, desk: Desk) -> None:
        assert desk.owed == Owed(0, 0)

    def test_open_bills_count_with_what_they_lack(self, desk: Desk) -> None:
        desk.bill("1", 1000)
        desk.bill("2", 500, "part_paid", 200)
        desk.bill("3", 700, "paid", 700)
        desk.bill("4", 900, "void")
        assert desk.owed == Owed(1300, 0)
        assert desk.owed.total_minor == 1300

    def test_the_newest_report_of_a_product_and_period_counts(self, desk: Desk) -> None:
        desk.usage("a", "Compute", "2026-11", 100)
        desk.usage("b", "Compute", "2026-11", 130)
        desk.usage("c", "Storage", "2026-11", 7)
        desk.usage("d", "Compute", "2026-12", 1)
        assert desk.owed == Owed(0, 138)

    def test_a_bill_of_the_period_clears_its_usage_until_it_is_void(self, desk: Desk) -> None:
        desk.usage("a", "Compute", "2026-11", 100)
        desk.usage("b", "Compute", "2026-12", 30)
        desk.bill("1", 95, "void", period="2026-11")
        assert desk.owed == Owed(0, 130)
        desk.bill("2", 95, period="2026-11")
        assert desk.owed == Owed(95, 30)
