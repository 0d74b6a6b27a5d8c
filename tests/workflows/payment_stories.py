"""The main ways of payment files and of the run that makes them, for the same uses as those in `stories`."""

from typing import Any

import psycopg
from temporalio.client import WorkflowHandle

from bankfiles.sample import Payment
from prepay.ids import TASK_QUEUE, payment_file_workflow_id
from tests.office import Office, request_id
from tests.payouts import Ready, ready_payout
from tests.workflows.deposits import change, details, eventually
from tests.workflows.receipts import deliver
from tests.workflows.refunds import credited
from workflows.payment_run import PaymentRun

NOW = {"operator": "Second Operator", "reason": "the customer waits"}
SENT = "sent: the bank has not answered"


async def payment_run_at_a_signal(office: Office) -> str:
    """Somebody who may not, nonsense, and then somebody who may."""
    await _ready(office)
    run = await office.temporal.start_workflow(PaymentRun.run, id=request_id(), task_queue=TASK_QUEUE)
    await run.signal("run_now", {})
    await run.signal("run_nwo", NOW)
    await run.signal("run_now", NOW | {"operator": "Third Operator"})
    await eventually(lambda: details(run), lambda shown: "Third Operator is" in shown)
    before = _files(office)
    await run.signal("run_now", NOW)
    await eventually(lambda: _files(office), lambda now: now > before)
    await run.terminate()
    return run.id


async def payment_file_booked(office: Office) -> str:
    """The bank takes it and books its payout."""
    ready, file = await _sent(office)
    await file_handle(office, file).cancel()
    await deliver(
        office, Payment(-1_000, f"OUT-{file}", end_to_end_id=ready.end_to_end_id, code="PMNT/ICDT/ESCT")
    )
    await office.ring()
    await file_handle(office, file).result()
    return payment_file_workflow_id(file)


async def payment_file_never_paid(office: Office) -> str:
    """The bank is silent: it is sent again, people are asked, and two of them say that it was never paid."""
    ready, file = await _sent(office)
    handle = file_handle(office, file)
    await handle.signal("resend", NOW)
    await eventually(
        lambda: office.rows("SELECT resent, stage FROM payment_file WHERE id = %s", file),
        lambda rows: rows == [{"resent": 1, "stage": "sent"}],
    )
    change(office, "UPDATE payment_file SET sent_at = now() - interval '7 days' WHERE id = %s", file)
    await handle.signal("ring")
    await eventually(lambda: details(handle), lambda shown: "The bank has not answered for" in shown)
    said = {"reason": "the bank by phone", "payout": ready.end_to_end_id}
    for operator in ("Second Operator", "Second Operator", "Fifth Operator"):
        await handle.signal("not_paid", said | {"operator": operator})
    await handle.result()
    return handle.id


def file_handle(office: Office, file: int) -> WorkflowHandle[Any, Any]:
    """The workflow of that file."""
    return office.temporal.get_workflow_handle(payment_file_workflow_id(file))


async def _ready(office: Office) -> Ready:
    await credited(office, 20_000)
    with psycopg.connect(office.url) as connection:
        return ready_payout(connection, "C-1001", 1_000, ready="now()")


async def _sent(office: Office) -> tuple[Ready, int]:
    ready = await _ready(office)
    return ready, await send_payouts(office)


async def send_payouts(office: Office) -> int:
    """An operator has a payment file made of what is ready, and it goes to the bank."""
    before = _files(office)
    run = await office.temporal.start_workflow(PaymentRun.run, id=request_id(), task_queue=TASK_QUEUE)
    await run.signal("run_now", NOW)
    await eventually(lambda: _files(office), lambda now: now > before)
    await run.terminate()
    await office.ring()
    file = _files(office)
    await eventually(lambda: details(file_handle(office, file)), lambda shown: SENT in shown)
    return file


def _files(office: Office) -> int:
    """The newest."""
    found: int = office.rows("SELECT coalesce(max(id), 0) AS newest FROM payment_file")[0]["newest"]
    return found


PAYMENT_STORIES = (payment_run_at_a_signal, payment_file_booked, payment_file_never_paid)
