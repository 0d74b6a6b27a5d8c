"""Refund tickets in tests: money that a booked statement has, a ticket, and what operators and customers do with it."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

from temporalio.client import WorkflowHandle

from activities.bank_files import BankFiles, store
from activities.payouts import Collect, Payouts
from bankfiles.sample import Payment, Sheet
from prepay.refunds import RefundView
from tests.activities.test_bank_files import camt
from tests.bankfiles.answer_files import pain002
from tests.office import EUR_ACCOUNT, Office, request_id
from tests.workflows.deposits import details, eventually

APPROVE = {"operator": "Second Operator", "reason": "as the contract says"}
SECOND = {"operator": "Fifth Operator", "reason": "the customer confirms it"}
REJECT = {"operator": "Second Operator", "reason": "the contract does not allow it"}
PAYEE = {"name": "ACME GmbH", "iban": "DE89 3704 0044 0532 0130 00"}
PROOF = b"%PDF-1.4\nproof\n%%EOF\n"


def booked(office: Office, *payments: Payment, account: str = EUR_ACCOUNT, currency: str = "EUR") -> None:
    """Payments stand in a booked statement, which follows the one before."""
    query = """
        SELECT coalesce((array_agg(s.closing_minor ORDER BY s.id DESC))[1], 0) AS minor, count(*) AS files
        FROM bank_statement s JOIN collection_account a ON a.id = s.account_id WHERE a.iban = %s
    """
    [before] = office.rows(query, account)
    sheet = Sheet(
        account,
        currency,
        payments,
        statement_id=f"S-{before['files'] + 1}",
        sequence=str(before["files"] + 1),
        opening_minor=before["minor"],
        closing_minor=before["minor"] + sum(payment.amount_minor for payment in payments),
        created_on=date(2026, 11, 1) + timedelta(days=before["files"]),
    )
    sha256, _ = store(office.engine, camt(sheet, kind="camt.053"), "test.xml", "test")
    files = BankFiles(office.engine)
    state = files.read(sha256)
    assert state.stage == "read", state.reason
    files.post(sha256)


async def credited(office: Office, amount_minor: int, customer: str = "C-1001", **payer: Any) -> None:
    """The customer has paid so much, for a deposit of theirs, and a statement has it."""
    amount = f"{amount_minor / 100:.2f}"
    deposit = await office.client.request_deposit(
        customer, amount, "EUR", product="compute", request_id=request_id()
    )
    booked(office, Payment(amount_minor, request_id()[:30], structured=deposit.reference, **payer))


@dataclass
class OpenRefund:
    """A ticket, and its workflow."""

    office: Office
    customer: str
    number: str

    def row(self) -> dict[str, Any]:
        """How the database has it."""
        return self.office.rows("SELECT * FROM refund WHERE number = %s", self.number)[0]

    def payouts(self) -> list[dict[str, Any]]:
        """Its payouts, in order."""
        query = (
            "SELECT p.* FROM payout p JOIN refund r ON r.id = p.refund_id WHERE r.number = %s ORDER BY p.id"
        )
        return self.office.rows(query, self.number)

    @property
    def handle(self) -> WorkflowHandle[Any, Any]:
        """Its newest run."""
        return self.office.temporal.get_workflow_handle(self.row()["workflow_id"])

    async def details(self) -> str:
        """What an operator reads in the Temporal UI."""
        return await details(self.handle)

    async def until(self, text: str) -> str:
        """The details, once they say so."""
        return str(await eventually(self.details, lambda shown: text in shown))

    async def code(self) -> str:
        """What the details call that which is to be approved."""
        shown = await self.until("| **Code** | `")
        return shown.partition("| **Code** | `")[2][:12]

    async def approve(self, decision: dict[str, str] = APPROVE, **more: Any) -> None:
        """An operator agrees to what is there now."""
        content = more.pop("content", None) or await self.code()
        await self.handle.signal("approve", {**decision, "content": content, **more})

    async def newest_refusal(self) -> str:
        """The first line under the refused attempts."""
        shown = await self.until("**Refused attempts**")
        return shown.partition("**Refused attempts**")[2].strip().splitlines()[0]

    async def ends(self, stage: str) -> None:
        """Wait for the end."""
        assert (await self.handle.result())["stage"] == stage

    def notices(self) -> list[str]:
        """The kinds of what the customer was told, in order."""
        query = "SELECT kind FROM notice WHERE key LIKE %s ORDER BY id"
        return [row["kind"] for row in self.office.rows(query, f"refund:{self.row()['id']}:%")]

    def events(self) -> list[str]:
        """The lines of its audit page."""
        query = "SELECT what FROM refund_event WHERE refund_id = %s ORDER BY id"
        return [row["what"] for row in self.office.rows(query, self.row()["id"])]


def available(office: Office, customer: str = "C-1001") -> int:
    """The customer's balance in EUR."""
    query = "SELECT available_minor FROM ledger_balance WHERE customer = %s AND currency = 'EUR'"
    return int(office.rows(query, customer)[0]["available_minor"])


async def ask(
    office: Office, amount: str | None = "250.00", customer: str = "C-1001", **more: Any
) -> OpenRefund:
    """The customer asks it back."""
    given = {"reason": "we leave", "request_id": f"test-{uuid4()}", **more}
    view: RefundView = await office.client.request_refund(customer, "EUR", amount=amount, **given)
    return OpenRefund(office, customer, view.number)


def collect(office: Office) -> list[dict[str, Any]]:
    """A payment file is made of what is ready; its payouts."""
    Payouts(office.engine, office.options).collect(Collect(at_once=True))
    return office.rows(
        "SELECT p.*, f.message_id FROM payout p JOIN payment_file f ON f.id = p.file_id ORDER BY p.id"
    )


async def answers(office: Office, content: bytes) -> None:
    """The bank says so, and the workflows are rung."""
    sha256, _ = store(office.engine, content, "answer.xml", "test")
    files = BankFiles(office.engine)
    state = files.read(sha256)
    assert state.stage == "read", state.reason
    files.post(sha256)
    await office.ring()


async def rejects(office: Office, payout: dict[str, Any], code: str = "AC04") -> None:
    """The bank's status report refuses a payout."""
    await answers(office, pain002(payout["message_id"], [(payout["end_to_end_id"], "RJCT", code)], "PART"))


async def books(office: Office, payout: dict[str, Any]) -> None:
    """A statement of the bank's has the payout."""
    booked(
        office,
        Payment(
            -payout["amount_minor"],
            request_id()[:30],
            end_to_end_id=payout["end_to_end_id"],
            code="PMNT/ICDT/ESCT",
        ),
    )
    await office.ring()
