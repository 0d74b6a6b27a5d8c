"""The benches of spending in a short form: the last cent, and bills whose settlement is killed in the middle."""

from typing import Any

import psycopg
import pytest

import activities.setup_file
from bench import bills, last_cent
from ledger.checks import run_checks
from tests.conftest import Database
from tests.office import SETUP


@pytest.fixture
def url(database: Database) -> str:
    activities.setup_file.apply(SETUP, database.app_url)
    return database.app_url


async def test_fifty_clients_spend_one_balance_to_the_cent(url: str) -> None:
    orders, off = await last_cent.spend_all(url, 50, 2)
    assert off == [0, 0]
    assert orders > 50


@pytest.mark.timeout(200)
@pytest.mark.chaos
def test_bills_are_paid_in_order_and_once_although_who_settles_is_killed(url: str, monkeypatch: Any) -> None:
    monkeypatch.setattr(bills, "KILLED_AFTER", 0.02)
    with psycopg.connect(url) as conn:
        total = bills.issue(conn, 600)
        bills.money_comes(conn, total * 9 // 10)
    killed, _ = bills.settle_and_kill(url, 2)
    assert killed == 2
    with psycopg.connect(url) as conn:
        assert bills.in_order(conn) == pytest.approx(540, abs=3)
        assert [check for check in run_checks(conn) if check.breaches] == []
        [(paid,)] = conn.execute("SELECT sum(paid_minor) FROM bill").fetchall()
        assert paid == total * 9 // 10
