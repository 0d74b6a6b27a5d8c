"""200 payloads for each signal of each lifecycle: none stops it, none is obeyed, and a decision still works."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, NamedTuple

import psycopg
import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle
from temporalio.service import RPCError

from prepay.ids import TASK_QUEUE
from tests.office import Office, request_id
from tests.payouts import ready_payout
from tests.workflows import (
    bills,
    refunds,
    test_bank_file,
    test_change,
    test_freeze,
    test_reassignment,
    test_resolution,
)
from tests.workflows.claims import open_claim
from tests.workflows.deposits import details, eventually, open_deposit
from tests.workflows.receipts import open_receipt
from tests.workflows.typed import typed
from tests.workflows.virtual import in_review
from worker import WORKFLOWS
from workflows.payment_run import PaymentRun

Handle = WorkflowHandle[Any, Any]
AT_ONCE = 50
"""Signals under way at the same time."""


async def _deposit(office: Office) -> Handle:
    return (await open_deposit(office)).handle


async def _bank_file(office: Office) -> Handle:
    return (await test_bank_file.held(office)).handle


async def _reassignment(office: Office) -> Handle:
    return (await test_reassignment.proposed(office)).handle


async def _resolution(office: Office) -> Handle:
    return (await test_resolution.proposed(office)).handle


async def _receipt(office: Office) -> Handle:
    return (await open_receipt(office)).handle


async def _claim(office: Office) -> Handle:
    return (await open_claim(office)).handle


async def _change(office: Office) -> Handle:
    return (await test_change.proposed(office, {"operator": [test_change.OPERATOR]})).handle


async def _freeze(office: Office) -> Handle:
    test_freeze.frozen(office, by="Fifth Operator")
    return await test_freeze.opened(office)


async def _virtual_account(office: Office) -> Handle:
    return (await in_review(office)).handle


async def _refund(office: Office) -> Handle:
    await refunds.credited(office, 20_000)
    return (await refunds.ask(office, "100.00")).handle


async def _bill(office: Office) -> Handle:
    return (await bills.issue(office)).handle


async def _ready_payout(office: Office) -> None:
    await refunds.credited(office, 20_000)
    with psycopg.connect(office.url) as connection:
        ready_payout(connection, "C-1001", 1_000, ready="now()")


async def _payment_run(office: Office) -> Handle:
    await _ready_payout(office)
    run = await office.temporal.start_workflow(PaymentRun.run, id=request_id(), task_queue=TASK_QUEUE)
    await eventually(lambda: details(run), lambda shown: "### Payment run" in shown)
    return run


async def _payment_file(office: Office) -> Handle:
    office.options.outbox = Path(mkdtemp(prefix="prepay-outbox-"))
    await _ready_payout(office)
    refunds.collect(office)
    handle = office.temporal.get_workflow_handle("payment-file-1")
    with suppress(RPCError):
        await handle.terminate()
    await office.ring()
    await eventually(lambda: details(handle), lambda shown: "sent: the bank has not answered" in shown)
    return handle


class Lifecycle(NamedTuple):
    """How one is opened, under which subject, what its row says then, and who ends it by which signal."""

    open: Callable[[Office], Awaitable[Handle]]
    subject: str | None
    rows: str
    end: str
    by: tuple[str, ...] = ("Second Operator",)


LIFECYCLES = {
    "BankFile": Lifecycle(_bank_file, "Bank file 1", "stage, hold FROM bank_file", "discard"),
    "Change": Lifecycle(_change, "Change of operator", "stage FROM change", "approve", ("Third Operator",)),
    "Claim": Lifecycle(_claim, "C-1002 looks for 1,000.00 EUR", "stage FROM claim", "close"),
    "Deposit": Lifecycle(
        _deposit, "C-1001 deposits 1,000.00 EUR", "stage, expires_at FROM deposit", "cancel"
    ),
    "Freeze": Lifecycle(
        _freeze,
        "Customer C-1001 is frozen",
        "ended_at FROM money_freeze",
        "release",
        ("Third Operator", "Fourth Operator"),
    ),
    "Bill": Lifecycle(_bill, "Bill I-1 of C-1001 over 100.00 EUR", "stage FROM bill", "void"),
    "PaymentFile": Lifecycle(
        _payment_file, "1 payout of 10.00 EUR to the bank", "resent FROM payment_file", "resend"
    ),
    "PaymentRun": Lifecycle(_payment_run, None, "count(*) AS files FROM payment_file", "run_now"),
    "Refund": Lifecycle(_refund, "C-1001 asks 100.00 EUR back", "stage FROM refund", "reject"),
    "Reassignment": Lifecycle(
        _reassignment, "1,000.00 EUR from C-1001, elsewhere", "stage FROM credit_move", "approve"
    ),
    "Resolution": Lifecycle(
        _resolution, "40.00 EUR of bank file 1, line 3", "stage FROM bank_resolution", "approve"
    ),
    "Receipt": Lifecycle(_receipt, "1,000.00 EUR without an owner", "stage FROM receipt", "return_to_payer"),
    "VirtualAccountApplication": Lifecycle(
        _virtual_account,
        "C-1001 applies for an account number in EUR",
        "stage FROM virtual_account_application",
        "reject",
    ),
}
SERVER = "history-service"
WITHOUT_OPERATORS = {"Relay", "Statement", "Sweep"}
NOT_RUNG = {"PaymentRun"}


def test_each_lifecycle_is_tried() -> None:
    assert {workflow.__name__ for workflow in WORKFLOWS} == LIFECYCLES.keys() | WITHOUT_OPERATORS


async def offered(handle: Handle) -> dict[str, dict[str, Any]]:
    """The signals of the menu, each with the JSON that it says to paste; none for a ring."""
    metadata: Any = await handle.query("__temporal_workflow_metadata")
    described = {s.name: s.description for s in metadata.definition.signal_definitions if s.name}
    return {
        name: json.loads(said[said.index("{") :]) if "{" in said else {} for name, said in described.items()
    }


async def type_all(handle: Handle, signal: str, right: dict[str, Any], count: int) -> None:
    """Send everything, many at a time, as a person with a broken keyboard would."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def send(arguments: list[Any]) -> None:
        async with gate:
            await handle.signal(signal, args=arguments)

    await asyncio.gather(*map(send, typed(right, count)))


