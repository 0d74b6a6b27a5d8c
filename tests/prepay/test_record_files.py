"""Files for spreadsheets: whatever text a payer wrote, nothing in them is run."""

import csv
import tempfile
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from prepay import record_files
from prepay.record_files import DANGEROUS, HEADINGS, harmless, open_records
from prepay.records import Record

ATTACKS = [
    '=HYPERLINK("http://example.com?"&A1)', "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(1)", "\t=1", "\r=1", "\n=1",
    " =1", "\u00a0=1", "＝1",
]  # fmt: skip
SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def record(**changes: Any) -> Record:
    """An ordinary one."""
    facts = {
        "id": 7, "created_at": datetime(2026, 10, 2, 8, 30, tzinfo=UTC), "effective_on": date(2026, 10, 1),
        "value_on": None, "kind": "deposit", "group": "deposit", "words": "Deposit", "pending": False,
        "amount_minor": -1250, "held_minor": 0, "pending_minor": 0, "balance_minor": 100_000,
        "available_minor": 100_000, "entity": "nimbus-eu", "currency": "EUR", "deposit": "D-2026-000001",
        "about": "D-2026-000001", "virtual_account": "",
        "product": "Compute", "cause": None, "key": "k", "payer": "ACME GmbH", "bank_reference": "B1",
    }  # fmt: skip
    return Record.model_construct(**{**facts, **changes})


def written(path: Path, *records: Record) -> Path:
    with open_records(path) as file:
        for one in records:
            file.write(one)
    return path


def cells(path: Path, sheet: int = 1) -> list[list[tuple[str | None, str]]]:
    """Type and content of each cell of a sheet."""
    with zipfile.ZipFile(path) as parts:
        root = etree.fromstring(parts.read(f"xl/worksheets/sheet{sheet}.xml"))
    assert not list(root.iter(f"{SHEET}f"))
    return [
        [(c.get("t"), "".join(c.itertext())) for c in row.iter(f"{SHEET}c")]
        for row in root.iter(f"{SHEET}row")
    ]


class TestCsv:
    def test_a_row_is_plain(self, tmp_path: Path) -> None:
        raw = written(tmp_path / "r.csv", record()).read_bytes()
        assert raw.startswith(b"\xef\xbb\xbfNumber,")
        [row] = csv.DictReader(raw.decode("utf-8-sig").splitlines())
        assert (row["Amount"], row["Balance"], row["Recorded (UTC)"], row["Cause"]) == (
            "-12.50", "1000.00", "2026-10-02 08:30:00", ""
        )  # fmt: skip

    @pytest.mark.parametrize("attack", ATTACKS)
    def test_what_could_be_a_formula_is_text(self, tmp_path: Path, attack: str) -> None:
        path = written(tmp_path / "r.csv", record(payer=attack, currency="JPY"))
        with path.open(encoding="utf-8-sig", newline="") as file:
            [row] = csv.DictReader(file)
        assert (row["Payer"][0], row["Payer"].replace("'", ""), row["Amount"]) == (
            "'", attack.replace("'", ""), "-1250"
        )  # fmt: skip

    @given(text=st.text(max_size=20) | st.sampled_from(ATTACKS))
    def test_nothing_dangerous_begins_a_cell_and_nothing_is_lost(self, text: str) -> None:
        kept = harmless(text)
        assert not kept.lstrip(" \u00a0").startswith(DANGEROUS)
        assert kept.replace("'", "") == text.replace("'", "")

    @pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
    @pytest.mark.parametrize(
        "payer", ["ACME;=1+1", 'ACME,5;"=1+1', "ACME\t=1", "ACME\n=1", "ACME|@SUM(1)", "a; -2"]
    )
    def test_nor_where_a_spreadsheet_splits_cells_elsewhere(
        self, tmp_path: Path, separator: str, payer: str
    ) -> None:
        path = written(tmp_path / "r.csv", record(payer=payer, amount_minor=1250))
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.reader(file, delimiter=separator))
        found = [cell for row in rows for cell in row if cell.lstrip(' \u00a0"').startswith(DANGEROUS)]
        assert found == []


class TestXlsx:
    @pytest.mark.parametrize("attack", [*ATTACKS, "http://example.com", "{=1}", "00123"])
    def test_each_cell_says_that_it_is_text_or_a_number(self, tmp_path: Path, attack: str) -> None:
        headings, row = cells(written(tmp_path / "r.xlsx", record(payer=attack, cause=attack)))
        assert [text for _, text in headings] == HEADINGS
        by_heading = dict(zip([h for h in HEADINGS if h != "Value date"], row, strict=True))
        assert by_heading["Payer"][0] == by_heading["Cause"][0] == "inlineStr"
        assert by_heading["Payer"][1].strip() in (attack.strip(), attack.replace("\r", "_x000D_").strip())
        assert by_heading["Amount"] == (None, "-12.50")

    def test_an_amount_of_more_digits_than_a_spreadsheet_keeps_is_text(self, tmp_path: Path) -> None:
        row = cells(written(tmp_path / "r.xlsx", record(balance_minor=123_456_789_012_345_678)))[1]
        assert ("inlineStr", "1234567890123456.78") in row

    def test_text_is_cut_where_a_cell_is_full(self, tmp_path: Path) -> None:
        row = cells(written(tmp_path / "r.xlsx", record(product="x" * 40_000)))[1]
        assert ("inlineStr", "x" * 32_767) in row

    def test_more_rows_than_a_sheet_holds_go_to_the_next(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(record_files, "SHEET_ROWS", 2)
        path = written(tmp_path / "r.xlsx", *[record(id=n) for n in range(5)])
        assert [len(cells(path, sheet)) for sheet in (1, 2, 3)] == [3, 3, 2]

    @given(text=st.text(max_size=30))
    def test_any_text_makes_a_workbook_that_opens(self, text: str) -> None:
        with tempfile.TemporaryDirectory() as folder:
            assert len(cells(written(Path(folder) / "r.xlsx", record(payer=text)))) == 2


def test_other_endings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"'r\.pdf' ends in neither"):
        open_records(tmp_path / "r.pdf")
