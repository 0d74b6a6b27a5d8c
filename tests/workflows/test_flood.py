"""A workflow that is sent more than one history holds goes on in a new run, and says still what was refused."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client, WorkflowHandle
from temporalio.common import SearchAttributePair, TypedSearchAttributes
from temporalio.contrib.pydantic import pydantic_data_converter

from embedded.temporal import TemporalServer
from prepay import attributes
from prepay.ids import TASK_QUEUE
from tests.conftest import Database, end_all, temporal_server
from tests.office import Office
from tests.workflows.deposits import change, details, eventually, office_without_forms, open_deposit
from tests.workflows.test_freeze import RELEASE, frozen, opened
from workflows.operator import MOST_WAITING

EVENTS = 40


class ShortHistories(TemporalServer):
    """A Temporal that asks for a new run after few events."""

    def _program(self) -> list[str | Path]:
        limit = f"limit.historyCount.suggestContinueAsNew={EVENTS}"
        return [*super()._program(), "--dynamic-config-value", limit]


@pytest.fixture(scope="module")
def short_histories() -> Iterator[str]:
    with temporal_server(ShortHistories) as address:
        yield address


@pytest.fixture
async def busy(set_up: Database, short_histories: str) -> AsyncIterator[Office]:
    client = await Client.connect(short_histories, data_converter=pydantic_data_converter)
    async with office_without_forms(set_up.app_url, client) as office:
        yield office
    await end_all(client)


async def flooded(handle: WorkflowHandle[Any, Any]) -> None:
    """Signals that do not exist come one by one, until the workflow has gone on in a new run."""

    async def run() -> str | None:
        return (await handle.describe()).run_id

    first = await run()
    for number in range(EVENTS):
        await handle.signal(f"relaese-{number}")
        await details(handle)
    await eventually(run, lambda now: now != first)


class TestNewRun:
    async def test_says_what_was_refused_and_takes_decisions(self, busy: Office) -> None:
        frozen(busy, by="First Operator")
        handle = await opened(busy)
        await flooded(handle)
        assert f"relaese-{EVENTS - 1}: there is no such signal here" in await details(handle)
        for operator in ("Third Operator", "Fourth Operator"):
            await handle.signal("release", {**RELEASE, "operator": operator})
        assert (await handle.result())["released_by"] == ["Third Operator", "Fourth Operator"]

    async def test_of_a_deposit_is_paid(self, busy: Office) -> None:
        deposit = await open_deposit(busy)
        await flooded(deposit.handle)
        await deposit.pay(100_000)
        assert (await deposit.handle.result())["stage"] == "credited"

    async def test_takes_away_the_search_attributes_that_the_run_before_it_left(self, busy: Office) -> None:
        frozen(busy)
        change(busy, "UPDATE money_freeze SET ended_at = now()")
        handle = await busy.temporal.start_workflow(
            "Freeze",
            {"resume": "freeze-1"},
            id="freeze-1",
            task_queue=TASK_QUEUE,
            search_attributes=TypedSearchAttributes(
                [SearchAttributePair(attributes.WAITS_FOR_ROLE, "compliance")]
            ),
        )
        await handle.result()
        assert (await handle.describe()).typed_search_attributes.get(attributes.WAITS_FOR_ROLE) is None


async def test_more_decisions_than_can_wait_are_refused(office: Office) -> None:
    frozen(office)
    handle = await opened(office)
    for number in range(MOST_WAITING + 50):
        await handle.signal("release", {**RELEASE, "operator": f"Nobody {number}"})
    await eventually(lambda: details(handle), lambda shown: "100 decisions wait already" in shown)
