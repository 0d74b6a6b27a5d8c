"""The main ways of deposits, files and reassignments: recorded for replay, searched for what no history may hold."""

import asyncio
import io
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlmodel import Session
from temporalio.service import RPCError

from activities.bank_files import store
from activities.reassignment_proposal import ReassignInput
from activities.reassignment_proposal import propose as propose_move
from bankfiles.sample import Payment, Sheet, write_camt
from prepay.client import Refused
from prepay.ids import bank_file_workflow_id, deposit_workflow_id
from tests.conftest import SETUP
from tests.office import EUR_ACCOUNT, Office, change_set_up, request_id
from tests.workflows.bill_stories import BILL_STORIES
from tests.workflows.decision_stories import DECISION_STORIES
from tests.workflows.deposits import OpenDeposit, change, details, eventually, open_deposit
from tests.workflows.payment_stories import PAYMENT_STORIES
from tests.workflows.receipt_stories import RECEIPT_STORIES
from tests.workflows.refund_stories import REFUND_STORIES
from tests.workflows.statement_stories import STATEMENT_STORIES

NEW_ACCOUNT = "NL82MOCK0000001009"
OPERATOR = "First Operator"
PAYER_NAME, PAYER_ACCOUNT = "Vandelay Example BV", "NL26MOCK0000009001"


async def credited(office: Office) -> str:
    """Asked for, paid exactly."""
    deposit = await open_deposit(office)
    await _paid(deposit, 100_000)
    return await _ended(deposit)


async def two_parts(office: Office) -> str:
    """Paid in two parts, with attempts of an operator that are refused in between."""
    deposit = await open_deposit(office)
    await deposit.handle.signal("extend", None)
    await deposit.handle.cancel()
    await _paid(deposit, 30_000)
    await deposit.until("part paid")
    await deposit.handle.signal("cancle")
    await _paid(deposit, 70_000)
    return await _ended(deposit)


async def extended_and_expired(office: Office) -> str:
    """Extended by an operator, and nobody paid."""
    deposit = await _extended(office)
    await _expired(deposit)
    return await _ended(deposit)


async def cancelled(office: Office) -> str:
    """Cancelled by an operator."""
    deposit = await open_deposit(office)
    await deposit.handle.signal("cancel", {"operator": OPERATOR, "reason": "ordered twice"})
    return await _ended(deposit)


async def late(office: Office) -> str:
    """Paid after it had expired: the run that tells of the late money."""
    deposit = await _extended(office)
    await _expired(deposit)
    await _ended(deposit)
    await _paid(deposit, 100_000)
    return await _ended(deposit)


async def refused(office: Office) -> str:
    """Asked for by nobody we know."""
    rid = request_id()
    try:
        await office.client.request_deposit("C-9999", "1.00", "EUR", product="Compute", request_id=rid)
    except Refused:
        return deposit_workflow_id("C-9999", rid)
    raise AssertionError("an unknown customer got a form")


async def bank_file_posted(office: Office) -> str:
    """Read and posted: one payment for a deposit, one that nobody can attribute."""
    deposit = await open_deposit(office)
    known = _payment(100_000, "E-1", deposit.view.reference)
    workflow_id = await _deliver(office, EUR_ACCOUNT, known, _payment(700, "E-2"))
    await _handled(office, workflow_id)
    await office.ring()
    await _ended(deposit)
    return workflow_id


async def bank_file_held_and_released(office: Office) -> str:
    """About an account that is set up only afterwards: one person releases it, twice, and then another."""
    workflow_id = await _deliver(office, NEW_ACCOUNT, _payment(700, "E-3"))
    handle = office.temporal.get_workflow_handle(workflow_id)
    await eventually(lambda: details(handle), lambda shown: "| **Stage** | held" in shown)
    account = SETUP.read_text().split("[[account]]")[1].replace("nimbus-eu-eur", "nimbus-eu-eur-2")
    with TemporaryDirectory() as folder:
        file = Path(folder) / "setup.toml"
        file.write_text(SETUP.read_text() + "\n[[account]]" + account.replace(EUR_ACCOUNT, NEW_ACCOUNT))
        await asyncio.to_thread(change_set_up, office.url, file)
    reason = "the account has been added"
    await handle.signal("release", {"operator": OPERATOR, "reason": reason})
    await eventually(lambda: details(handle), lambda shown: "a second person must release it too" in shown)
    await handle.signal("release", {"operator": OPERATOR, "reason": reason})
    await handle.signal("release", {"operator": "Second Operator", "reason": reason})
    await _handled(office, workflow_id)
    return workflow_id


