"""A failed activity leaves nothing of a row in a history."""

from datetime import timedelta
from uuid import uuid4

import pytest
from temporalio import activity
from temporalio.client import WorkflowFailureError
from temporalio.common import RetryPolicy
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker
from temporalio.workflow import defn, execute_activity, run

from activities.failures import Discreet

SECRET = "ACME GmbH, NL26MOCK0000009001"


@activity.defn(name="break_a_rule")
async def break_a_rule() -> None:
    raise RuntimeError(f"a rule is broken\nDETAIL: Failing row contains ({SECRET}).")


@defn(name="Breaks")
class Breaks:
    @run
    async def run(self) -> None:
        await execute_activity(
            break_a_rule,
            start_to_close_timeout=timedelta(seconds=5),
            retry_policy=RetryPolicy(maximum_attempts=1),
        )


async def test_only_the_first_line_and_the_kind_are_told(temporal: WorkflowEnvironment) -> None:
    queue = f"failures-{uuid4()}"
    async with Worker(
        temporal.client,
        task_queue=queue,
        workflows=[Breaks],
        activities=[break_a_rule],
        interceptors=[Discreet()],
        workflow_runner=UnsandboxedWorkflowRunner(),
    ):
        handle = await temporal.client.start_workflow(Breaks.run, id=queue, task_queue=queue)
        with pytest.raises(WorkflowFailureError):
            await handle.result()
    history = (await handle.fetch_history()).to_json()
    assert "a rule is broken" in history
    assert "RuntimeError" in history
    assert SECRET not in history
