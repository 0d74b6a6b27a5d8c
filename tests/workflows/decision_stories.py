"""The main ways of virtual accounts, changes and freezes, for the same uses as those in `stories`."""

from contextlib import suppress
from datetime import date
from typing import Any

from sqlmodel import Session
from temporalio.client import WorkflowHandle
from temporalio.service import RPCError

from activities.changes import ChangeInput, propose
from activities.screening import FreezeInput, freeze_customer
from tests.office import Office, request_id
from tests.workflows.deposits import change, details, eventually
from tests.workflows.unread import propose as propose_resolution
from tests.workflows.virtual import Application, apply

FIRST, SECOND, THIRD, FOURTH = (
    {"operator": f"{name} Operator", "reason": "as agreed"} for name in ("First", "Second", "Third", "Fourth")
)


async def virtual_account_closed(office: Office) -> str:
    """Applied for, approved by a second operator, and closed, with an attempt that is refused in between."""
    application = await apply(office, "C-1003")
    await application.until("| **Stage** | in review")
    await application.handle.signal("approve", {**FIRST, "reason": "I applied myself"})
    await application.until("somebody else must decide")
    return await _approved_and_closed(application)


async def virtual_account_refused_by_rule(office: Office) -> str:
    """No rule allows it."""
    application = await apply(office, "C-1001")
    await application.handle.result()
    return application.handle.id


async def virtual_account_rejected(office: Office) -> str:
    """Allowed, and rejected by an operator, after attempts that were refused."""
    application = await apply(office, "C-1003")
    await application.until("| **Stage** | in review")
    await application.handle.signal("reject", None)
    await application.handle.signal("rejct", SECOND)
    await application.handle.cancel()
    await application.handle.signal("reject", SECOND)
    await application.handle.result()
    return application.handle.id


async def virtual_account_without_a_number(office: Office) -> str:
    """Approved when the bank's numbers have run out; it goes on when there are more."""
    change(
        office,
        "INSERT INTO eligibility_rule (entity, country, allowed, reason, valid_from)"
        " VALUES ('nimbus-sg', 'CN', true, 'as the contract says', '2026-01-01')",
    )
    application = await apply(office, "C-2001", currency="USD")
    await application.until("| **Stage** | in review")
    await application.handle.signal("approve", SECOND)
    await application.until("the pool is empty")
    change(
        office,
        "INSERT INTO virtual_account (account_id, bank_number, account_number)"
        " SELECT id, 'RECORDED1', 'RECORDED1' FROM collection_account WHERE code = 'nimbus-sg-usd'",
    )
    await application.handle.signal("ring")
    await application.until("| **Stage** | active")
    await application.handle.signal("close", SECOND)
    await application.handle.result()
    return application.handle.id


async def virtual_account_kept_after_review(office: Office) -> str:
    """Something changes at the customer: people look again, keep it, and close it later."""
    application = await apply(office, "C-1003")
    await application.until("| **Stage** | in review")
    await application.handle.signal("approve", SECOND)
    await application.until("| **Stage** | active")
    told = "UPDATE virtual_account_application SET review = 'their country was DE', waits_since = now() WHERE id = %s"
    change(office, told, application.row)
    await application.handle.signal("ring")
    await application.until("their country was DE")
    await application.handle.signal("approve", SECOND | {"reason": "the rules allow that country too"})
    await eventually(lambda: details(application.handle), lambda shown: "their country was DE" not in shown)
    await application.handle.signal("close", SECOND)
    await application.handle.result()
    return application.handle.id


async def virtual_account_replaced(office: Office) -> str:
    """A second number beside the first, which is closed later: the history is the second one's."""
    first = await apply(office, "C-1003")
    await first.until("| **Stage** | in review")
    await first.handle.signal("approve", SECOND)
    await first.until("| **Stage** | active")
    query = "SELECT virtual_account_id AS id FROM virtual_account_application WHERE id = %s"
    [row] = office.rows(query, first.row)
    second = await apply(office, "C-1003", replaces=row["id"])
    await second.until("| **Stage** | in review")
    await first.handle.signal("close", SECOND)
    await first.handle.result()
    return await _approved_and_closed(second)


