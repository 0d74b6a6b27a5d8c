"""Runs that are open must outlive a change of the code: recorded histories are replayed by the worker's own runner."""

from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

import rules.bank_day
import rules.reminders
from sandbox import workflow_runner
from tests.workflows.changed import LooksBeforeItIssues, NeverReminds
from tests.workflows.record import HISTORIES
from tests.workflows.stories import STORIES
from worker import WORKFLOWS
from workflows.deposit import Deposit

# Recorded by an earlier version, whose runs may still be open.
OLDER: list[str] = []
NAMES = [story.__name__ for story in STORIES] + OLDER


def _history(name: str) -> WorkflowHistory:
    """Under the id that it ran with: a workflow compares it with its input."""
    history = WorkflowHistory.from_json("", (HISTORIES / f"{name}.json").read_text())
    started = history.events[0].workflow_execution_started_event_attributes
    return WorkflowHistory(started.workflow_id, history.events)


def _replayer(deposit: type[Deposit]) -> Replayer:
    workflows = [deposit if workflow is Deposit else workflow for workflow in WORKFLOWS]
    return Replayer(
        workflows=workflows, workflow_runner=workflow_runner(), data_converter=pydantic_data_converter
    )


class TestReplay:
    @pytest.mark.parametrize("name", NAMES)
    async def test_of_what_was_recorded(self, name: str) -> None:
        # A worker that has just started has read no calendar, and no workflow may.
        rules.reminders._calendar.cache_clear()
        rules.bank_day._calendar.cache_clear()
        await _replayer(Deposit).replay_workflow(_history(name))

    def test_nothing_is_recorded_that_is_not_replayed(self) -> None:
        assert sorted(path.stem for path in HISTORIES.iterdir()) == sorted(NAMES)


class TestIncompatibleChange:
    @pytest.mark.parametrize("name", ["credited", "two_parts", "extended_and_expired", "cancelled"])
    async def test_of_the_order_of_steps_is_caught(self, name: str) -> None:
        with pytest.raises(NondeterminismError):
            await _replayer(LooksBeforeItIssues).replay_workflow(_history(name))

    @pytest.mark.parametrize("name", ["credited", "two_parts", "cancelled"])
    async def test_of_a_timer_that_is_gone_is_caught(self, name: str) -> None:
        with pytest.raises(NondeterminismError):
            await _replayer(NeverReminds).replay_workflow(_history(name))


def test_histories_name_no_machine() -> None:
    for path in HISTORIES.iterdir():
        assert str(Path(__file__).parent.parent.parent) not in path.read_text()
