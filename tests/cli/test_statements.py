"""`prepay statement` and `prepay credit-receipt`: from the question to a PDF on disk, beside workers."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import pytest
from pypdf import PdfReader
from temporalio.testing import WorkflowEnvironment

from tests.cli.conftest import Cli
from tests.conftest import Database
from tests.office import Office
from tests.workflows.deposits import office_without_forms
from tests.workflows.test_statement import credited

MONTH = f"{datetime.now(UTC):%Y-%m}"


@pytest.fixture
async def office(
    prepay: Cli, set_up: Database, temporal: WorkflowEnvironment, temporal_address: str
) -> AsyncIterator[Office]:
    prepay.use(TEMPORAL_ADDRESS=temporal_address)
    async with office_without_forms(set_up.app_url, temporal.client) as office:
        await credited(office)
        yield office


class TestStatement:
    async def test_of_a_month_is_a_pdf_and_its_number_finds_it_again(
        self, office: Office, prepay: Cli, tmp_path: Path
    ) -> None:
        first, second = tmp_path / "first.pdf", tmp_path / "second.pdf"
        asked = await prepay.beside("statement", "C-1001", "--month", MONTH, "-o", first, "--json")
        assert asked.code == 0, asked.err
        told = json.loads(asked.out)
        assert (told["opening_minor"], told["closing_minor"], told["lines"]) == (0, 100_000, 1)
        assert "1.000,00" in PdfReader(BytesIO(first.read_bytes())).pages[0].extract_text()
        again = await prepay.beside("statement", "C-1001", "--number", told["number"], "-o", second)
        assert again.code == 0, again.err
        assert "0.00 EUR to 1,000.00 EUR, 1 movements" in again.out
        assert second.read_bytes() == first.read_bytes()
        other = await prepay.beside("statement", "C-1002", "--number", told["number"], "-o", second)
        assert (other.code, other.out) == (1, "")
        assert f"There is no drawn statement {told['number']} of C-1002." in other.err

    @pytest.mark.parametrize(
        ("asked", "said"),
        [
            ((), "Name one of --month 2026-10, --year 2026, --number S-2026-000001"),
            (("--month", "2026-10", "--year", "2026"), "Name one of"),
            (("--month", "October"), "must be a month such as 2026-10 or a year such as 2026"),
            (("--month", "1999-13"), "must be a month such as"),
            (("--number", "S-1999-000001"), "S-1999-000001"),
            (("--month", MONTH, "--as-of", "yesterday"), "`as_of` must be a day"),
            (("--month", MONTH, "--currency", "XXX"), "C-1001 has no balance in XXX"),
        ],
    )
    async def test_whatever_cannot_be_is_one_sentence(
        self, office: Office, prepay: Cli, asked: tuple[str, ...], said: str
    ) -> None:
        done = await prepay.beside("statement", "C-1001", *asked)
        assert (done.code != 0, done.out) == (True, "")
        assert said in done.err
        assert "Traceback" not in done.err

    async def test_a_folder_that_is_missing_is_said_before_anything_is_asked(
        self, office: Office, prepay: Cli, tmp_path: Path
    ) -> None:
        done = await prepay.beside("statement", "C-1001", "--month", MONTH, "-o", tmp_path / "none" / "s.pdf")
        assert (done.code, done.out) == (1, "")
        assert "none" in done.err
        assert office.rows("SELECT id FROM statement") == []


class TestCreditReceipt:
    async def test_of_a_record_is_a_pdf(self, office: Office, prepay: Cli, tmp_path: Path) -> None:
        [record] = (await office.client.records("C-1001")).records
        file = tmp_path / "receipt.pdf"
        done = await prepay.beside("credit-receipt", "C-1001", record.id, "-o", file)
        assert done.code == 0, done.err
        assert "1.000,00" in PdfReader(BytesIO(file.read_bytes())).pages[0].extract_text()

    async def test_of_no_credit_is_one_sentence(self, office: Office, prepay: Cli) -> None:
        done = await prepay.beside("credit-receipt", "C-1001", 999_999)
        assert (done.code, done.out) == (1, "")
        assert "999999" in done.err or "999,999" in done.err
