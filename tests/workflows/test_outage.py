"""The database goes away: details still answer, few events are added, and everything goes on afterwards."""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from time import monotonic

import pytest
from temporalio.testing import WorkflowEnvironment

import migrations
from embedded.postgres import Postgres
from embedded.process import free_port
from tests.workflows.deposits import OpenDeposit, eventually, office_without_forms, open_deposit
from workflows import steps

QUICK_SECONDS = 3.0
TEN_MINUTES = 600


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[Postgres]:
    """A PostgreSQL of this test's own, to be stopped."""
    server = Postgres(tmp_path / "postgres", port=free_port(), fsync=False)
    server.start()
    try:
        migrations.upgrade(server.url("owner"))
        yield server
    finally:
        server.stop()


@contextmanager
def hanging(postgres: Postgres) -> Iterator[None]:
    """Its processes stand still: connections stay open and answer nothing."""
    assert postgres.child is not None
    parent = postgres.child.pid
    assert parent is not None
    family = [parent, *_children(parent)]
    for process in family:
        os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in family:
            os.kill(process, signal.SIGCONT)


def _children(parent: int) -> list[int]:
    listed = Path(f"/proc/{parent}/task/{parent}/children")
    return [int(child) for child in listed.read_text().split()] if listed.exists() else []


class TestDatabaseAway:
    # The long one runs with the other long proofs: `make chaos`.
    @pytest.mark.parametrize(
        "seconds", [2, pytest.param(TEN_MINUTES, marks=[pytest.mark.chaos, pytest.mark.timeout(900)])]
    )
    async def test_a_deposit_outlives_it(
        self, postgres: Postgres, temporal: WorkflowEnvironment, seconds: float
    ) -> None:
        async with office_without_forms(postgres.url("app"), temporal.client) as office:
            deposit = await open_deposit(office)
            events = await _events(deposit)
            postgres.stop()
            until = (deposit.view.issued_at + timedelta(days=60)).date().isoformat()
            decision = {"operator": "First Operator", "until": until, "reason": "the customer asked"}
            await deposit.handle.signal("extend", decision)
            await asyncio.sleep(QUICK_SECONDS + 0.5)
            await _answers_within_a_second(deposit)
            assert await _waiting_for(deposit) == ["attest"]
            added = await _events(deposit) - events
            end = monotonic() + seconds
            while monotonic() < end:
                await asyncio.sleep(min(20, seconds))
                await _answers_within_a_second(deposit)
            assert await _events(deposit) - events == added, "waiting longer costs no events"
            await deposit.handle.signal("extend", None)
            assert "extend: The input is refused: it is empty" in await deposit.details()
            postgres.start()
            await eventually(deposit.notices, lambda kinds: kinds == ["issued", "extended"], seconds=60)
            assert f"at the end of {until}" in await eventually(deposit.details, lambda text: until in text)
            assert await _events(deposit) - events < 30
            await deposit.pay(100_000)
            assert (await deposit.handle.result())["stage"] == "credited"

    async def test_a_database_that_hangs_is_as_good_as_away(
        self, postgres: Postgres, temporal: WorkflowEnvironment
    ) -> None:
        async with office_without_forms(postgres.url("app"), temporal.client) as office:
            deposit = await open_deposit(office)
            with hanging(postgres):
                await deposit.handle.signal(
                    "cancel", {"operator": "First Operator", "reason": "ordered twice"}
                )
                await asyncio.sleep(QUICK_SECONDS + 0.5)
                await _answers_within_a_second(deposit)
                assert await _waiting_for(deposit) == ["attest"]
            assert (await deposit.handle.result())["stage"] == "cancelled"
            assert deposit.notices() == ["issued", "cancelled"]

    def test_the_wait_is_one_activity_however_long_it_lasts(self) -> None:
        """Retries of a normal activity add no events; they go on for ever, at most half a minute apart."""
        patient = steps._PATIENT_RETRIES
        assert patient.maximum_attempts == 0
        assert patient.maximum_interval == timedelta(seconds=30)
        assert timedelta(seconds=QUICK_SECONDS) == steps._QUICK


async def _events(deposit: OpenDeposit) -> int:
    return (await deposit.handle.describe()).history_length


async def _answers_within_a_second(deposit: OpenDeposit) -> None:
    for _ in range(5):
        began = monotonic()
        assert "issued" in await deposit.details()
        assert monotonic() - began < 1


async def _waiting_for(deposit: OpenDeposit) -> list[str]:
    """The activities that the UI shows as pending."""
    pending = (await deposit.handle.describe()).raw_description.pending_activities
    return [activity.activity_type.name for activity in pending]
