"""Statements from the request to the PDF, through the workflow and the documents' worker."""

import asyncio
import io
from datetime import UTC, datetime

import pytest
from pypdf import PdfReader

from bankfiles.sample import Payment
from prepay.client import NotFound, Refused
from prepay.ids import TASK_QUEUE
from prepay.statements import StatementProgress, StatementRequest
from tests.office import Office
from tests.workflows.test_histories import found_in


async def credited(office: Office) -> None:
    view = await office.client.request_deposit("C-1001", "1000.00", "EUR", product="Compute")
    await office.pay(Payment(100_000, structured=view.reference))


class TestStatement:
    async def test_of_the_running_month(self, office: Office) -> None:
        await credited(office)
        [record] = (await office.client.records("C-1001")).records
        told: list[StatementProgress] = []
        view = await office.client.statement(
            "C-1001", f"{record.effective_on:%Y-%m}", on_progress=told.append
        )
        assert (view.opening_minor, view.closing_minor, view.lines) == (0, 100_000, 1)
        text = "".join(page.extract_text() for page in PdfReader(io.BytesIO(view.pdf)).pages)
        for printed in (
            "Kontoauszug",
            view.number,
            record.deposit or "?",
            record.payer,
            "1.000,00",
            "Compute",
        ):
            assert printed in text
        assert {step.stage for step in told} <= {"waiting", "issued", "drawn"}
        assert told
        assert await office.client.statement_by_number(view.number) == view

    async def test_of_a_period_that_is_over_is_the_same_for_ever(self, office: Office) -> None:
        last_year = str(datetime.now(UTC).year - 1)
        first = await office.client.statement("C-1001", last_year)
        await credited(office)
        assert await office.client.statement("C-1001", last_year) == first
        assert (first.final, first.lines) == (True, 0)

    async def test_a_receipt_for_a_credit(self, office: Office) -> None:
        await credited(office)
        [record] = (await office.client.records("C-1001")).records
        view = await office.client.credit_receipt("C-1001", record.id)
        assert view == await office.client.credit_receipt("C-1001", record.id)
        text = PdfReader(io.BytesIO(view.pdf)).pages[0].extract_text()
        assert "1.000,00" in text
        assert record.bank_reference in text

    async def test_its_history_holds_nothing_personal(self, office: Office) -> None:
        await credited(office)
        request = StatementRequest(customer="C-1001", period=f"{datetime.now(UTC):%Y}")
        await office.client.statement("C-1001", request.period or "")
        history = await office.temporal.get_workflow_handle(request.workflow_id).fetch_history()
        assert found_in(history) == []

    async def test_whoever_dies_over_it_is_missed_within_seconds(self, office: Office) -> None:
        request = StatementRequest(customer="C-1001", period="2025")
        await office.client.statement("C-1001", "2025")
        history = await office.temporal.get_workflow_handle(request.workflow_id).fetch_history()
        waits = [
            event.activity_task_scheduled_event_attributes.heartbeat_timeout.ToSeconds()
            for event in history.events
            if event.HasField("activity_task_scheduled_event_attributes")
        ]
        assert len(waits) == 2
        assert all(0 < wait <= 20 for wait in waits)

    async def test_refusals_are_sentences(self, office: Office) -> None:
        with pytest.raises(Refused, match="C-404 has no balance"):
            await office.client.statement("C-404", "2026-10")
        with pytest.raises(Refused, match="2999-01 has not begun"):
            await office.client.statement("C-1001", "2999-01")
        with pytest.raises(NotFound, match="no drawn statement S-1"):
            await office.client.statement_by_number("S-1")

    async def test_many_who_ask_at_once_get_one(self, office: Office) -> None:
        views = await asyncio.gather(*[office.client.statement("C-1002", "2025-05") for _ in range(3)])
        assert len({view.number for view in views}) == 1

    async def test_whatever_starts_it_ends_with_a_sentence(self, office: Office) -> None:
        for number, raw in enumerate((None, 5, {"customer": "C-1001"}, {"period": "2026-13"})):
            handle = await office.temporal.start_workflow(
                "Statement", raw, id=f"statement-test-{office.url[-20:]}-{number}", task_queue=TASK_QUEUE
            )
            with pytest.raises(Exception, match="Workflow execution failed") as failed:
                await handle.result()
            assert "The statement request is refused" in str(failed.value.__cause__)

    def test_each_request_has_an_id_of_its_own(self) -> None:
        requests = [
            StatementRequest(customer="C-1", period="2026-10"),
            StatementRequest(customer="C-1", period="2026-10", currency="EUR"),
            StatementRequest(customer="C-1", credit=5),
        ]
        assert len({request.workflow_id for request in requests}) == 3
        assert requests[0].workflow_id.startswith("statement-C-1-2026-10-")
