"""Claims in tests: a customer says that they have paid, with a proof."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import Any

from temporalio.client import WorkflowHandle
from temporalio.service import RPCError

from bankfiles.sample import Payment
from prepay.claims import ClaimView
from tests.office import Office, request_id
from tests.workflows.deposits import details, eventually

PDF = b"%PDF-1.7\nan invented proof of payment\n%%EOF\n"
PAID_ON = date(2026, 11, 22)


@dataclass
class OpenClaim:
    """A claim, and its workflow."""

    office: Office
    view: ClaimView

    @property
    def handle(self) -> WorkflowHandle[Any, Any]:
        """Its newest run."""
        return self.office.temporal.get_workflow_handle(f"claim-{self.view.claim}")

    def row(self) -> dict[str, Any]:
        """How the database has it."""
        return self.office.rows("SELECT * FROM claim WHERE id = %s", self.view.claim)[0]

    def told(self) -> list[str]:
        """The kinds of what the customer was told, in order."""
        query = "SELECT kind FROM notice WHERE kind LIKE 'claim_%%' ORDER BY id"
        return [row["kind"] for row in self.office.rows(query)]

    async def until(self, stage: str) -> str:
        """The details, once they say the stage."""
        shown = f"| **Stage** | {stage}"
        return str(await eventually(lambda: details(self.handle), lambda seen: shown in seen))

    async def where(self) -> str:
        """What the customer is answered."""
        return (await self.office.client.claim(self.view.customer, self.view.claim)).where


async def open_claim(office: Office, customer: str = "C-1002", **given: Any) -> OpenClaim:
    """A claim about what `open_receipt` brings, and its workflow has looked."""
    asked = {"paid_on": PAID_ON, "payer_account": Payment(1).payer_account, "proof": PDF, **given}
    view = await office.client.claim_receipt(
        customer,
        asked.pop("amount", "1000.00"),
        "EUR",
        request_id=asked.pop("request_id", request_id()),
        **asked,
    )
    claim = OpenClaim(office, view)
    # Rows are numbered anew in each database, and the Temporal is shared: an earlier test may have left one running.
    with suppress(RPCError):
        await claim.handle.terminate()
    while await office.ring():
        pass
    await claim.until("")
    return claim
