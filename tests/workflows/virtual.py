"""Applications for virtual accounts in tests of lifecycles: rules and numbers put straight into the rows."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from temporalio.client import WorkflowHandle
from temporalio.service import RPCError

from tests.office import Office, request_id
from tests.workflows.deposits import change, details, eventually


@dataclass
class Application:
    """An application, and the workflow that has been started for it."""

    office: Office
    row: int
    handle: WorkflowHandle[Any, Any]

    async def until(self, text: str) -> str:
        """The details, once they say so."""
        return str(await eventually(lambda: details(self.handle), lambda shown: text in shown))

    async def newest_refusal(self) -> str:
        shown = await details(self.handle)
        return shown.partition("**Refused attempts**")[2].strip().splitlines()[0]

    async def attributes(self) -> dict[str, Any]:
        described = await self.handle.describe()
        return {pair.key.name: pair.value for pair in described.typed_search_attributes}

    def stage(self) -> str:
        query = "SELECT stage FROM virtual_account_application WHERE id = %s"
        return str(self.office.rows(query, self.row)[0]["stage"])


def allow(office: Office, numbers: int = 5) -> None:
    """Customers of Nimbus Europe may have one, and there are so many numbers."""
    change(
        office,
        "INSERT INTO eligibility_rule (entity, country, allowed, reason, valid_from)"
        " VALUES ('nimbus-eu', '*', true, 'as the contract says', '2026-01-01') ON CONFLICT DO NOTHING",
    )
    add_numbers(office, numbers)


def add_numbers(office: Office, numbers: int) -> None:
    """More numbers of the pool."""
    change(
        office,
        "INSERT INTO virtual_account (account_id, bank_number, account_number)"
        " SELECT a.id, 'VIRTUAL' || n, 'VIRTUAL' || n FROM collection_account a, generate_series("
        " (SELECT count(*) FROM virtual_account) + 1, (SELECT count(*) FROM virtual_account) + %s) n"
        " WHERE a.code = 'nimbus-eu-eur'",
        numbers,
    )


async def apply(
    office: Office,
    customer: str = "C-1001",
    by: str = "First Operator",
    currency: str = "EUR",
    replaces: int | None = None,
) -> Application:
    """An operator applies for a customer, and the relay rings."""
    change(
        office,
        "WITH new AS (INSERT INTO virtual_account_application"
        " (customer_id, entity, currency, replaces_id, request_id, applied_by)"
        " SELECT id, entity, %s, %s, %s, %s FROM customer WHERE number = %s RETURNING id)"
        " INSERT INTO outbox (workflow_id, version) SELECT 'virtual-account-' || id, 1 FROM new",
        currency,
        replaces,
        request_id(),
        by,
        customer,
    )
    [row] = office.rows("SELECT max(id) AS id FROM virtual_account_application")
    handle = office.temporal.get_workflow_handle(f"virtual-account-{row['id']}")
    # Rows are numbered anew in each database, and the Temporal is shared: an earlier test may have left one running.
    with suppress(RPCError):
        await handle.terminate()
    await office.ring()
    return Application(office, row["id"], handle)


async def in_review(office: Office, **how: Any) -> Application:
    """An application that waits for an operator."""
    allow(office)
    application = await apply(office, **how)
    await application.until("| **Stage** | in review")
    return application
