"""Terminate and Reset from the UI at each stage of a payment file: it goes once, unless people say so."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle

from activities.sweep import Upkeep
from tests.bankfiles.answer_files import pain002
from tests.office import Office
from tests.workflows.deposits import change, details, eventually
from tests.workflows.payment_stories import NOW
from tests.workflows.refunds import answers
from tests.workflows.test_payment_file import Run, run
from tests.workflows.test_refund_survival import reset_run

__all__ = ["run"]
Handle = WorkflowHandle[Any, Any]


async def sent(run: Run) -> Handle:
    return await run.send()


async def accepted(run: Run) -> Handle:
    file = await run.send()
    [row] = await run.files()
    await answers(run.office, pain002(row["message_id"], group="ACCP"))
    await run.until(file, "accepted by the bank")
    return file


async def sent_again(run: Run) -> Handle:
    file = await run.send()
    await file.signal("resend", NOW)
    await eventually(run.files, lambda rows: rows[0]["resent"] == 1 and rows[0]["stage"] == "sent")
    return file


async def terminate(office: Office, file: Handle) -> None:
    await file.terminate()

    async def running() -> bool:
        change(office, "UPDATE payment_file SET swept_at = swept_at - interval '1 minute'")
        await Upkeep(office.engine, office.temporal, office.options).restart_lost()
        return (await file.describe()).status is WorkflowExecutionStatus.RUNNING

    await eventually(running, bool)


@pytest.mark.parametrize("press", [terminate, reset_run])
@pytest.mark.parametrize("stage", [sent, accepted, sent_again])
async def test_pressed_at_a_stage_sends_nothing_once_more(
    run: Run,
    tmp_path: Path,
    stage: Callable[[Run], Awaitable[Handle]],
    press: Callable[[Office, Handle], Awaitable[None]],
) -> None:
    ready = await run.ready()
    file = run.office.temporal.get_workflow_handle((await stage(run)).id)
    before = {path.name for path in (tmp_path / "outbox").glob("*.xml")}
    await press(run.office, file)
    await run.until(file, "### Payment file")
    if stage is sent_again and press is reset_run:
        await run.until(file, "you had it sent again for that reason before")
    assert {path.name for path in (tmp_path / "outbox").glob("*.xml")} == before
    await run.books(ready)
    assert (await file.result())["stage"] == "accepted"
    assert "each of its payouts has ended" in await details(file)
