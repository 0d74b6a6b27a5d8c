"""kill -9 of the worker after each commit between "opened" and "settled", before Temporal hears of it: the same end."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg.rows import dict_row
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError

from embedded.bank import Bank
from embedded.temporal import TemporalServer
from prepay.client import PrepayClient, Unavailable
from prepay.ids import refund_workflow_id
from tests.chaos.hasty import Hasty
from tests.conftest import Database

ROOT = Path(__file__).resolve().parents[2]
IBAN, PAYER = "NL07MOCK0000001001", "DE02120300000000202051"
COMMITS = (
    "open_refund",
    "look_at_refund",
    "attest",
    "decide_refund",
    "collect_payouts",
    "look_at_payment_file",
    "send_payment_file",
    "send_payment_file-1",
    "read_bank_file",
    "post_bank_file-1",
    "post_bank_file",
    "ring_outbox-1",
)
"""The activities between the two stages, and the first commit of those that commit more than once."""
OF_A_DECISION = ("attest", "decide_refund")
"""Each of the two decisions has its own."""
PATIENCE_SECONDS = 120.0
RUNNING = "WorkflowType = 'PaymentRun' AND ExecutionStatus = 'Running'"
_PAID = """
    SELECT count(*) AS paid FROM ledger_transfer WHERE kind = 'settlement'
