"""The demo's spending: a bill paid in two parts as money arrives, an order for another product than intended."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING
from uuid import uuid4

from cli.output import amount
from cli.patience import PATIENCE_SECONDS, patiently
from prepay.client import PrepayClient

if TYPE_CHECKING:
    from cli.story import Run
    from prepay.records import DepositView
    from prepay.spending import BillView

BILLED, CURRENCY = "C-1003", "EUR"
LINES = [("Compute", "600.00"), ("Object storage", "300.00")]
ORDERED, ORDER_AMOUNT = "Object storage", "200.00"
DUE = timedelta(days=14)


async def issue_bill(client: PrepayClient, run: "Run") -> str:
    """A bill of two lines, before there is any money; its number."""
    number = f"B-{uuid4().hex[:8]}"
    due_on = (datetime.now(UTC) + DUE).date()
    bill = await patiently(lambda: client.issue_bill(number, BILLED, CURRENCY, LINES, due_on=due_on))
    run.say(
        f"Bill {number} over {amount(bill.amount_minor, CURRENCY)} is issued to {BILLED}, due on {due_on}"
    )
    return number


async def await_payment(client: PrepayClient, run: "Run", number: str, stage: str) -> None:
    """Until what has arrived has paid the bill so far."""
    until = time.monotonic() + PATIENCE_SECONDS
    bill: BillView = await patiently(partial(client.bill, number))
    while bill.stage != stage:
        if time.monotonic() > until:
            raise RuntimeError(f"Bill {number} is still {bill.stage} after {PATIENCE_SECONDS:g} s")
        await asyncio.sleep(0.1)
        bill = await patiently(partial(client.bill, number))
    lines = ", ".join(f"{line.product} {amount(line.paid_minor, CURRENCY)}" for line in bill.lines)
    run.say(f"The balance has paid {amount(bill.paid_minor, CURRENCY)} of bill {number} ({lines}): {stage}")


async def buy_something_else(client: PrepayClient, run: "Run", deposit: "DepositView") -> None:
    """An order for another product than the deposit was meant for."""
    order = f"order-{uuid4().hex[:8]}"
    await patiently(
        lambda: client.pay_order(order, deposit.customer, ORDER_AMOUNT, deposit.currency, product=ORDERED)
    )
    run.say(
        f"{deposit.customer} pays {order} of {ORDER_AMOUNT} {deposit.currency} for {ORDERED}, at once, "
        f"with money that was meant for {deposit.product}"
    )
