"""Bills in tests of lifecycles: issued as a service would, paid as money comes."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import Any

import psycopg
from temporalio.client import WorkflowHandle
from temporalio.service import RPCError

from ledger import postings
from ledger.events import Credit, Receipt
from tests.office import Office
from tests.workflows.deposits import details, eventually


@dataclass
class OpenBill:
    """A bill, and the workflow that has been started for it."""

    office: Office
    number: str
    row: int
    handle: WorkflowHandle[Any, Any]

    async def until(self, text: str) -> str:
        """The details, once they say so."""
        return str(await eventually(lambda: details(self.handle), lambda shown: text in shown))

    async def attributes(self) -> dict[str, Any]:
        described = await self.handle.describe()
        return {pair.key.name: pair.value for pair in described.typed_search_attributes}

    def notices(self) -> list[str]:
        query = "SELECT kind FROM notice WHERE key LIKE %s ORDER BY id"
        return [row["kind"] for row in self.office.rows(query, f"bill:{self.row}:%")]


async def issue(office: Office, number: str = "I-1", due_on: date = date(2999, 1, 1)) -> OpenBill:
    """A bill of 100.00 EUR for C-1001, and the relay rings."""
    lines = [("Compute", "60.00"), ("Storage", "40.00")]
    await office.client.issue_bill(number, "C-1001", "EUR", lines, due_on=due_on)
    [row] = office.rows("SELECT id FROM bill WHERE number = %s", number)
    handle = office.temporal.get_workflow_handle(f"bill-{row['id']}")
    # Rows are numbered anew in each database, and the Temporal is shared: an earlier test may have left one running.
    with suppress(RPCError):
        await handle.terminate()
    await office.ring()
    return OpenBill(office, number, row["id"], handle)


def money_comes(office: Office, amount_minor: int, key: str = "r") -> None:
    """On the balance of C-1001, without a deposit."""
    place: dict[str, Any] = {"entity": "nimbus-eu", "currency": "EUR", "amount_minor": amount_minor}
    with psycopg.connect(office.url) as conn:
        postings.receive_many(conn, [Receipt(key=key, account="GIRO", **place)])
        postings.credit_many(conn, [Credit(key=f"{key}+", source=key, customer="C-1001", **place)])
