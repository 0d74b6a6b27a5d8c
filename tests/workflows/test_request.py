"""Asking for a deposit: one answer for one request, for ever; and every refusal in a sentence."""

import asyncio
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.client import Client, WorkflowFailureError
from temporalio.common import RawValue
from temporalio.testing import WorkflowEnvironment

import activities.setup_file
from embedded.temporal import binary
from prepay.client import PrepayClient, Refused, Unavailable
from prepay.ids import TASK_QUEUE, deposit_workflow_id
from prepay.wire import InputRefused
from tests.conftest import SETUP, Database
from tests.office import Office, request_id
from tests.workflows.deposits import eventually, money_arrives, office_without_forms, open_deposit

REQUEST = {"customer": "C-1001", "amount": "1000.00", "currency": "EUR", "product": "Compute"}
NEW_CUSTOMER = """
[[customer]]
number = "C-3001"
legal_name = "Umbrella Example SpA"
address = ["Via Esempio 1", "20100 Milano"]
country = "IT"
entity = "nimbus-eu"
currencies = ["EUR"]
"""


class TestTheSameRequest:
    async def test_at_once_by_twenty_callers_issues_one_form(self, office: Office) -> None:
        rid = request_id()
        ask = [office.client.request_deposit(**REQUEST, request_id=rid) for _ in range(20)]
        answers = await asyncio.gather(*ask)
        assert len({answer.number for answer in answers}) == 1
        assert len(office.rows("SELECT id FROM deposit")) == 1
        assert len(office.rows("SELECT id FROM notice")) == 1

    async def test_says_the_amount_in_other_digits(self, office: Office) -> None:
        deposit = await open_deposit(office, "1000.00")
        again = await office.client.request_deposit(
            "C-1001", "1000", "EUR", product="Compute", request_id=deposit.request_id
        )
        assert again == deposit.view

    async def test_while_it_runs_other_content_is_refused(self, office: Office) -> None:
        deposit = await open_deposit(office)
        await _other_content_is_refused(office, deposit.request_id)

    async def test_after_the_end_it_is_answered_from_the_row(self, office: Office) -> None:
        deposit = await open_deposit(office)
        await deposit.pay(100_000)
        await deposit.handle.result()
        await self._is_answered(office, deposit.request_id, deposit.view.number)

    async def test_after_retention_the_database_still_knows_it(
        self, office: Office, forgetful: Client
    ) -> None:
        deposit = await open_deposit(office)
        await deposit.pay(100_000)
        await deposit.handle.result()
        async with office_without_forms(office.url, forgetful) as later:
            await self._is_answered(later, deposit.request_id, deposit.view.number)
            outcome = await forgetful.get_workflow_handle(deposit.handle.id).result()
        assert outcome["stage"] == "credited"
        assert deposit.notices() == ["issued", "credited"]

    async def test_after_retention_first_with_other_content(self, office: Office, forgetful: Client) -> None:
        deposit = await open_deposit(office)
        await deposit.pay(100_000)
        await deposit.handle.result()
        async with office_without_forms(office.url, forgetful) as later:
            await _other_content_is_refused(later, deposit.request_id)
            await self._is_answered(later, deposit.request_id, deposit.view.number)

    async def _is_answered(self, office: Office, rid: str, number: str) -> None:
        again = await office.client.request_deposit(**REQUEST, request_id=rid)
        assert (again.number, again.stage) == (number, "credited")
        await _other_content_is_refused(office, rid)
        assert len(office.rows("SELECT id FROM deposit")) == 1


async def _other_content_is_refused(office: Office, rid: str) -> None:
    with pytest.raises(Refused, match="was used with other content before \\(deposit D-"):
        await office.client.request_deposit(**{**REQUEST, "amount": "9.00"}, request_id=rid)


class TestNotice:
    async def test_of_the_form_is_written_in_the_customers_language(self, office: Office) -> None:
        for customer, currency in (("C-1001", "EUR"), ("C-2001", "USD")):
            await office.client.request_deposit(customer, "1000.00", currency, product="Compute")
        subjects = [row["subject"] for row in office.rows("SELECT subject FROM notice ORDER BY id")]
        assert subjects[0].startswith("Payment request D-")
        assert subjects[1].startswith("付款申请单 D-")


