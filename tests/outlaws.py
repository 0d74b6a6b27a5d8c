"""Workflows that do what no workflow may. A module of their own: the sandbox imports it for each run."""

import random
import time

from temporalio import workflow
from temporalio.worker.workflow_sandbox import RestrictedWorkflowAccessError

_RUNS: list[str] = []


@workflow.defn
class Outlaw:
    """Says what it was refused."""

    @workflow.run
    async def run(self) -> list[str]:
        """Ask the clock, throw dice, read a file."""
        refused = []
        for name, deed in (("time", time.time), ("dice", random.random), ("file", lambda: open(__file__))):  # noqa: SIM115
            try:
                deed()
            except RestrictedWorkflowAccessError:
                refused.append(name)
        return refused


@workflow.defn
class CountsItself:
    """Keeps a note that outlives it, where it can."""

    @workflow.run
    async def run(self) -> int:
        """How many runs have passed here."""
        _RUNS.append(workflow.info().run_id)
        return len(_RUNS)
