"""What Temporal keeps: no account number, name, address or e-mail; and few events."""

import tomllib
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from temporalio.client import WorkflowHistory

from bankfiles.sample import Payment
from prepay.ids import TASK_QUEUE, deposit_workflow_id
from tests.conftest import SETUP
from tests.office import Office, request_id
from tests.workflows.claims import PDF
from tests.workflows.deposits import eventually, money_arrives
from tests.workflows.record import HISTORIES
from tests.workflows.stories import NEW_ACCOUNT, PAYER_ACCOUNT, PAYER_NAME, STORIES, credited

EVENTS_OF_A_LIFECYCLE = 15


def planted() -> Iterator[str]:
    """Everything personal in the example set-up and in what the bank's files say."""
    setup = tomllib.loads(SETUP.read_text())
    for entry in [*setup["entity"], *setup["account"], *setup["customer"]]:
        for name in ("legal_name", "holder", "iban", "email", "tax_id", "registration_id", "verify_phone"):
            if entry.get(name):
                yield entry[name]
        yield from entry.get("address", [])
    yield from (NEW_ACCOUNT, PAYER_NAME, PAYER_ACCOUNT, PDF.decode())
    defaults = Payment(1)
    yield from (defaults.payer_name, defaults.payer_account)


def found_in(history: WorkflowHistory) -> list[str]:
    """The planted values that the bytes of a history hold."""
    content = b"".join(event.SerializeToString() for event in history.events)
    return [value for value in planted() if value.encode() in content]


class TestNothingPersonal:
    @pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
    async def test_in_the_history_of(self, office: Office, story: Callable[[Office], Awaitable[str]]) -> None:
        history = await office.temporal.get_workflow_handle(await story(office)).fetch_history()
        assert history.events
        assert found_in(history) == []

    @pytest.mark.parametrize("path", sorted(HISTORIES.iterdir()), ids=lambda path: path.stem)
    def test_in_the_recorded_ones(self, path: Path) -> None:
        assert found_in(WorkflowHistory.from_json(path.stem, path.read_text())) == []

    async def test_the_search_finds_what_is_there(self, office: Office) -> None:
        view = await office.client.request_deposit(
            "C-1001", "1.00", "EUR", product="Compute", note="for finance@acme.example"
        )
        [row] = office.rows("SELECT workflow_id FROM deposit WHERE number = %s", view.number)
        history = await office.temporal.get_workflow_handle(row["workflow_id"]).fetch_history()
        assert found_in(history) == ["finance@acme.example"]

    def test_in_the_failure_of_a_statement(self, office: Office) -> None:
        """A failing step's message is kept in the history: it must not quote the row."""
        with office.engine.connect() as connection, pytest.raises(DBAPIError) as failure:
            connection.execute(text("SELECT 1 / 0, :name"), {"name": "ACME GmbH"})
        assert "ACME GmbH" not in str(failure.value)


class TestEvents:
    async def test_of_a_lifecycle_are_few(self, office: Office) -> None:
        """Asked for, paid exactly. The answer that a service waits for costs two more than a plain start."""
        handle = office.temporal.get_workflow_handle(await credited(office))
        assert (await handle.describe()).history_length <= EVENTS_OF_A_LIFECYCLE + 2

    async def test_of_one_that_is_plainly_started_are_fewer(self, office: Office) -> None:
        rid = request_id()
        request = {"customer": "C-1001", "request_id": rid, "amount": "10.00", "currency": "EUR"}
        handle = await office.temporal.start_workflow(
            "Deposit",
            {**request, "product": "Compute"},
            id=deposit_workflow_id("C-1001", rid),
            task_queue=TASK_QUEUE,
        )
        query = "SELECT reference FROM deposit WHERE request_id = %s"
        [row] = await eventually(lambda: office.rows(query, rid), bool)
        money_arrives(office, row["reference"], 1000)
        await office.ring()
        await handle.result()
        kinds = [event.WhichOneof("attributes") for event in (await handle.fetch_history()).events]
        assert len(kinds) <= EVENTS_OF_A_LIFECYCLE
        assert kinds.count("marker_recorded_event_attributes") == 2, "issue, reload"
        assert kinds.count("timer_started_event_attributes") == 1