class TestRefusals:
    @pytest.mark.parametrize(
        ("wrong", "sentence"),
        [
            ({"customer": "C-9999"}, "The deposit request is refused: there is no customer C-9999."),
            (
                {"currency": "USD"},
                "The deposit request is refused: customer C-1001 cannot pay in USD. Their currencies: EUR; "
                "entity nimbus-eu needs a collection account in USD that is valid today.",
            ),
        ],
    )
    async def test_by_the_rows(self, office: Office, wrong: dict[str, str], sentence: str) -> None:
        rid = request_id()
        with pytest.raises(Refused) as refusal:
            await office.client.request_deposit(**{**REQUEST, **wrong}, request_id=rid)
        assert str(refusal.value) == sentence
        await _ended_failed(office, wrong.get("customer", "C-1001"), rid)

    async def test_a_refusal_is_the_answer_for_its_request_id_and_a_new_one_is_looked_at_anew(
        self, office: Office, tmp_path: Path
    ) -> None:
        rid, asked = request_id(), {**REQUEST, "customer": "C-3001"}
        with pytest.raises(Refused):
            await office.client.request_deposit(**asked, request_id=rid)
        (tmp_path / "setup.toml").write_text(SETUP.read_text() + NEW_CUSTOMER)
        activities.setup_file.apply(tmp_path / "setup.toml", office.url)
        with pytest.raises(Refused):
            await office.client.request_deposit(**asked, request_id=rid)
        assert (await office.client.request_deposit(**asked, request_id=request_id())).customer == "C-3001"

    @pytest.mark.parametrize(
        ("wrong", "sentence"),
        [
            ({"amount": "0.00"}, "The amount '0.00' in EUR is refused: it is zero."),
            ({"amount": "-5"}, "The amount '-5' in EUR is refused: it is negative."),
            (
                {"amount": "1.001"},
                "The amount '1.001' in EUR is refused: EUR has 2 decimals and it has more.",
            ),
            (
                {"amount": "10000000000000.01"},
                "The amount '10000000000000.01' in EUR is refused: it is too large (at most 10000000000000.00).",
            ),
            (
                {"amount": "1,000.00"},
                "The amount '1,000.00' in EUR is refused: write digits with a decimal point, such as 1000.00.",
            ),
            ({"currency": "XXL"}, "`currency`: 'XXL' is no ISO 4217 currency code such as EUR, JPY or KWD."),
            ({"note": "n" * 501}, "`note` has more than 500 characters."),
            ({"note": "two\nlines"}, "`note`: character 4 (U+000A) is a control character."),
            ({"note": "\u202egnp.exe"}, "`note`: character 1 (U+202E) is a control character."),
            ({"product": ""}, "`product` is empty."),
        ],
    )
    async def test_by_what_is_sent(self, office: Office, wrong: dict[str, str], sentence: str) -> None:
        """The client refuses before anything is sent; a plain start ends Failed with the same sentence."""
        rid = request_id()
        with pytest.raises(InputRefused) as refusal:
            await office.client.request_deposit(**{**REQUEST, **wrong}, request_id=rid)
        assert str(refusal.value) == f"The deposit request is refused: {sentence}"
        sent = {**REQUEST, **wrong, "request_id": rid}
        await office.temporal.start_workflow(
            "Deposit", sent, id=deposit_workflow_id("C-1001", rid), task_queue=TASK_QUEUE
        )
        assert await _ended_failed(office, "C-1001", rid) == str(refusal.value)


async def _ended_failed(office: Office, customer: str, rid: str) -> str:
    handle = office.temporal.get_workflow_handle(deposit_workflow_id(customer, rid))
    with pytest.raises(WorkflowFailureError) as failure:
        await handle.result()
    assert office.rows("SELECT id FROM deposit WHERE request_id = %s", rid) == []
    assert office.rows("SELECT id FROM notice") == []
    return str(getattr(failure.value.cause, "message", ""))


class TestNobodyWorks:
    async def test_without_a_worker_it_says_so_in_its_time(
        self, set_up: Database, temporal: WorkflowEnvironment
    ) -> None:
        client = await PrepayClient.connect(set_up.app_url, temporal.client, answer_seconds=1)
        rid, began = request_id(), asyncio.get_running_loop().time()
        async with client:
            with pytest.raises(Unavailable, match=r"Nobody answered within 1 s: is a Prepay worker running"):
                await client.request_deposit(**REQUEST, request_id=rid)
        assert asyncio.get_running_loop().time() - began < 5
        await temporal.client.get_workflow_handle(deposit_workflow_id("C-1001", rid)).terminate()


