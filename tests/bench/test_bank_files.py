"""The benches of bank files in a short form: what they measure is done, and each row says all that is printed."""

from pathlib import Path
from typing import Any

import pytest

from activities.database import make_engine
from bench import bank_files, bank_office, growth
from bench.pgbench import BenchDatabase
from tests.conftest import Server

KEYS = {"name", "ours", "unit", "against", "theirs", "ratio", "goal", "rounds"}


# Files are posted by processes of their own, which begin slowly on a loaded machine.
pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def bench_server(server: Server, monkeypatch: pytest.MonkeyPatch) -> BenchDatabase:
    monkeypatch.setattr(bank_office, "CUSTOMERS", 10)
    database = server.database("postgres")
    return BenchDatabase(database.app_url, database.owner_url, database.superuser_url)


def check(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        assert set(row) == KEYS
        assert row["rounds"] == 1
        assert row["ours"] > 0
        assert row["theirs"] > 0
        assert row["ratio"] >= 0


def test_a_file_is_posted_beside_its_raw_parts(
    bench_server: BenchDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, entries in (("ENTRIES", 60), ("FEW", 10)):
        monkeypatch.setattr(bank_files, name, entries)
    rows = bank_files.measure(bench_server, 1)
    check(rows)
    against = [row["against"] for row in rows]
    assert against == ["what we ask for", bank_files.WALK, bank_files.COPY, "10 credits"]


def test_growth_posts_the_same_among_few_and_many_and_finds_what_matches(
    bench_server: BenchDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, number in (("ENTRIES", 20), ("FEW", 20), ("MANY", 200)):
        monkeypatch.setattr(growth, name, number)
    rows = growth.measure(bench_server, 1)
    check(rows)
    assert [row["against"] for row in rows] == ["20 open deposits", "what we ask for"]


def test_a_file_that_does_not_credit_all_is_no_measurement(
    bench_server: BenchDatabase, tmp_path: Path
) -> None:
    path = tmp_path / "bank.xml"
    path.write_bytes(bank_office.content(bank_office.wanted("camt.054", 3, 1, 3)))
    with bank_office.office(bench_server, "bench_uncredited", 2) as database:
        engine = make_engine(database.app_url, 2)
        with pytest.raises(bank_office.NotCredited, match="2 of its 3 entries credited"):
            bank_office.post(engine, path)
        engine.dispose()
