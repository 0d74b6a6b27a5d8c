"""The main ways of bills, for the same uses as those in `stories`."""

from tests.office import Office, request_id
from tests.workflows.bills import OpenBill, issue, money_comes

VOID = {"operator": "Second Operator", "reason": "billed twice"}


async def bill_paid_in_two_parts(office: Office) -> str:
    """Paid as money comes, after attempts that were refused."""
    bill = await _issued(office)
    await bill.handle.signal("void", None)
    await bill.handle.signal("viod", VOID)
    await bill.handle.cancel()
    await bill.handle.signal("void", {**VOID, "operator": "Third Operator"})
    await bill.until("Third Operator is")
    money_comes(office, 3_000, request_id())
    await office.ring()
    await bill.until("| **Paid** | 30.00 EUR |")
    money_comes(office, 7_000, request_id())
    await office.ring()
    return await _ended(bill, "paid")


async def bill_void(office: Office) -> str:
    """Part paid, and voided by an operator."""
    bill = await _issued(office)
    money_comes(office, 3_000, request_id())
    await office.ring()
    await bill.until("| **Paid** | 30.00 EUR |")
    await bill.handle.signal("void", VOID)
    return await _ended(bill, "void")


async def _issued(office: Office) -> OpenBill:
    bill = await issue(office, f"I-{request_id()}")
    await bill.until("| **Stage** | issued")
    return bill


async def _ended(bill: OpenBill, stage: str) -> str:
    assert (await bill.handle.result())["stage"] == stage
    return bill.handle.id


BILL_STORIES = (bill_paid_in_two_parts, bill_void)