class TestPlainStart:
    """What any language can send, by the real command line of Temporal."""

    async def _start(
        self, office: Office, workflow_id: str, *arguments: str
    ) -> subprocess.CompletedProcess[str]:
        address = office.temporal.service_client.config.target_host
        command = [str(binary()), "workflow", "start", "--address", address, "--type", "Deposit"]
        command += ["--task-queue", TASK_QUEUE, "--workflow-id", workflow_id, *arguments]
        return await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)

    async def test_plain_json_issues_a_form(self, office: Office) -> None:
        rid = request_id()
        workflow_id = deposit_workflow_id("C-1001", rid)
        started = await self._start(
            office, workflow_id, "--input", json.dumps({**REQUEST, "request_id": rid})
        )
        assert started.returncode == 0, started.stderr
        rows = await eventually(lambda: office.rows("SELECT * FROM deposit WHERE request_id = %s", rid), bool)
        again = await office.client.request_deposit(**REQUEST, request_id=rid)
        assert again.number == rows[0]["number"]

    async def test_under_the_workflow_id_of_another_request_it_is_refused(self, office: Office) -> None:
        deposit = await open_deposit(office)
        await deposit.handle.signal("cancel", {"operator": "First Operator", "reason": "ordered twice"})
        await deposit.handle.result()
        handle = await office.temporal.start_workflow(
            "Deposit", {**REQUEST, "request_id": request_id()}, id=deposit.handle.id, task_queue=TASK_QUEUE
        )
        with pytest.raises(WorkflowFailureError) as failure:
            await handle.result()
        assert str(failure.value.cause) == (
            f"DepositRefused: This workflow id belongs to deposit {deposit.view.number}; "
            "start the request under another id."
        )

    async def test_under_any_workflow_id_it_is_rung_when_money_comes(self, office: Office) -> None:
        workflow_id, rid = f'order\'s "own" id {request_id()}', request_id()
        started = await self._start(
            office, workflow_id, "--input", json.dumps({**REQUEST, "request_id": rid})
        )
        assert started.returncode == 0, started.stderr
        rows = await eventually(lambda: office.rows("SELECT * FROM deposit WHERE request_id = %s", rid), bool)
        money_arrives(office, rows[0]["reference"], 100_000)
        await office.ring()
        outcome = await office.temporal.get_workflow_handle(workflow_id).result()
        assert outcome["stage"] == "credited"

    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            ([], "it is empty; send a JSON object"),
            (["--input", '"nonsense"'], "it is str; send a JSON object"),
            (["--input", "[]"], "it is list; send a JSON object"),
            (["--input", "{}"], "`customer` is missing; `request_id` is missing; `amount` is missing"),
            (["--input", '{"resume": "deposit-of-somebody"}'], "`customer` is missing"),
            (["--input", "1", "--input", "2"], "it is 2 values; send one JSON object"),
            (["--input", "x", "--input-meta", "encoding=binary/plain"], "it is bytes; send a JSON object"),
            (["--input", '{"note": "\\ud800"}'], "it is no JSON that can be read; send a JSON object"),
        ],
    )
    async def test_nonsense_ends_failed_with_a_sentence(
        self, office: Office, arguments: list[str], sentence: str
    ) -> None:
        workflow_id = f"deposit-{request_id()}"
        started = await self._start(office, workflow_id, *arguments)
        assert started.returncode == 0, started.stderr
        with pytest.raises(WorkflowFailureError) as failure:
            await office.temporal.get_workflow_handle(workflow_id).result()
        assert f"The deposit request is refused: {sentence}" in str(failure.value.cause)

    async def test_bytes_that_are_no_json_end_failed(self, office: Office) -> None:
        broken: Any = RawValue(Payload(metadata={"encoding": b"json/plain"}, data=b"{oops"))
        handle = await office.temporal.start_workflow(
            "Deposit", broken, id=f"deposit-{request_id()}", task_queue=TASK_QUEUE
        )
        with pytest.raises(WorkflowFailureError) as failure:
            await handle.result()
        assert "it is no JSON that can be read" in str(failure.value.cause)
