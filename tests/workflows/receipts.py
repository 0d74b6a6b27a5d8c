"""Receipts without an owner in tests: money comes, nobody knows whose it is, and its workflow waits."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from temporalio.client import WorkflowHandle
from temporalio.service import RPCError

from bankfiles.sample import Payment, Sheet
from tests.activities.test_bank_files import camt
from tests.office import EUR_ACCOUNT, Office, request_id
from tests.workflows.deposits import details, eventually

APPLY = {"operator": "First Operator", "reason": "their letter of 3 May"}
SECOND = {"operator": "Second Operator", "reason": "the customer confirms it"}
PAYER = Payment(1).payer_account


@dataclass
class OpenReceipt:
    """A receipt, and its workflow."""

    office: Office
    part: int

    @property
    def handle(self) -> WorkflowHandle[Any, Any]:
        """Its newest run."""
        return self.office.temporal.get_workflow_handle(f"receipt-{self.part}")

    def row(self) -> dict[str, Any]:
        """How the database has it."""
        return self.office.rows("SELECT * FROM receipt WHERE part_id = %s", self.part)[0]

    async def details(self) -> str:
        """What an operator reads in the Temporal UI."""
        return await details(self.handle)

    async def until(self, text: str) -> str:
        """The details, once they say so."""
        return str(await eventually(self.details, lambda shown: text in shown))

    async def newest_refusal(self) -> str:
        """The first line under the refused attempts."""
        return (await self.details()).partition("**Refused attempts**")[2].strip().splitlines()[0]

    async def ends(self, stage: str) -> None:
        """Wait for the end."""
        assert (await self.handle.result())["stage"] == stage

    async def signal(self, name: str, decision: dict[str, Any], **more: Any) -> None:
        """What an operator sends."""
        await self.handle.signal(name, {**decision, **more})

    def available(self, customer: str = "C-1001") -> int:
        """The customer's balance in EUR."""
        query = "SELECT available_minor FROM ledger_balance WHERE customer = %s AND currency = 'EUR'"
        return int(self.office.rows(query, customer)[0]["available_minor"])


async def deliver(office: Office, *payments: Payment) -> None:
    """Payments arrive in a file of their own, which is posted without a workflow."""
    from activities.bank_files import BankFiles, store

    content = camt(Sheet(EUR_ACCOUNT, "EUR", payments, statement_id=request_id()))
    sha256, _ = store(office.engine, content, "test.xml", "test")
    files = BankFiles(office.engine)
    assert files.read(sha256).stage == "read"
    files.post(sha256)


async def open_receipt(office: Office, amount_minor: int = 100_000, **payment: Any) -> OpenReceipt:
    """Money without a reference has come, and its workflow has looked."""
    await deliver(office, Payment(amount_minor, request_id()[:30], **payment))
    [row] = office.rows("SELECT max(part_id) AS part FROM receipt")
    receipt = OpenReceipt(office, row["part"])
    # Rows are numbered anew in each database, and the Temporal is shared: an earlier test may have left one running.
    with suppress(RPCError):
        await receipt.handle.terminate()
    while await office.ring():
        pass
    await receipt.until("| **Stage** | ")
    return receipt