"""


class Office:
    """A worker that dies, and is started again as often as it takes."""

    def __init__(self, folder: Path, database: Database, temporal: str, bank: Bank) -> None:
        self.deaths = folder / "deaths"
        self.deaths.mkdir()
        self.started = 0
        self.url, self.bank = database.app_url, bank
        self._environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "PREPAY_DATABASE_URL": database.app_url,
            "PREPAY_INBOX": str(bank.inbox),
            "PREPAY_OUTBOX": str(bank.outbox),
            "PREPAY_ATTESTATION": "claim",
            "PREPAY_FORMS": "off",
            "TEMPORAL_ADDRESS": temporal,
            "PREPAY_TEST_DEATHS": str(self.deaths),
        }
        self._child: subprocess.Popen[bytes] | None = None

    def tick(self) -> None:
        """Start it where it does not run."""
        if self._child is None or self._child.poll() is not None:
            self._child = subprocess.Popen(
                [sys.executable, "-m", "tests.chaos.dying_worker"],
                cwd=ROOT,
                env=self._environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            self.started += 1

    def stop(self) -> None:
        """End it."""
        if self._child is not None:
            self._child.send_signal(signal.SIGKILL)
            self._child.wait()

    def rows(self, query: str, *given: Any) -> list[dict[str, Any]]:
        with psycopg.connect(self.url, row_factory=dict_row) as connection:
            return connection.execute(query.encode(), given).fetchall()

    async def until(self, query: str, wanted: Any, *given: Any) -> None:
        """The worker lives and the bank works until the first column of the first row is so."""
        end = time.monotonic() + PATIENCE_SECONDS
        while (found := [next(iter(row.values())) for row in self.rows(query, *given)]) != [wanted]:
            assert time.monotonic() < end, f"still {found} after {PATIENCE_SECONDS:g} s, not {wanted!r}"
            self.tick()
            with suppress(OSError, RuntimeError):
                self.bank.client.take_files()
            await asyncio.sleep(0.1)


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[Bank]:
    started = Bank(tmp_path / "bank", tmp_path / "inbox", tmp_path / "outbox")
    started.start()
    yield started
    started.stop()


@pytest.fixture
def temporal_of_its_own(tmp_path: Path) -> Iterator[str]:
    server = TemporalServer(tmp_path / "temporal", ui=False)
    server.start()
    yield server.address
    server.stop()


@pytest.fixture
async def office(
    tmp_path: Path, set_up: Database, temporal_of_its_own: str, bank: Bank
) -> AsyncIterator[tuple[Office, PrepayClient, Client]]:
    office = Office(tmp_path, set_up, temporal_of_its_own, bank)
    temporal = await Client.connect(
        temporal_of_its_own, data_converter=pydantic_data_converter, interceptors=[Hasty()]
    )
    async with await PrepayClient.connect(set_up.app_url, temporal) as client:
        yield office, client, temporal
    office.stop()


async def refund_once(office: Office, client: PrepayClient, temporal: Client, number: int) -> None:
    """One refund above the limit, with a death after each commit."""
    for name in COMMITS:
        (office.deaths / name).touch()
    request_id = f"crash-{number}-{uuid4()}"
    while True:
        office.tick()
        with suppress(Unavailable):
            ticket = await client.request_refund(
                "C-1001", "EUR", amount="501.00", reason="we leave", request_id=request_id
            )
            break
    workflow_id = refund_workflow_id("C-1001", request_id)
    query = "SELECT stage FROM refund WHERE number = %s"
    await office.until(query, "in_review", ticket.number)
    code = (await asyncio.to_thread(_code, office.url, ticket.refund))[:12]
    approvals = "SELECT count(*) FROM refund_approval WHERE refund_id = %s"
    for decided, operator in enumerate(("Second Operator", "Fifth Operator"), 1):
        for name in OF_A_DECISION:
            (office.deaths / name).touch()
        decision = {"operator": operator, "content": code, "reason": "a good reason"}
        await temporal.get_workflow_handle(workflow_id).signal("approve", decision)
        await office.until(approvals, decided, ticket.refund)
        while any((office.deaths / name).exists() for name in OF_A_DECISION):
            office.tick()
            await asyncio.sleep(0.1)
    await office.until(query, "approved", ticket.number)
    end = time.monotonic() + PATIENCE_SECONDS
    while office.rows(query, ticket.number)[0]["stage"] == "approved":
        assert time.monotonic() < end
        office.tick()
        decision = {"operator": "Second Operator", "reason": "the customer waits"}
        with suppress(RPCError):
            async for run in temporal.list_workflows(RUNNING):
                await temporal.get_workflow_handle(run.id).signal("run_now", decision)
        await asyncio.sleep(1)
    await office.until(query, "settled", ticket.number)


def _code(url: str, refund: int) -> str:
    from sqlmodel import Session

    from activities.database import make_engine
    from activities.refund_rows import approvable

    engine = make_engine(url, 1)
    with Session(engine) as session:
        found = approvable(session, refund)
    engine.dispose()
    return found


@pytest.mark.timeout(5400)
@pytest.mark.chaos
@pytest.mark.parametrize("rounds", [1, 20])
async def test_it_is_paid_once_whenever_the_worker_dies(
    office: tuple[Office, PrepayClient, Client], rounds: int
) -> None:
    place, client, temporal = office
    place.bank.client.open_account("nimbus-eu-eur", "Nimbus Cloud Europe GmbH", IBAN, "EUR", "MOCKNL2A")
    place.tick()
    while True:
        place.tick()
        with suppress(Unavailable):
            deposit = await client.request_deposit(
                "C-1001", "20000.00", "EUR", product="Compute", request_id="one"
            )
            break
    place.bank.client.send_credit(
        IBAN, 2_000_000, payer_name="ACME GmbH", payer_iban=PAYER, reference=deposit.reference
    )
    await place.until("SELECT stage FROM deposit", "credited")
    place.bank.client.close_day()
    await place.until("SELECT bool_and(confirmed) FROM bank_entry_part WHERE direction = 'credit'", True)
    for number in range(rounds):
        await refund_once(place, client, temporal, number)
        assert not list(place.deaths.iterdir()), "it did not die everywhere"
    assert place.started > rounds * len(COMMITS)
    assert place.rows(_PAID) == [{"paid": rounds}]
    assert place.rows("SELECT stage, count(*) AS n FROM payout GROUP BY 1") == [
        {"stage": "settled", "n": rounds}
    ]
    [balance] = place.rows("SELECT available_minor, held_minor FROM ledger_balance WHERE customer = 'C-1001'")
    assert balance == {"available_minor": 2_000_000 - rounds * 50_100, "held_minor": 0}
    paid = [payment for payment in place.bank.client.payments() if payment["status"] != "rejected"]
    assert len(paid) == rounds
