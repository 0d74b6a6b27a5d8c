"""The sandbox refuses what would not replay and keeps runs apart, although it reads their code only once."""

import sys
from typing import Any
from uuid import uuid4

from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

import workflows.deposit
from sandbox import workflow_runner
from tests.outlaws import CountsItself, Outlaw


async def _run(temporal: WorkflowEnvironment, kind: Any) -> object:
    queue = f"sandbox-{uuid4()}"
    async with Worker(temporal.client, task_queue=queue, workflows=[kind], workflow_runner=workflow_runner()):
        return await temporal.client.execute_workflow(kind.run, id=queue, task_queue=queue)


async def test_what_would_not_replay_is_refused(temporal: WorkflowEnvironment) -> None:
    assert await _run(temporal, Outlaw) == ["time", "dice", "file"]


async def test_a_run_sees_nothing_of_another(temporal: WorkflowEnvironment) -> None:
    assert [await _run(temporal, CountsItself) for _ in range(2)] == [1, 1]


def test_the_code_of_a_lifecycle_is_read_once() -> None:
    codes = []
    for _ in range(2):
        workflow_runner()
        finder = next(finder for finder in sys.meta_path if type(finder).__module__ == "sandbox")
        spec = finder.find_spec("workflows.deposit", None)
        assert spec is not None
        assert spec.origin == workflows.deposit.__file__
        codes.append(spec.loader.get_code(spec.name))  # type: ignore[union-attr]
    assert codes[0] is codes[1]
