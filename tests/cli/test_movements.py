"""`prepay records`: pages, filters and files."""

import csv
import json
import os
from pathlib import Path

import psycopg
import pytest

from tests.cli.conftest import Cli
from tests.conftest import Database
from tests.ledger.conftest import Book


@pytest.fixture
def paid(prepay: Cli, database: Database) -> Cli:
    """A customer with a credit, a payment and a hold."""
    with psycopg.connect(database.app_url, autocommit=True) as conn:
        book = Book(conn)
        book.open("A")
        book.give("A", "r1", 10_000)
        book.pay("A", "=order", 2_500)
        book.hold("A", "hold-1", 1_000)
    return prepay


class TestRecords:
    def test_a_table_for_people_and_a_cursor_to_the_older_ones(self, paid: Cli) -> None:
        first = paid("records", "A", "--limit", 1)
        assert "Hold" in first.out
        assert "75.00 EUR" in first.out
        cursor = first.out.split("--after ")[1].strip()
        second = json.loads(paid("records", "A", "--after", cursor, "--totals", "--json").out)
        assert [r["kind"] for r in second["records"]] == ["pay", "credit"]
        assert second["older"] is None
        assert second["totals"][0]["out_minor"] == 2_500

    def test_filters(self, paid: Cli) -> None:
        found = json.loads(
            paid("records", "A", "--kind", "payment", "--currency", "eur", "--min", "25", "--json").out
        )
        assert [r["key"] for r in found["records"]] == ["=order"]
        refused = paid("records", "A", "--from", "yesterday")
        assert refused.err == (
            'prepay: The filter is refused: `from_on` must be a day such as "2027-01-31".\n'
        )

    @pytest.mark.parametrize("ending", ["csv", "xlsx"])
    def test_a_file_is_there_when_it_is_whole(self, paid: Cli, tmp_path: Path, ending: str) -> None:
        out = tmp_path / f"r.{ending}"
        assert json.loads(paid("records", "A", "-o", out, "--json").out) == {
            "file": str(out), "records": 3
        }  # fmt: skip
        assert list(tmp_path.glob(f"*.{ending}")) == [out]
        if ending == "csv":
            rows = list(csv.DictReader(out.read_text("utf-8-sig").splitlines()))
            assert [row["Reference"] for row in rows] == ["r1+", "'=order", "hold-1"]

    def test_what_cannot_be_written_leaves_nothing(self, paid: Cli, tmp_path: Path) -> None:
        done = paid("records", "A", "-o", tmp_path / "r.txt")
        assert (done.code, done.err) == (1, "prepay: 'r.txt' ends in neither .csv nor .xlsx.\n")

    def test_a_name_of_any_bytes_can_be_told(self, paid: Cli, tmp_path: Path) -> None:
        out = tmp_path / os.fsdecode(b"r\xff.csv")
        done = paid("records", "A", "-o", out)
        assert done.code == 0, done.err
        assert "3 records" in done.out
        refused = paid("records", "A", "-o", out.with_suffix(".txt"))
        assert refused.err == "prepay: 'r\\udcff.txt' ends in neither .csv nor .xlsx.\n"
