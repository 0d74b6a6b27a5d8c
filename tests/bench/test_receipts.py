"""The bench of receipts in a short form: what it measures is done, and each row says all that is printed."""

import pytest

from bench import bank_office, receipts
from bench.pgbench import BenchDatabase
from tests.bench.test_bank_files import KEYS
from tests.conftest import Server


@pytest.mark.timeout(300)
def test_look_ups_and_opening_are_measured(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, number in (("FEW", 20), ("MANY", 60), ("DEPOSITS", 20), ("TIMES", 3)):
        monkeypatch.setattr(receipts, name, number)
    monkeypatch.setattr(bank_office, "CUSTOMERS", 10)
    database = server.database("postgres")
    rows = receipts.measure(BenchDatabase(database.app_url, database.owner_url, database.superuser_url), 1)
    assert [set(row) for row in rows] == [KEYS] * 6
    assert all(row["ours"] > 0 for row in rows)