async def change_approved(office: Office) -> str:
    """A new colleague: not by the proposer, not without the role, then by another administrator."""
    handle = await _proposed(office, "Seventh Operator")
    await handle.signal("approve", {**THIRD, "operator": "third operator"})
    await _shows(handle, "somebody else must approve it")
    await handle.signal("approve", SECOND)
    await _shows(handle, "and this takes an administrator")
    await handle.signal("approve", FOURTH)
    await handle.result()
    return handle.id


async def change_refused(office: Office) -> str:
    """Put away by whoever proposed it, after attempts that are no decisions."""
    handle = await _proposed(office, "Eighth Operator")
    await handle.signal("refuse", None)
    await handle.signal("ring")
    await handle.cancel()
    await handle.signal("refuse", THIRD)
    await handle.result()
    return handle.id


async def freeze_released_by_two(office: Office) -> str:
    """All of a customer's money: not by one alone, twice, nor by who has no such role."""
    given = FreezeInput(customer="C-2002", by="First Operator", reason="a letter of the authority")
    with Session(office.engine) as session, session.begin():
        freeze, _ = freeze_customer(session, given)
    handle = await _started(office, f"freeze-{freeze}", "| **Stage** | frozen")
    await handle.signal("release", SECOND)
    await _shows(handle, "this takes a compliance")
    for said in ("a second compliance operator must send it too", "you released it already"):
        await handle.signal("release", THIRD)
        await _shows(handle, said)
    await handle.signal("release", FOURTH)
    await handle.result()
    return handle.id


async def resolution_approved(office: Office) -> str:
    """What an unreadable entry is: attempts that are none, not by the proposer, then by another approver."""
    handle = await _unread(office)
    await handle.signal("approve", None)
    await handle.signal("aprove", SECOND)
    await handle.cancel()
    await handle.signal("approve", {**SECOND, "operator": "first operator"})
    await _shows(handle, "somebody else must approve it")
    await handle.signal("approve", FOURTH)
    await _shows(handle, "and this takes an approver")
    await handle.signal("approve", SECOND)
    await handle.result()
    return handle.id


async def resolution_refused(office: Office) -> str:
    """Put away, after a ring."""
    handle = await _unread(office)
    await handle.signal("ring")
    await handle.signal("refuse", SECOND)
    await handle.result()
    return handle.id


DECISION_STORIES = (
    resolution_approved,
    resolution_refused,
    virtual_account_closed,
    virtual_account_kept_after_review,
    virtual_account_refused_by_rule,
    virtual_account_rejected,
    virtual_account_without_a_number,
    virtual_account_replaced,
    change_approved,
    change_refused,
    freeze_released_by_two,
)


async def _approved_and_closed(application: Application) -> str:
    await application.handle.signal("approve", SECOND)
    await application.until("| **Stage** | active")
    await application.handle.signal("close", SECOND)
    await application.handle.result()
    return application.handle.id


async def _unread(office: Office) -> WorkflowHandle[Any, Any]:
    workflow_id, _ = await propose_resolution(office)
    handle = office.temporal.get_workflow_handle(workflow_id)
    await _shows(handle, "| **Stage** | proposed")
    return handle


async def _proposed(office: Office, name: str) -> WorkflowHandle[Any, Any]:
    row = {"name": name, "roles": ["clerk"], "valid_from": date(2026, 1, 1)}
    given = ChangeInput(
        tables={"operator": [row]}, by="Third Operator", reason=f"begins on Monday {request_id()}"
    )
    with Session(office.engine) as session, session.begin():
        workflow_id = propose(session, given).workflow_id
    return await _started(office, workflow_id, "| **Stage** | proposed")


async def _started(office: Office, workflow_id: str, shown: str) -> WorkflowHandle[Any, Any]:
    handle = office.temporal.get_workflow_handle(workflow_id)
    # Rows are numbered anew in each database, and the Temporal is shared: an earlier test may have left one running.
    with suppress(RPCError):
        await handle.terminate()
    await office.ring()
    await _shows(handle, shown)
    return handle


async def _shows(handle: WorkflowHandle[Any, Any], text: str) -> None:
    await eventually(lambda: details(handle), lambda shown: text in shown)
