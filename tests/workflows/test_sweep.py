"""The sweep as its schedule runs it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from temporalio.client import Client, Schedule, ScheduleActionStartWorkflow, ScheduleHandle, ScheduleSpec

from prepay.ids import TASK_QUEUE
from tests.office import Office
from tests.workflows.deposits import eventually
from workflows.sweep import Sweep


@pytest.fixture
async def schedule(office: Office) -> AsyncIterator[ScheduleHandle]:
    """It runs only when it is triggered."""
    name = f"sweep-{uuid4()}"
    action = ScheduleActionStartWorkflow(Sweep.run, id=name, task_queue=TASK_QUEUE)
    handle = await office.temporal.create_schedule(name, Schedule(action=action, spec=ScheduleSpec()))
    yield handle
    await handle.delete()


async def _sweep(client: Client, schedule: ScheduleHandle) -> dict[str, str]:
    """What the next run did."""
    before = (await schedule.describe()).info.num_actions
    await schedule.trigger()
    await eventually(schedule.describe, lambda found: found.info.num_actions == before + 1)
    actions = (await schedule.describe()).info.recent_actions
    action = actions[-1].action
    done: dict[str, str] = await client.get_workflow_handle(action.workflow_id).result()  # type: ignore[attr-defined]
    return done


class TestChecks:
    async def test_come_with_the_first_run_and_then_an_hour_later(
        self, office: Office, schedule: ScheduleHandle
    ) -> None:
        first = await _sweep(office.temporal, schedule)
        assert "'broken': 0" in first["checks"]
        second = await _sweep(office.temporal, schedule)
        assert "checks" not in second
        assert second["checked_at"] == first["checked_at"]
        assert datetime.now(UTC) - datetime.fromisoformat(first["checked_at"]) < timedelta(minutes=1)