async def all_answered(handle: Handle, signal: str, right: dict[str, Any]) -> None:
    """Decisions are answered in turn, so once another one has been, all before it have."""

    async def ask() -> str:
        await handle.signal(signal, {**right, "operator": "Last Of All"})
        return await details(handle)

    await eventually(ask, lambda shown: f"{signal.replace('_', chr(92) + '_')}: Last Of All: " in shown)


async def healthy(handle: Handle) -> None:
    """It runs, and no task of it has ever failed; the server itself cuts one short when too many signals wait."""
    assert (await handle.describe()).status is WorkflowExecutionStatus.RUNNING
    failed = [
        str(event)
        async for event in handle.fetch_history_events()
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED
        and event.workflow_task_failed_event_attributes.identity != SERVER
    ]
    assert failed == []


@pytest.mark.parametrize("count", [25, pytest.param(200, marks=pytest.mark.chaos)])
@pytest.mark.parametrize("name", LIFECYCLES)
class TestWhateverIsTyped:
    async def test_does_no_harm(self, office: Office, name: str, count: int) -> None:
        lifecycle = LIFECYCLES[name]
        handle = await lifecycle.open(office)
        assert await (await handle.describe()).static_summary() == lifecycle.subject
        before = office.rows(f"SELECT {lifecycle.rows}")
        signals = await offered(handle)
        assert ("ring" in signals) is (name not in NOT_RUNG)
        for signal, right in signals.items():
            await type_all(handle, signal, right, count)
            if right:
                await all_answered(handle, signal, right)
            await healthy(handle)
        assert office.rows(f"SELECT {lifecycle.rows}") == before
        for operator in lifecycle.by:
            await handle.signal(lifecycle.end, {**signals[lifecycle.end], "operator": operator})
        await eventually(lambda: office.rows(f"SELECT {lifecycle.rows}"), lambda now: now != before)
