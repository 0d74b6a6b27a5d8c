"""`prepay deposit`: from the request to a form on disk, on workers of its own."""

import hashlib
import json
from io import BytesIO
from pathlib import Path

import pytest
from pypdf import PdfReader
from temporalio.testing import WorkflowEnvironment

from documents.render import missing_libraries
from tests.cli.conftest import Cli
from tests.conftest import Database
from tests.office import open_office, request_id

needs_libraries = pytest.mark.skipif(bool(missing_libraries()), reason=" ".join(missing_libraries()))
WANTED = ["--product", "Compute", "--note", "Budget of the third quarter"]


class TestRequest:
    @needs_libraries
    async def test_the_form_is_the_one_that_the_deposit_tells_of(
        self,
        prepay: Cli,
        set_up: Database,
        temporal: WorkflowEnvironment,
        temporal_address: str,
        tmp_path: Path,
    ) -> None:
        prepay.use(TEMPORAL_ADDRESS=temporal_address)
        form = tmp_path / "a form.pdf"
        request = ["deposit", "request", "C-1001", "1000.00", "EUR", *WANTED, "--request-id", request_id()]

        async with open_office(set_up.app_url, temporal.client, forms="on"):
            asked = await prepay.beside(*request, "--form", form, "--json")
            assert asked.code == 0, asked.err
            deposit = json.loads(asked.out)
            shown = await prepay.beside("deposit", "show", deposit["number"], "--json")
            same = await prepay.beside(*request)
            negative = await prepay.beside("deposit", "request", "C-1001", "-5.00", "EUR", *WANTED)
            other = await prepay.beside(*request[:3], "1001.00", *request[4:])
        pdf = form.read_bytes()
        assert json.loads(shown.out)["form_sha256"] == hashlib.sha256(pdf).hexdigest()
        (attached,) = PdfReader(BytesIO(pdf)).attachments["request.json"]
        assert hashlib.sha256(attached).hexdigest() == deposit["document_digest"]
        assert json.loads(attached)["reference"] == deposit["reference"]
        assert same.code == 0
        assert deposit["reference_grouped"] in same.out
        assert (negative.code, negative.out) == (1, "")
        assert "it is negative" in negative.err
        assert (other.code, other.out) == (1, "")
        assert "was used with other content before" in other.err
        assert "Traceback" not in negative.err + other.err

    def test_a_folder_that_is_missing_is_said_before_anything_is_asked(
        self, nowhere: Cli, tmp_path: Path
    ) -> None:
        done = nowhere(
            "deposit", "request", "C-1001", "1", "EUR", *WANTED, "--form", tmp_path / "none" / "form.pdf"
        )
        assert (done.code, done.out) == (1, "")
        assert done.err.startswith(f"prepay: There is no folder {tmp_path / 'none'} for form.pdf")


class TestList:
    def test_an_unknown_stage_is_refused(self, nowhere: Cli) -> None:
        done = nowhere("deposit", "list", "--stage", "paid")
        assert (done.code, done.out) == (1, "")
        assert done.err == (
            "prepay: There is no stage 'paid'; there are issued, part_paid, credited, expired, cancelled.\n"
        )
