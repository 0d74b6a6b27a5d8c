"""A statement with an entry that could not be read, and somebody who says what it is."""

from contextlib import suppress
from datetime import date

from sqlmodel import Session
from temporalio.service import RPCError

from activities import bank_resolving
from activities.bank_files import store
from activities.bank_resolving_input import Facts, Resolve
from prepay.ids import bank_file_workflow_id
from tests.activities.test_bank_quarantine import LACKING
from tests.office import Office, request_id
from tests.workflows.deposits import details, eventually

FACTS = Facts(booked_on=date(2026, 11, 23), reference="R-40", remittance="the fortieth", payer="ACME GmbH")


async def deliver(office: Office) -> str:
    """The id of the file's workflow: 40.00 EUR in line 3 could not be read."""
    sha256, _ = store(office.engine, LACKING.replace(b"S-1", request_id().encode()), "test.xml", "test")
    await office.ring()
    return bank_file_workflow_id(sha256)


async def propose(office: Office, by: str = "First Operator") -> tuple[str, str]:
    """The ids of the workflow that waits for the second person, and of the file's."""
    file = await deliver(office)
    handle = office.temporal.get_workflow_handle(file)
    await eventually(lambda: details(handle), lambda shown: "| **Stage** | alarm" in shown)
    [row] = office.rows("SELECT max(file_id) AS file FROM bank_quarantine")
    given = Resolve(file=row["file"], line="3", by=by, reason="as it stands there", facts=FACTS)
    with Session(office.engine) as session, session.begin():
        workflow_id = bank_resolving.propose(session, given).workflow_id
    # Rows are numbered anew in each database, and the Temporal is shared: an earlier test may have left one running.
    with suppress(RPCError):
        await office.temporal.get_workflow_handle(workflow_id).terminate()
    await office.ring()
    return workflow_id, file
