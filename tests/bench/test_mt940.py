"""The bench of MT940 in a short form: each kind of details is read by both, and each row says all that is printed."""

from typing import Any, cast

import pytest

from bench import mt940
from bench.pgbench import BenchDatabase
from tests.bench.test_bank_files import KEYS


def test_each_kind_of_details_is_read_beside_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mt940, "ENTRIES", 20)
    rows: list[dict[str, Any]] = mt940.measure(cast("BenchDatabase", None), 1)
    assert [set(row) for row in rows] == [KEYS] * len(mt940.DETAILS)
    assert all(row["ours"] > 0 for row in rows)
    assert all(row["against"] == "mt-940 alone" for row in rows)
