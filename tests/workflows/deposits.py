"""Deposits in tests: opened as a service would, paid at once, seen as operators see them."""

import asyncio
import io
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from temporalio.client import Client, WorkflowHandle

import tests.office
from activities.bank_files import BankFiles, store
from bankfiles.sample import Payment, Sheet, write_camt
from documents.form import PaymentRequestForm
from documents.papers import render_paper
from documents.pool import Drawable, Renderer
from prepay.ids import deposit_workflow_id
from prepay.records import DepositView
from tests.conftest import connected
from tests.office import EUR_ACCOUNT, Office, open_office, request_id

_payments = itertools.count(1)


class NoForms(Renderer):
    """Starts no process, which costs seconds: with forms off there are only statements and receipts to draw."""

    def __init__(self, processes: int | None = None, timeout: float = 30.0) -> None:
        self.processes, self.timeout = 1, timeout

    async def render(self, form: Drawable) -> bytes:
        assert not isinstance(form, PaymentRequestForm)
        return await asyncio.to_thread(render_paper, form)

    async def close(self) -> None:
        """Nothing was started."""


@asynccontextmanager
async def office_without_forms(url: str, temporal: Client, **options: Any) -> AsyncIterator[Office]:
    """An office that starts within a moment."""
    with patch.object(tests.office, "Renderer", NoForms):
        async with open_office(url, temporal, **options) as office:
            yield office


@dataclass
class OpenDeposit:
    """A deposit whose form has been issued, and its workflow."""

    office: Office
    request_id: str
    view: DepositView

    @property
    def handle(self) -> WorkflowHandle[Any, Any]:
        """Its newest run."""
        return self.office.temporal.get_workflow_handle(deposit_workflow_id("C-1001", self.request_id))

    def row(self) -> dict[str, Any]:
        """How the database has it."""
        return self.office.rows("SELECT * FROM deposit WHERE number = %s", self.view.number)[0]

    def notices(self) -> list[str]:
        """The kinds of what the customer was told, in order."""
        query = "SELECT kind FROM notice WHERE deposit_id = (SELECT id FROM deposit WHERE number = %s) ORDER BY id"
        return [row["kind"] for row in self.office.rows(query, self.view.number)]

    def arrives(self, amount_minor: int) -> None:
        """The bank's file with that payment has been posted; nobody has been rung yet."""
        money_arrives(self.office, self.view.reference, amount_minor)

    async def pay(self, amount_minor: int) -> None:
        """The same, and the relay rings."""
        self.arrives(amount_minor)
        await self.office.ring()

    async def details(self) -> str:
        """What an operator reads in the Temporal UI."""
        return await details(self.handle)

    async def until(self, stage: str) -> None:
        """Wait until the workflow itself shows the stage."""
        await eventually(self.details, lambda shown: f"| **Stage** | {stage}" in shown)


async def open_deposit(office: Office, amount: str = "1000.00") -> OpenDeposit:
    """C-1001 asks for a form."""
    rid = request_id()
    view = await office.client.request_deposit("C-1001", amount, "EUR", product="Compute", request_id=rid)
    return OpenDeposit(office, rid, view)


def money_arrives(office: Office, reference: str, amount_minor: int) -> None:
    """Post a payment as a bank file does, without the file's workflow: its activities are called here."""
    number = next(_payments)
    file, payment = (
        io.BytesIO(),
        Payment(amount_minor, f"BANK-{number}", reference, end_to_end_id=f"E-{number}"),
    )
    write_camt(file, [Sheet(account=EUR_ACCOUNT, currency="EUR", entries=[payment])])
    sha256, _ = store(office.engine, file.getvalue(), "test.xml", "test")
    reader = BankFiles(office.engine)
    assert reader.read(sha256).stage == "read"
    assert reader.post(sha256).stage == "posted"


async def details(handle: WorkflowHandle[Any, Any]) -> str:
    """The current details of a workflow, as the UI asks for them."""
    metadata: Any = await handle.query("__temporal_workflow_metadata")
    return str(metadata.current_details)


async def eventually(ask: Any, right: Callable[[Any], bool], seconds: float = 20.0) -> Any:
    """Ask until the answer is right; the last answer is in the failure."""
    end = asyncio.get_running_loop().time() + seconds
    while True:
        answer = ask()
        if asyncio.iscoroutine(answer):
            answer = await answer
        if right(answer):
            return answer
        assert asyncio.get_running_loop().time() < end, f"still {answer!r}"
        await asyncio.sleep(0.05)


def change(office: Office, statement: str, *given: Any) -> None:
    """Change rows as the application's role may."""
    connected(office.url).execute(statement.encode(), given)
