"""Who sent a signal: the history's own event is kept, and what it must prove is what the set-up requires."""

from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from activities.attestation import Attest, Attestations, Attested, SignalNotFound
from settings import Settings
from tests.conftest import Database, engine_of
from tests.office import request_id

LOGIN = "first@nimbus.example"
DECISION = {"operator": "first operator", "reason": "ordered twice"}


@pytest.fixture
async def run(temporal: WorkflowEnvironment) -> AsyncIterator[WorkflowHandle[Any, Any]]:
    """A workflow that nobody works on: signals only stand in its history."""
    handle = await temporal.client.start_workflow("Deposit", id=request_id(), task_queue="nobody")
    yield handle
    await handle.terminate()


@pytest.fixture
def office(set_up: Database) -> Database:
    """The first operator has a login."""
    with psycopg.connect(set_up.app_url) as connection:
        connection.execute("UPDATE operator SET login = %s WHERE name = 'First Operator'", (LOGIN,))
    return set_up


class Room:
    """Attests signals of one run."""

    def __init__(
        self, office: Database, run: WorkflowHandle[Any, Any], client: Client, required: str
    ) -> None:
        options = Settings.model_validate({"attestation": required})
        self.attestations = Attestations(engine_of(office.app_url), client, options)
        self.run = run

    async def attest(
        self, ordinal: int = 1, operator: str = "first operator", act: str = "cancel"
    ) -> Attested:
        description = await self.run.describe()
        given = Attest(
            workflow_id=self.run.id, run_id=description.run_id, signal="cancel", ordinal=ordinal, operator=operator,
            acts=(("Deposit", act),),
        )  # fmt: skip
        return await self.attestations.attest(given)


async def signed_in_as(run: WorkflowHandle[Any, Any], client: Client, identity: str) -> None:
    """A signal of a client that calls itself so, as the UI does with its login."""
    named = await Client.connect(
        client.service_client.config.target_host, data_converter=pydantic_data_converter, identity=identity
    )
    await named.get_workflow_handle(run.id).signal("cancel", DECISION)


async def test_the_event_is_kept_once_with_what_it_says(
    office: Database, run: WorkflowHandle[Any, Any], temporal: WorkflowEnvironment
) -> None:
    await signed_in_as(run, temporal.client, "anybody")
    room = Room(office, run, temporal.client, "claim")
    first, again = await room.attest(), await room.attest()
    assert first == again
    assert (first.operator, first.standing, first.refused) == ("First Operator", "claim", "")
    with psycopg.connect(office.app_url) as connection:
        rows = connection.execute("SELECT identity, principal, payload, event_id FROM attestation").fetchall()
    assert rows == [("anybody", "", '{"operator":"first operator","reason":"ordered twice"}', 3)]


async def test_the_signal_of_that_number_is_meant(
    office: Database, run: WorkflowHandle[Any, Any], temporal: WorkflowEnvironment
) -> None:
    room = Room(office, run, temporal.client, "claim")
    for identity in ("one", "two"):
        await signed_in_as(run, temporal.client, identity)
    assert (await room.attest(1)).attestation != (await room.attest(2)).attestation
    with pytest.raises(SignalNotFound):
        await room.attest(3)


@pytest.mark.parametrize(
    ("required", "identity", "standing", "refused"),
    [
        ("claim", "anybody", "claim", ""),
        ("identity", LOGIN, "identity", ""),
        ("identity", "anybody", "claim", "you are logged in as somebody else than First Operator"),
        ("principal", LOGIN, "claim", "nobody knows who sent it: the server tells no principal"),
    ],
)
async def test_what_must_prove_it(
    office: Database, run: WorkflowHandle[Any, Any], temporal: WorkflowEnvironment, required: str, identity: str,
    standing: str, refused: str,
) -> None:  # fmt: skip
    await signed_in_as(run, temporal.client, identity)
    attested = await Room(office, run, temporal.client, required).attest()
    assert attested.standing == standing
    assert attested.refused.startswith(refused)
    assert bool(attested.refused) == bool(refused)


@pytest.mark.parametrize(
    ("principal", "refused"),
    [(LOGIN, ""), ("other@nimbus.example", "you are logged in as somebody else than")],
)
async def test_the_servers_principal_decides_where_there_is_one(
    office: Database,
    run: WorkflowHandle[Any, Any],
    temporal: WorkflowEnvironment,
    principal: str,
    refused: str,
) -> None:
    """The dev server tells none, so the event gets one here before it is looked at."""
    await signed_in_as(run, temporal.client, LOGIN)
    for required in ("principal", "claim"):
        room = Room(office, run, temporal.client, required)
        given = Attest(
            workflow_id=run.id, run_id=f"{required}-run", signal="cancel", ordinal=1, operator="First Operator",
            acts=(("Deposit", "cancel"),),
        )  # fmt: skip
        event = HistoryEvent(event_id=3)
        event.principal.name = principal
        event.event_time.GetCurrentTime()
        attested = room.attestations._write(given, event)
        assert attested.refused.startswith(refused)
        assert bool(attested.refused) == bool(refused)
        assert (attested.standing == "principal") == (not refused)


async def test_roles_are_those_of_the_moment_it_was_sent(
    office: Database, run: WorkflowHandle[Any, Any], temporal: WorkflowEnvironment
) -> None:
    await signed_in_as(run, temporal.client, "anybody")
    with psycopg.connect(office.app_url) as connection:
        connection.execute("UPDATE operator_role SET ended_at = now()")
    await signed_in_as(run, temporal.client, "anybody")
    room = Room(office, run, temporal.client, "claim")
    assert (await room.attest(1)).refused == ""
    assert (await room.attest(2)).refused.startswith("First Operator has no role now")
