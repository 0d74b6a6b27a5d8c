"""Doorbells: rung twice, out of order, for the ended and the lost, by a relay that dies, a thousand at once."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy.orm import Session
from temporalio.testing import WorkflowEnvironment
from temporalio.workflow import _Definition as workflow_definition

from activities.outbox import KINDS, Outbox
from tests.conftest import Database
from tests.office import Office
from tests.workflows.deposits import OpenDeposit, change, eventually, office_without_forms, open_deposit
from worker import WORKFLOWS


@pytest.fixture
async def office(set_up: Database, temporal: WorkflowEnvironment) -> AsyncIterator[Office]:
    async with office_without_forms(set_up.app_url, temporal.client) as office:
        yield office


def _put(office: Office, workflow_id: str, version: int = 1) -> None:
    change(office, "INSERT INTO outbox (workflow_id, version) VALUES (%s, %s)", workflow_id, version)


def _left(office: Office) -> list[str]:
    return [row["workflow_id"] for row in office.rows("SELECT workflow_id FROM outbox ORDER BY id")]


async def _runs(deposit: OpenDeposit) -> int:
    query = f"WorkflowId = '{deposit.handle.id}'"
    return (await deposit.office.temporal.count_workflows(query)).count


class TestRing:
    async def test_twice_and_out_of_order_changes_nothing(self, office: Office) -> None:
        deposit = await open_deposit(office)
        deposit.arrives(30_000)
        for version in (7, 2, 2, 1):
            _put(office, deposit.handle.id, version)
        await office.ring()
        await deposit.until("part paid")
        assert deposit.notices() == ["issued", "part_paid"]
        assert _left(office) == []

    async def test_before_and_after_the_change_is_committed(self, office: Office) -> None:
        deposit = await open_deposit(office)
        _put(office, deposit.handle.id)
        await office.ring()
        await deposit.pay(100_000)
        assert (await deposit.handle.result())["stage"] == "credited"
        assert deposit.notices() == ["issued", "credited"]

    async def test_for_one_that_has_ended_it_is_dropped(self, office: Office) -> None:
        deposit = await open_deposit(office)
        await deposit.pay(100_000)
        await deposit.handle.result()
        _put(office, deposit.handle.id)
        assert await office.ring() == 1
        assert _left(office) == []
        assert (await deposit.handle.describe()).close_time is not None

    async def test_for_one_that_has_ended_and_has_more_to_do_it_starts_again(self, office: Office) -> None:
        deposit = await open_deposit(office)
        await deposit.pay(100_000)
        first = (await deposit.handle.describe()).run_id
        await deposit.handle.result()
        await deposit.pay(1)
        await eventually(deposit.notices, lambda kinds: kinds == ["issued", "credited", "credited"])
        assert (await deposit.handle.describe()).run_id != first

    async def test_for_a_lost_one_it_starts_again(self, office: Office) -> None:
        deposit = await open_deposit(office)
        await deposit.handle.terminate()
        await deposit.pay(30_000)
        await deposit.until("part paid")

    async def test_for_what_no_row_knows_it_is_dropped(self, office: Office) -> None:
        for workflow_id in ("deposit-of-nobody", "bank-file-0", "refund-1", "", "it's"):
            _put(office, workflow_id)
        assert await office.ring() == 5
        assert _left(office) == []


class DyingRelay(Outbox):
    """Rings, and dies before it deletes the rows."""

    def _finish(self, session: Session, rows: list[int]) -> None:
        raise RuntimeError("killed between ring and delete")


class TestRelayDies:
    async def test_between_ring_and_delete_it_is_rung_again(self, office: Office) -> None:
        deposit = await open_deposit(office)
        deposit.arrives(30_000)
        with pytest.raises(RuntimeError, match="killed"):
            await DyingRelay(office.engine, office.temporal).ring_batch()
        await deposit.until("part paid")
        assert deposit.handle.id in _left(office)
        await office.ring()
        assert _left(office) == []
        await deposit.pay(70_000)
        assert (await deposit.handle.result())["stage"] == "credited"
        assert deposit.notices() == ["issued", "part_paid", "credited"]

    async def test_rows_that_another_relay_holds_are_left_to_it(self, office: Office) -> None:
        deposit = await open_deposit(office)
        _put(office, deposit.handle.id)
        with office.engine.begin() as connection:
            connection.exec_driver_sql("SELECT 1 FROM outbox FOR UPDATE")
            assert await office.ring() == 0
        assert await office.ring() == 1


class TestMany:
    async def test_a_thousand_rows_for_ten_deposits(self, office: Office) -> None:
        deposits = [await open_deposit(office) for _ in range(10)]
        for deposit in deposits:
            deposit.arrives(30_000)
        change(
            office,
            "INSERT INTO outbox (workflow_id, version) "
            "SELECT workflow_id, n FROM deposit, generate_series(1, 99) n ORDER BY n",
        )
        counts = await asyncio.gather(office.ring(), office.ring())
        assert sum(counts) == 1000
        for deposit in deposits:
            await deposit.until("part paid")
            assert deposit.notices() == ["issued", "part_paid"]
            assert (await deposit.handle.describe()).history_length < 40


def test_a_worker_knows_every_workflow_that_is_rung() -> None:
    known = {workflow_definition.must_from_class(kind).name for kind in WORKFLOWS}
    assert {kind.workflow for kind in KINDS} <= known