async def reassignment_approved(office: Office) -> str:
    """Proposed, with attempts that are refused, the proposer's own among them; then approved by somebody else."""
    workflow_id = await _proposed(office)
    handle = office.temporal.get_workflow_handle(workflow_id)
    approve = {"operator": OPERATOR, "reason": "the customer confirms it"}
    await handle.signal("approve", None)
    await handle.signal("aprove", approve)
    await handle.cancel()
    await handle.signal("approve", approve)
    await eventually(lambda: details(handle), lambda shown: "somebody else must approve it" in shown)
    await handle.signal("approve", {**approve, "operator": "Second Operator"})
    await _handled(office, workflow_id)
    # The next story's money comes from the same payer.
    change(office, "UPDATE payer_pause SET ended_at = now(), ended_by = 'test', ended_reason = 'test'")
    return workflow_id


async def reassignment_refused(office: Office) -> str:
    """Proposed, rung once more, and refused."""
    workflow_id = await _proposed(office)
    handle = office.temporal.get_workflow_handle(workflow_id)
    await handle.signal("ring")
    await handle.signal("refuse", {"operator": "Second Operator", "reason": "it is theirs after all"})
    await _handled(office, workflow_id)
    return workflow_id


STORIES: tuple[Callable[[Office], Awaitable[str]], ...] = (
    credited,
    two_parts,
    extended_and_expired,
    cancelled,
    late,
    refused,
    bank_file_posted,
    bank_file_held_and_released,
    reassignment_approved,
    reassignment_refused,
    *RECEIPT_STORIES,
    *REFUND_STORIES,
    *PAYMENT_STORIES,
    *DECISION_STORIES,
    *BILL_STORIES,
    *STATEMENT_STORIES,
)


async def propose(office: Office, wrong: OpenDeposit, to: str) -> str:
    """Somebody wants to move the payment of a deposit; the id of the workflow that has been started for it."""
    query = """
        SELECT p.entry_id FROM credit JOIN bank_entry_part p ON p.id = credit.part_id
        JOIN deposit d ON d.id = credit.deposit_id WHERE d.number = %s
    """
    [row] = office.rows(query, wrong.view.number)
    given = ReassignInput(entry=row["entry_id"], to=to, by=OPERATOR, reason="they wrote to us")
    with Session(office.engine) as session, session.begin():
        workflow_id = propose_move(session, given).workflow_id
    # Rows are numbered anew in each database, and the Temporal is shared: an earlier test may have left one running.
    with suppress(RPCError):
        await office.temporal.get_workflow_handle(workflow_id).terminate()
    await office.ring()
    return workflow_id


async def _proposed(office: Office) -> str:
    wrong, right = await open_deposit(office), await open_deposit(office)
    await _paid(wrong, 100_000)
    await _ended(wrong)
    workflow_id = await propose(office, wrong, right.view.number)
    handle = office.temporal.get_workflow_handle(workflow_id)
    await eventually(lambda: details(handle), lambda shown: "| **Stage** | proposed" in shown)
    return workflow_id


def _payment(amount_minor: int, end_to_end_id: str, reference: str = "") -> Payment:
    return Payment(
        amount_minor,
        structured=reference,
        end_to_end_id=end_to_end_id,
        payer_name=PAYER_NAME,
        payer_account=PAYER_ACCOUNT,
    )


async def _deliver(office: Office, account: str, *payments: Payment) -> str:
    file = io.BytesIO()
    write_camt(file, [Sheet(account=account, currency="EUR", entries=payments, statement_id=request_id())])
    sha256, _ = store(office.engine, file.getvalue(), f"{account}.xml", "test")
    await office.ring()
    return bank_file_workflow_id(sha256)


async def _handled(office: Office, workflow_id: str) -> None:
    await office.temporal.get_workflow_handle(workflow_id).result()


async def _paid(deposit: OpenDeposit, amount_minor: int) -> None:
    await deposit.pay(amount_minor)


async def _extended(office: Office) -> OpenDeposit:
    deposit = await open_deposit(office)
    until = (deposit.view.expires_at.date() + timedelta(days=7)).isoformat()
    await deposit.handle.signal(
        "extend", {"operator": OPERATOR, "until": until, "reason": "the customer asked"}
    )
    await eventually(deposit.notices, lambda kinds: "extended" in kinds)
    return deposit


async def _expired(deposit: OpenDeposit) -> None:
    """Its time has come; the workflow looks at the rows."""
    change(deposit.office, "UPDATE deposit SET expires_at = now() WHERE number = %s", deposit.view.number)
    await deposit.handle.signal("ring")


async def _ended(deposit: OpenDeposit) -> str:
    await deposit.handle.result()
    return deposit.handle.id
