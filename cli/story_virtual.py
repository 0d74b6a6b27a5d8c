"""The demo's customer with an account number of their own: applied for, approved, paid to without any reference.

The bank on this machine knows no virtual accounts, so its notification is written here, as banks write it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import date
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4

from bankfiles.sample import Payment, Sheet, write_camt
from prepay.client import PrepayClient, connect_temporal
from prepay.ids import virtual_account_workflow_id

if TYPE_CHECKING:
    from prepay.virtual_accounts import VirtualAccountView

CUSTOMER, CURRENCY, MINOR = "C-1003", "EUR", 75_000
APPROVAL = {"operator": "Second Operator", "reason": "the contract is signed"}

_Answer = TypeVar("_Answer")
Patient = Callable[[Callable[[], Awaitable[_Answer]]], Awaitable[_Answer]]


async def have_one(client: PrepayClient, patiently: Patient[Any], seconds: float) -> "VirtualAccountView":
    """Apply, let an operator approve, and wait for the number."""
    request_id = str(uuid4())
    view: VirtualAccountView = await patiently(
        lambda: client.apply_for_virtual_account(CUSTOMER, CURRENCY, request_id=request_id)
    )
    until = time.monotonic() + seconds
    while view.stage != "active":
        if time.monotonic() > until:
            raise RuntimeError(f"The virtual account was not given within {seconds:g} s: it is {view.stage}")
        if view.stage == "in_review":
            await patiently(partial(_approve, view.application))
        await asyncio.sleep(0.5)
        view = await patiently(partial(client.virtual_account, view.application))
    return view


async def _approve(application: int) -> None:
    temporal = await connect_temporal()
    handle = temporal.get_workflow_handle(virtual_account_workflow_id(application))
    await handle.signal("approve", APPROVAL)


def pay(inbox: Path, account: str, number: str, booked_on: date, value_on: date) -> None:
    """The bank's camt.054 of a transfer to that number, without a reference."""
    payment = Payment(
        MINOR,
        "VIRTUAL-1",
        payer_name="Umbrella Example Private Limited",
        payer_account="NL15MOCK0000009005",
        payee_account=number,
        booked_on=booked_on,
        value_on=value_on,
    )
    target = BytesIO()
    write_camt(target, [Sheet(account, CURRENCY, [payment], statement_id="VIRTUAL-1", created_on=booked_on)])
    # Whole at once: the worker looks into this folder all the time.
    (inbox / "virtual.xml.part").write_bytes(target.getvalue())
    (inbox / "virtual.xml.part").rename(inbox / "virtual.xml")
