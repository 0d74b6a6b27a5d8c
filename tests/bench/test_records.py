"""The benches of records, statements and exports in a short form: what they measure is done, and told in full."""

from typing import Any

import pytest

from bench import exports, records, statements
from bench.pgbench import BenchDatabase
from tests.bench.test_bank_files import KEYS
from tests.conftest import Server


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("bench", "short", "rows"),
    [
        (records, {"FEW": 40, "MANY": 400, "TIMES": 2}, 3),
        (statements, {"MOVEMENTS": 60}, 3),
        (exports, {"FEW": 40, "MANY": 400, "ENDINGS": ("xlsx",)}, 2),
    ],
    ids=lambda given: getattr(given, "__name__", ""),
)
def test_it_measures(
    server: Server, monkeypatch: pytest.MonkeyPatch, bench: Any, short: dict[str, Any], rows: int
) -> None:
    for name, number in short.items():
        monkeypatch.setattr(bench, name, number)
    database = server.database("postgres")
    measured = bench.measure(BenchDatabase(database.app_url, database.owner_url, database.superuser_url), 1)
    assert [set(row) for row in measured] == [KEYS] * rows
    assert all(row["ours"] > 0 for row in measured)
