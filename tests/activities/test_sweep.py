"""What the sweep does each minute."""

from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import WorkflowEnvironment

from activities.outbox import start_or_ring
from activities.sweep import Upkeep
from tests.conftest import Database
from tests.office import Office
from tests.workflows.deposits import change, eventually, office_without_forms, open_deposit


@pytest.fixture
async def office(set_up: Database, temporal: WorkflowEnvironment) -> AsyncIterator[Office]:
    async with office_without_forms(set_up.app_url, temporal.client) as office:
        yield office


def _upkeep(office: Office, **options: object) -> Upkeep:
    return Upkeep(office.engine, office.temporal, office.options.model_copy(update=options))


class TestRestartLost:
    async def test_a_fresh_row_gets_a_minute(self, office: Office) -> None:
        deposit = await open_deposit(office)
        await deposit.handle.terminate()
        assert await _upkeep(office).restart_lost() == 0

    async def test_those_that_run_are_left_alone(self, office: Office) -> None:
        deposit = await open_deposit(office)
        query = f"WorkflowId = '{deposit.handle.id}' AND ExecutionStatus = 'Running'"
        await eventually(lambda: office.temporal.count_workflows(query), lambda found: found.count == 1)
        change(office, "UPDATE deposit SET swept_at = swept_at - interval '1 minute'")
        assert await _upkeep(office).restart_lost() == 0
        change(office, "UPDATE deposit SET swept_at = swept_at - interval '1 minute', stage = 'expired'")
        assert await _upkeep(office).restart_lost() == 0

    async def test_those_that_ended_are_left_alone(self, office: Office) -> None:
        deposit = await open_deposit(office)
        await deposit.pay(100_000)
        await deposit.handle.result()
        change(office, "UPDATE deposit SET swept_at = swept_at - interval '1 minute'")
        assert await _upkeep(office).restart_lost() == 0

    async def test_ids_with_quotes_do_not_stop_it(self, office: Office) -> None:
        odd, lost = await open_deposit(office), await open_deposit(office)
        await odd.handle.terminate()
        await lost.handle.terminate()
        change(
            office,
            "UPDATE deposit SET workflow_id = 'it''s \\ \"odd\" ' || id WHERE id = %s",
            odd.row()["id"],
        )
        change(office, "UPDATE deposit SET swept_at = swept_at - interval '1 minute'")
        assert await _upkeep(office).restart_lost() >= 1
        await lost.until("issued")
        await office.temporal.get_workflow_handle(odd.row()["workflow_id"]).terminate()

    async def test_each_row_is_looked_at_once_a_minute(self, office: Office) -> None:
        deposit = await open_deposit(office)
        await deposit.handle.terminate()
        change(office, "UPDATE deposit SET swept_at = swept_at - interval '1 minute'")

        async def swept() -> int:
            return await _upkeep(office).restart_lost()

        await eventually(swept, lambda count: count == 1, seconds=2)
        assert await swept() == 0

    async def test_those_that_did_not_hear_come_first(
        self, office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rung = _note_rings(monkeypatch)
        deposits = [await open_deposit(office) for _ in range(3)]
        deposits[2].arrives(30_000)
        for deposit in deposits:
            await deposit.handle.terminate()
        change(office, "UPDATE deposit SET swept_at = swept_at - interval '1 hour' / id")
        monkeypatch.setattr("activities.sweep.PAGE", 1)
        await _upkeep(office).restart_lost()
        assert rung[0] == deposits[2].handle.id

    async def test_none_is_left_that_is_due(self, office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
        deposits = [await open_deposit(office) for _ in range(5)]
        change(office, "UPDATE deposit SET swept_at = swept_at - interval '1 minute'")
        monkeypatch.setattr("activities.sweep.PAGE", 2)
        await _upkeep(office).restart_lost()
        due = "SELECT id FROM deposit WHERE swept_at < now() - interval '50 s'"
        assert (len(deposits), office.rows(due)) == (5, [])

    async def test_one_that_cannot_be_started_does_not_hold_up_the_others(
        self, office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        deposits = [await open_deposit(office) for _ in range(3)]
        for deposit in deposits:
            deposit.arrives(30_000)
        change(office, "UPDATE deposit SET swept_at = swept_at - interval '1 hour' / id")
        rung = _note_rings(monkeypatch, refuse=deposits[0].handle.id)
        assert await _upkeep(office).restart_lost() == 2
        assert sorted(rung) == sorted(deposit.handle.id for deposit in deposits[1:])


def _note_rings(monkeypatch: pytest.MonkeyPatch, refuse: str = "") -> list[str]:
    """The ids that are rung, in order; Temporal refuses one of them."""
    rung: list[str] = []

    async def ring(client: Client, workflow_id: str, workflow: str, subject: str) -> None:
        if workflow_id == refuse:
            raise RPCError("refused", RPCStatusCode.INTERNAL, b"")
        rung.append(workflow_id)
        await start_or_ring(client, workflow_id, workflow, subject)

    monkeypatch.setattr("activities.sweep.start_or_ring", ring)
    return rung


class TestSeal:
    async def test_writes_each_newest_seal_once_outside_the_database(
        self, office: Office, tmp_path: Path
    ) -> None:
        deposit = await open_deposit(office)
        await deposit.pay(100_000)
        upkeep = _upkeep(office, seals=tmp_path / "seals")

        # A seal waits for every transaction of the server that is older, those of other tests too.
        numbers = [await eventually(upkeep.seal, lambda number: number > 0), upkeep.seal()]
        assert numbers[0] == numbers[1]
        lines = (tmp_path / "seals").read_text().splitlines()
        assert [line.split()[0] for line in lines] == [str(numbers[0])]


class TestCheck:
    async def test_counts_the_invariants(self, office: Office) -> None:
        assert _upkeep(office).check()["broken"] == 0

    @pytest.mark.breaks_the_book
    async def test_a_breach_fails_for_people_to_see(self, office: Office, database: Database) -> None:
        await (await open_deposit(office)).pay(100_000)
        with psycopg.connect(database.superuser_url) as connection:
            connection.execute("SET session_replication_role = replica")
            connection.execute("UPDATE ledger_account SET available_minor = 1 WHERE kind = 'customer'")
        with pytest.raises(ApplicationError, match="The book is broken"):
            _upkeep(office).check()
