"""Decisions about a bank file are about what the operator saw: none is kept and obeyed later."""

import asyncio
import io
from typing import Any

from temporalio.client import WorkflowHandle

from activities.bank_files import store
from bankfiles.sample import Payment, Sheet, write_camt
from prepay.ids import TASK_QUEUE, bank_file_workflow_id
from tests.office import Office, request_id
from tests.workflows.deposits import details, eventually
from tests.workflows.stories import NEW_ACCOUNT

DECISION = {"operator": "Dana Desk", "reason": "a test file"}


async def _deliver(office: Office) -> WorkflowHandle[Any, Any]:
    """A file about an account that nobody has set up: it is held."""
    file = io.BytesIO()
    payment = Payment(700, end_to_end_id=request_id())
    write_camt(file, [Sheet(NEW_ACCOUNT, "EUR", [payment], statement_id=request_id())])
    sha256, _ = store(office.engine, file.getvalue(), "test.xml", "test")
    await office.ring()
    return office.temporal.get_workflow_handle(bank_file_workflow_id(sha256))


class TestHeld:
    async def test_a_decision_is_carried_out(self, office: Office) -> None:
        handle = await _deliver(office)
        await eventually(lambda: details(handle), lambda shown: "| **Stage** | held" in shown)
        await handle.signal("discard", DECISION)
        assert (await handle.result())["stage"] == "discarded"

    async def test_of_two_at_once_the_second_is_refused(self, office: Office) -> None:
        handle = await _deliver(office)
        await eventually(lambda: details(handle), lambda shown: "| **Stage** | held" in shown)
        await asyncio.gather(handle.signal("release", DECISION), handle.signal("release", DECISION))
        await eventually(lambda: details(handle), lambda shown: "another decision is being" in shown)


class TestNotHeld:
    async def test_a_decision_is_refused_with_the_stage_and_not_obeyed_later(self, office: Office) -> None:
        file = io.BytesIO()
        write_camt(file, [Sheet(NEW_ACCOUNT, "EUR", [Payment(700, end_to_end_id=request_id())])])
        sha256, _ = store(office.engine, file.getvalue(), "test.xml", "test")
        handle: WorkflowHandle[Any, Any] = await office.temporal.start_workflow(
            "BankFile",
            {"resume": bank_file_workflow_id(sha256)},
            id=bank_file_workflow_id(sha256),
            task_queue=TASK_QUEUE,
            start_signal="discard",
            start_signal_args=[DECISION],
        )
        shown = await eventually(lambda: details(handle), lambda shown: "| **Stage** | held" in shown)
        assert "discard: the file has not been looked at yet" in shown
        await handle.signal("discard", DECISION)
        assert (await handle.result())["stage"] == "discarded"
