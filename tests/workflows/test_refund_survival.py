"""Terminate and Reset from the UI at each stage of a refund: nothing is lost, and nothing paid twice."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle

from activities.sweep import Upkeep
from tests.office import Office
from tests.workflows.deposits import change, eventually
from tests.workflows.refunds import (
    PAYEE,
    PROOF,
    OpenRefund,
    ask,
    available,
    books,
    collect,
    credited,
    rejects,
)

FIRST = {"operator": "First Operator", "reason": "as the contract says"}


async def opened(office: Office) -> OpenRefund:
    await credited(office, 20_000, payer_account="")
    ticket = await ask(office, "100.00")
    await ticket.until("opened: the money is held")
    return ticket


async def in_review(office: Office) -> OpenRefund:
    ticket = await opened(office)
    await office.client.enter_payee("C-1001", ticket.number, PAYEE, proof=PROOF)
    await ticket.until("in review")
    return ticket


async def approved(office: Office) -> OpenRefund:
    ticket = await in_review(office)
    await _approve(ticket)
    return ticket


async def sent(office: Office) -> OpenRefund:
    ticket = await approved(office)
    collect(office)
    await office.ring()
    await ticket.until("sent: the bank has the payment file")
    return ticket


async def returned(office: Office) -> OpenRefund:
    ticket = await sent(office)
    await rejects(office, collect(office)[-1])
    await ticket.until("| **Stage** | returned")
    return ticket


async def waiting(office: Office) -> OpenRefund:
    await credited(office, 20_000, payer_account="NL26MOCK0000009001", payer_name="ACME GmbH")
    ticket = await ask(office, None)
    await ticket.until("waiting: usage may still be reported")
    return ticket


async def half_approved(office: Office) -> OpenRefund:
    ticket = await in_review(office)
    await ticket.approve(FIRST)
    await ticket.until("First Operator (claim")
    return ticket


async def reviewed_again(office: Office) -> OpenRefund:
    ticket = await returned(office)
    await office.client.enter_payee(
        "C-1001", ticket.number, {**PAYEE, "name": "ACME Holding GmbH"}, proof=PROOF
    )
    await ticket.until("in review")
    return ticket


async def _approve(ticket: OpenRefund) -> None:
    if not ticket.row()["everything"] and "First Operator (claim" not in await ticket.details():
        await ticket.approve(FIRST)
    await ticket.approve()
    await ticket.until("approved: it goes to the bank")


async def finish(ticket: OpenRefund) -> None:
    """Whatever is missing is done, and it is paid."""
    office = ticket.office
    if ticket.row()["stage"] == "waiting":
        change(office, "UPDATE refund SET usage_until = now()")
        await ticket.handle.signal("ring")
        await ticket.until("in review")
    if ticket.row()["stage"] in ("opened", "returned"):
        await office.client.enter_payee("C-1001", ticket.number, PAYEE, proof=PROOF)
        await ticket.until("in review")
    if ticket.row()["stage"] == "in_review":
        await _approve(ticket)
    payout = collect(office)[-1]
    await books(office, payout)
    await ticket.ends("settled")
    assert [row["stage"] for row in ticket.payouts()].count("settled") == 1
    assert available(office) == (0 if ticket.row()["everything"] else 10_000)


async def terminate(ticket: OpenRefund) -> None:
    """Press Terminate."""
    await ticket.handle.terminate()
    await swept(ticket)


async def swept(ticket: OpenRefund) -> None:
    """A minute later the sweep looks."""
    office = ticket.office

    async def running() -> bool:
        change(office, "UPDATE refund SET swept_at = swept_at - interval '1 minute'")
        await Upkeep(office.engine, office.temporal, office.options).restart_lost()
        return (await ticket.handle.describe()).status is WorkflowExecutionStatus.RUNNING

    await eventually(running, bool)


async def reset(ticket: OpenRefund) -> None:
    """Press Reset."""
    await reset_run(ticket.office, ticket.handle)


async def reset_run(office: Office, handle: WorkflowHandle[Any, Any]) -> None:
    """Back to the first workflow task, with the signals since then sent again."""
    history = await handle.fetch_history()
    first = next(e.event_id for e in history.events if e.HasField("workflow_task_completed_event_attributes"))
    request = ResetWorkflowExecutionRequest(
        namespace=office.temporal.namespace,
        workflow_execution=WorkflowExecution(workflow_id=handle.id, run_id=history.run_id),
        reason="a test",
        workflow_task_finish_event_id=first,
        request_id=str(uuid4()),
    )
    await office.temporal.workflow_service.reset_workflow_execution(request)


STAGES = (waiting, opened, in_review, half_approved, approved, sent, returned, reviewed_again)


@pytest.mark.parametrize("press", [terminate, reset])
@pytest.mark.parametrize("stage", STAGES)
async def test_pressed_at_a_stage_changes_nothing(
    office: Office,
    stage: Callable[[Office], Awaitable[OpenRefund]],
    press: Callable[[OpenRefund], Awaitable[None]],
) -> None:
    ticket = await stage(office)
    before = {name: value for name, value in ticket.row().items() if name != "swept_at"}
    await press(ticket)
    await ticket.until(f"### Refund {ticket.number}")
    after = {name: value for name, value in ticket.row().items() if name != "swept_at"}
    assert after == before
    await finish(ticket)
