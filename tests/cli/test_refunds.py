"""`prepay refund`: a ticket is opened, looked at, given bank details and taken back, on workers of its own."""

import json
from pathlib import Path

import pytest
from temporalio.testing import WorkflowEnvironment

from tests.cli.conftest import Cli, Done
from tests.conftest import Database
from tests.office import request_id
from tests.workflows.deposits import office_without_forms
from tests.workflows.refunds import PROOF, credited

BY = ("--by", "First Operator")


class TestTicket:
    async def test_from_the_request_to_its_end(
        self,
        prepay: Cli,
        set_up: Database,
        temporal: WorkflowEnvironment,
        temporal_address: str,
        tmp_path: Path,
    ) -> None:
        prepay.use(TEMPORAL_ADDRESS=temporal_address)
        shown, written = tmp_path / "proof.pdf", tmp_path / "written.pdf"
        shown.write_bytes(PROOF)

        async def run(*arguments: object) -> Done:
            return await prepay.beside("refund", *arguments)

        async with office_without_forms(set_up.app_url, temporal.client) as office:
            await credited(office, 10_000, payer_account="")
            asked = ["request", "C-1001", "EUR", "--amount", "60.00", "--reason", "we leave", *BY]
            opened = await run(*asked, "--request-id", request_id(), "--json")
            assert opened.code == 0, opened.err
            number = json.loads(opened.out)["number"]
            more = await run(*asked)
            payee = [
                "payee",
                "C-1001",
                number,
                "--name",
                "ACME GmbH",
                "--iban",
                "DE89370400440532013000",
                *BY,
            ]
            unproven = await run(*payee)
            entered = await run(*payee, "--proof", shown)
            proof = await run("proof", number, written)
            told = await run("show", number)
            listed = await run("list", "--customer", "C-1001", "--stage", "in_review", "--json")
            back = await run("withdraw", "C-1001", number)
        assert (more.code, more.out) == (1, "")
        assert "is open already" in more.err
        assert "send a proof" in unproven.err
        assert f"Refund {number} of C-1001 over 60.00 EUR is in_review." in entered.out
        assert proof.code == 0
        assert written.read_bytes() == PROOF
        assert "DE89 3704" in told.out
        assert [row["number"] for row in json.loads(listed.out)] == [number]
        assert f"Refund {number} of C-1001 over 60.00 EUR is withdrawn" in back.out
        assert "Traceback" not in more.err + unproven.err


class TestLook:
    def test_at_none_is_one_sentence(self, prepay: Cli) -> None:
        done = prepay("refund", "show", "R-2026-000001")
        assert (done.code, done.out) == (1, "")
        assert done.err.strip().endswith("There is no refund R-2026-000001; `prepay refund list` lists them.")

    def test_at_no_tickets(self, prepay: Cli) -> None:
        assert prepay("refund", "list", "--json").out.strip() == "[]"

    def test_in_no_stage_that_there_is(self, prepay: Cli) -> None:
        done = prepay("refund", "list", "--stage", "in-review")
        assert (done.code, done.out) == (1, "")
        assert "There is no stage 'in-review'; there are waiting, opened, in_review" in done.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("request", "C-1001", "EUR", "--reason", "we leave", "--by", "Third Operator"),
        ("request", "C-1001", "EUR", "--reason", "we leave", "--by", "First Operator", "--amount", "1,00"),
        ("payee", "C-1001", "R-1", "--name", "ACME", "--by", "First Operator"),
        ("payee", "C-1001", "R-1", "--name", "ACME", "--by", "Nobody", "--iban", "DE89370400440532013000"),
        ("payee", "C-1001", "R-1", "--name", "ACME", "--by", "First Operator", "--iban", "DE89370400440532013000"),
        ("withdraw", "C-1001", "R-1"),
        ("proof", "R-1", "proof.pdf"),
        ("audit", "R-1", "-o", "/nowhere/page.pdf"),
        ("confirmation", "C-1001", "R-1"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_sentence(prepay: Cli, set_up: Database, arguments: tuple[str, ...]) -> None:
    done = prepay("refund", *arguments)
    assert (done.code, done.out, "Traceback" in done.err) == (1, "", False)
    assert done.err.startswith("prepay: ")
    assert done.err.strip().endswith(".")
