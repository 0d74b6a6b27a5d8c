"""The payment run and its files on a real Temporal: made at a signal, sent, asked about, sent again."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from temporalio.client import WorkflowHandle
from temporalio.service import RPCError

from bankfiles.sample import Payment
from prepay.ids import TASK_QUEUE
from tests.activities.test_bank_files import Desk
from tests.conftest import Database
from tests.office import Office, request_id
from tests.payouts import Ready, ready_payout
from tests.workflows.deposits import change, details, eventually, office_without_forms
from tests.workflows.receipts import deliver
from workflows.payment_run import PaymentRun

NOW = {"operator": "Second Operator", "reason": "the customer waits"}


class Run:
    """A payment run, and the file that it made."""

    def __init__(self, office: Office, handle: WorkflowHandle[Any, Any]) -> None:
        self.office, self.handle = office, handle

    async def ready(self, amount_minor: int = 1_000) -> Ready:
        desk = Desk(Database(self.office.url, "", "", "", ""), self.office.engine)
        deposit = desk.issue(amount="1000.00")
        desk.pay(Payment(100_000, request_id()[:30], structured=deposit.reference))
        with psycopg.connect(self.office.url) as connection:
            return ready_payout(connection, "C-1001", amount_minor, ready="now()")

    async def send(self) -> WorkflowHandle[Any, Any]:
        """An operator does not wait; the file's workflow."""
        with suppress(RPCError):
            await self.office.temporal.get_workflow_handle("payment-file-1").terminate()
        await self.handle.signal("run_now", NOW)
        await eventually(self.files, bool)
        await self.office.ring()
        file = self.office.temporal.get_workflow_handle("payment-file-1")
        await eventually(lambda: details(file), lambda shown: "sent: the bank has not answered" in shown)
        return file

    async def books(self, ready: Ready) -> None:
        """The bank's notification has the payout."""
        booked = Payment(-ready.amount_minor, "OUT", end_to_end_id=ready.end_to_end_id, code="PMNT/ICDT/ESCT")
        await deliver(self.office, booked)
        await self.office.ring()

    async def files(self) -> list[dict[str, Any]]:
        return self.office.rows("SELECT * FROM payment_file")

    async def until(self, handle: WorkflowHandle[Any, Any], text: str) -> str:
        return str(await eventually(lambda: details(handle), lambda shown: text in shown))


@pytest.fixture
async def run(set_up: Database, temporal: Any, tmp_path: Path) -> Any:
    async with office_without_forms(set_up.app_url, temporal.client, outbox=tmp_path / "outbox") as office:
        handle = await temporal.client.start_workflow(PaymentRun.run, id=request_id(), task_queue=TASK_QUEUE)
        yield Run(office, handle)
        await handle.terminate()


class TestRun:
    async def test_at_an_operators_signal_to_the_end(self, run: Run, tmp_path: Path) -> None:
        ready = await run.ready()
        await run.until(run.handle, "### Payment run")
        file = await run.send()
        [path] = (tmp_path / "outbox").glob("*.xml")
        assert ready.end_to_end_id in path.read_text()
        await run.books(ready)
        assert (await file.result())["stage"] == "accepted"
        assert "each of its payouts has ended" in await details(file)

    async def test_whoever_may_not_is_refused(self, run: Run) -> None:
        await run.ready()
        await run.handle.signal("run_now", NOW | {"operator": "Third Operator"})
        await run.until(run.handle, "Third Operator is")
        assert run.office.rows("SELECT id FROM payment_file") == []

    async def test_whatever_is_typed_it_lives(self, run: Run) -> None:
        for typed in (None, {}, "now", {"operator": ""}):
            await run.handle.signal("run_now", typed)
        await run.until(run.handle, "**Refused attempts**")
        await run.handle.signal("run_nwo", NOW)
        await run.until(run.handle, "there is no such signal here")


class TestFile:
    async def test_silence_is_asked_about_and_the_same_file_sent_again(
        self, run: Run, tmp_path: Path
    ) -> None:
        await run.ready()
        file = await run.send()
        await file.signal("resend", NOW)
        await eventually(run.files, lambda rows: rows[0]["resent"] == 1 and rows[0]["stage"] == "sent")
        first, second = sorted((tmp_path / "outbox").glob("*.xml"))
        assert first.read_bytes() == second.read_bytes()
        change(run.office, "UPDATE payment_file SET sent_at = now() - interval '7 days'")
        await file.signal("ring")
        shown = await run.until(file, "The bank has not answered for")
        assert "`resend` sends the same file once more" in shown
        attributes = (await file.describe()).typed_search_attributes
        assert {pair.key.name: pair.value for pair in attributes}["NeedsHuman"] is True

    async def test_two_people_say_that_it_was_never_paid(self, run: Run) -> None:
        ready = await run.ready()
        file = await run.send()
        said = {"reason": "the bank by phone", "payout": ready.end_to_end_id}
        await file.signal("not_paid", said | {"operator": "Second Operator"})
        await file.signal("not_paid", said | {"operator": "Second Operator"})
        await run.until(file, "somebody else must say it too")
        await file.signal("not_paid", said | {"operator": "Fifth Operator"})
        assert (await file.result())["stage"] == "rejected"
        told = "SELECT by, reason, attestation_id IS NOT NULL AS proven FROM refund_event WHERE by <> '' ORDER BY id"
        assert run.office.rows(told) == [
            {"by": name, "reason": "the bank by phone", "proven": True}
            for name in ("Second Operator", "Fifth Operator")
        ]

    async def test_that_cannot_go_asks_people_and_goes_when_it_can(self, run: Run, tmp_path: Path) -> None:
        await run.ready()
        (tmp_path / "outbox").write_text("somebody's file")
        await run.handle.signal("run_now", NOW)
        await eventually(run.files, bool)
        await run.office.ring()
        file = run.office.temporal.get_workflow_handle("payment-file-1")
        await run.until(file, "**It cannot go to the bank.** The outbox cannot be written: Not a directory.")
        attributes = (await file.describe()).typed_search_attributes
        assert {pair.key.name: pair.value for pair in attributes}["NeedsHuman"] is True
        await file.signal("resend", NOW)
        await run.until(file, "the file has not left yet")
        (tmp_path / "outbox").unlink()
        await file.signal("ring")
        await run.until(file, "sent: the bank has not answered")

    async def test_cancel_stops_no_payment(self, run: Run) -> None:
        await run.ready()
        file = await run.send()
        await file.cancel()
        await run.until(file, "it does not stop a payment")
