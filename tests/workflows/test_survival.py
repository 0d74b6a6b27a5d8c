"""Cancel, Terminate and Reset from the UI, a worker without memory, and a lost ring: nothing is lost or doubled."""

import asyncio
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import WorkflowExecutionStatus
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

import worker
from activities.sweep import Upkeep
from tests.conftest import Database
from tests.office import Office
from tests.workflows.deposits import OpenDeposit, change, eventually, office_without_forms, open_deposit

CANCEL = {"operator": "First Operator", "reason": "ordered twice"}


async def sweep(office: Office) -> int:
    """A minute later, the sweep looks for lost workflows."""
    change(office, "UPDATE deposit SET swept_at = swept_at - interval '1 minute'")
    return await Upkeep(office.engine, office.temporal, office.options).restart_lost()


class TestCancelFromTheUi:
    async def test_is_answered_and_not_obeyed_also_twice(self, office: Office) -> None:
        deposit = await open_deposit(office)
        for _ in range(2):
            await deposit.handle.cancel()
            shown = await eventually(deposit.details, lambda text: "Refused attempts" in text)
            assert "Cancel: it does not withdraw a deposit; send the signal 'cancel' instead" in shown
        await deposit.pay(100_000)
        assert (await deposit.handle.result())["stage"] == "credited"
        assert (await deposit.handle.describe()).status is WorkflowExecutionStatus.COMPLETED

    async def test_while_a_step_is_running(self, office: Office) -> None:
        deposit = await open_deposit(office)
        with office.engine.connect() as connection:
            connection.exec_driver_sql("SELECT 1 FROM deposit FOR UPDATE")
            await deposit.handle.signal("cancel", CANCEL)
            await asyncio.sleep(0.3)
            await deposit.handle.cancel()
            await asyncio.sleep(0.3)
            connection.rollback()
        assert (await deposit.handle.result())["stage"] == "cancelled"
        assert deposit.notices() == ["issued", "cancelled"]

    async def test_of_a_request_at_its_very_start(self, office: Office) -> None:
        asked = asyncio.create_task(open_deposit(office))
        deposit = await asked
        await asyncio.gather(deposit.handle.cancel(), deposit.handle.signal("cancel", CANCEL))
        assert (await deposit.handle.result())["stage"] == "cancelled"


class TestTerminate:
    async def test_the_sweep_brings_it_back_to_its_stage(self, office: Office) -> None:
        deposit = await open_deposit(office)
        await deposit.pay(30_000)
        await deposit.until("part paid")
        await deposit.handle.terminate()
        assert await _restarted(office, deposit)
        await deposit.until("part paid")
        assert deposit.notices() == ["issued", "part_paid"]
        await deposit.pay(70_000)
        assert (await deposit.handle.result())["stage"] == "credited"

    async def test_money_that_came_in_between_is_told(self, office: Office) -> None:
        deposit = await open_deposit(office)
        await deposit.handle.terminate()
        deposit.arrives(100_000)
        change(office, "DELETE FROM outbox")
        await sweep(office)
        await eventually(deposit.notices, lambda kinds: kinds == ["issued", "credited"])

    async def test_the_same_request_starts_it_again(self, office: Office) -> None:
        deposit = await open_deposit(office)
        await deposit.handle.terminate()
        again = await office.client.request_deposit(
            "C-1001", "1000.00", "EUR", product="Compute", request_id=deposit.request_id
        )
        assert again == deposit.view
        assert deposit.notices() == ["issued"]
        await deposit.pay(100_000)
        assert (await deposit.handle.result())["stage"] == "credited"


async def _restarted(office: Office, deposit: OpenDeposit) -> bool:
    """The visibility store that the sweep asks is a moment behind."""

    async def running() -> bool:
        await sweep(office)
        return (await deposit.handle.describe()).status is WorkflowExecutionStatus.RUNNING

    return bool(await eventually(running, bool))


async def _reset(deposit: OpenDeposit) -> None:
    """Press Reset in the UI: back to the first workflow task, with the signals since then sent again."""
    history = await deposit.handle.fetch_history()
    first = next(e.event_id for e in history.events if e.HasField("workflow_task_completed_event_attributes"))
    request = ResetWorkflowExecutionRequest(
        namespace=deposit.office.temporal.namespace,
        workflow_execution=WorkflowExecution(workflow_id=deposit.handle.id, run_id=history.run_id),
        reason="a test",
        workflow_task_finish_event_id=first,
        request_id=str(uuid4()),
    )
    await deposit.office.temporal.workflow_service.reset_workflow_execution(request)


class TestReset:
    async def test_of_a_running_one_loses_and_doubles_nothing(self, office: Office) -> None:
        deposit = await open_deposit(office)
        extend = {"operator": "First Operator", "until": "2027-01-31", "reason": "the customer asked"}
        await deposit.handle.signal("extend", extend)
        await eventually(deposit.notices, lambda kinds: "extended" in kinds)
        await deposit.pay(30_000)
        await deposit.until("part paid")
        before = deposit.row()
        await _reset(deposit)
        await deposit.until("part paid")
        assert _without_sweep(deposit.row()) == _without_sweep(before)
        assert deposit.notices() == ["issued", "extended", "part_paid"]
        assert len(office.rows("SELECT id FROM document")) == 1
        await deposit.pay(70_000)
        assert (await deposit.handle.result())["stage"] == "credited"

    async def test_of_one_that_has_ended_ends_again(self, office: Office) -> None:
        deposit = await open_deposit(office)
        await deposit.handle.signal("cancel", CANCEL)
        await deposit.handle.result()
        await _reset(deposit)
        assert (await deposit.handle.result())["stage"] == "cancelled"
        assert deposit.notices() == ["issued", "cancelled"]
        assert len(office.rows("SELECT id FROM document")) == 1


def _without_sweep(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "swept_at"}


class TestLostRings:
    async def test_a_running_workflow_that_did_not_hear_is_rung_by_the_sweep(self, office: Office) -> None:
        deposit = await open_deposit(office)
        deposit.arrives(100_000)
        change(office, "DELETE FROM outbox")
        await sweep(office)
        assert (await deposit.handle.result())["stage"] == "credited"
        assert deposit.notices() == ["issued", "credited"]


class TestWithoutMemory:
    async def test_a_worker_that_replays_everything_each_time(
        self,
        set_up: Database,
        temporal: WorkflowEnvironment,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        monkeypatch.setattr(worker, "Worker", partial(Worker, max_cached_workflows=0))
        async with office_without_forms(set_up.app_url, temporal.client) as office:
            deposit = await open_deposit(office)
            await deposit.handle.cancel()
            await deposit.handle.signal("extend", None)
            await deposit.pay(30_000)
            await deposit.until("part paid")
            shown = await deposit.details()
            assert "Cancel: it does not withdraw" in shown
            assert "extend: The input is refused: it is empty" in shown
            await deposit.pay(70_000)
            assert (await deposit.handle.result())["stage"] == "credited"
        assert [
            r.getMessage() for r in caplog.records if "task" in r.getMessage() and r.levelname == "ERROR"
        ] == []
