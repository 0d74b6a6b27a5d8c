"""The demo's customer with an account number of their own: applied for, approved, paid to without any reference.

The bank on this machine knows no virtual accounts, so its notification is written here, as banks write it.
"""

import asyncio
import time
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from bankfiles.sample import Payment, Sheet, write_camt
from cli.output import amount
from cli.patience import PATIENCE_SECONDS, patiently
from prepay.client import PrepayClient
from prepay.ids import grouped, virtual_account_workflow_id
from prepay.temporal import connect_temporal

if TYPE_CHECKING:
    from cli.story import Run
    from embedded.bank import Credit
    from prepay.virtual_accounts import VirtualAccountView

CUSTOMER, CURRENCY, MINOR, SECOND = "C-1003", "EUR", 75_000, 20_000
ACCOUNT = "nimbus-eu-eur"
APPROVAL = {"operator": "Second Operator", "reason": "the contract is signed"}


async def pay_to_own_number(client: PrepayClient, run: "Run", inbox: Path, like: "Credit") -> str:
    """Get the number, pay to it on the same day as `like`, and wait for the money; the number."""
    view = await _have_one(client)
    run.say(f"{CUSTOMER} has an account number of its own, {grouped(view.iban)}, approved by an operator")
    _pay(inbox, await _collection(), view.iban, like, "VIRTUAL-1", MINOR)
    run.say(f"{CUSTOMER} sends {amount(MINOR, CURRENCY)} to it without any reference")
    until = time.monotonic() + PATIENCE_SECONDS
    while await patiently(partial(_received, client)) != MINOR:
        if time.monotonic() > until:
            raise RuntimeError(f"{CUSTOMER} was not credited within {PATIENCE_SECONDS:g} s")
        await asyncio.sleep(0.1)
    run.say(f"{amount(MINOR, CURRENCY)} is credited to {CUSTOMER} by the number alone")
    return view.iban


async def pay_again(run: "Run", inbox: Path, number: str, like: "Credit") -> None:
    """A second transfer to it."""
    _pay(inbox, await _collection(), number, like, "VIRTUAL-2", SECOND)
    run.say(f"{CUSTOMER} sends {amount(SECOND, CURRENCY)} more")


async def _have_one(client: PrepayClient) -> "VirtualAccountView":
    request_id = str(uuid4())
    view = await patiently(
        lambda: client.apply_for_virtual_account(CUSTOMER, CURRENCY, request_id=request_id)
    )
    until = time.monotonic() + PATIENCE_SECONDS
    while view.stage != "active":
        if time.monotonic() > until:
            raise RuntimeError(f"The virtual account is still {view.stage} after {PATIENCE_SECONDS:g} s")
        if view.stage == "in_review":
            await patiently(partial(_approve, view.application))
        await asyncio.sleep(0.5)
        view = await patiently(partial(client.virtual_account, view.application))
    return view


async def _approve(application: int) -> None:
    temporal = await connect_temporal()
    handle = temporal.get_workflow_handle(virtual_account_workflow_id(application))
    await handle.signal("approve", APPROVAL)


async def _received(client: PrepayClient) -> int:
    on_balance = sum(b.posted_minor + b.pending_minor for b in await client.balance(CUSTOMER))
    return on_balance + sum(bill.paid_minor for bill in await client.bills(CUSTOMER))


async def _collection() -> str:
    return await patiently(partial(asyncio.to_thread, _collection_iban))


def _pay(inbox: Path, collection: str, number: str, like: "Credit", reference: str, minor: int) -> None:
    """The bank's camt.054 of a transfer to that number, without a reference."""
    payment = Payment(
        minor,
        reference,
        payer_name="Umbrella Example Private Limited",
        payer_account="NL15MOCK0000009005",
        payee_account=number,
        booked_on=like.booked_on,
        value_on=like.value_on,
    )
    sheet = Sheet(collection, CURRENCY, [payment], statement_id=reference, created_on=like.booked_on)
    target = BytesIO()
    write_camt(target, [sheet])
    # Whole at once: the worker looks into this folder all the time.
    (inbox / f"{reference}.xml.part").write_bytes(target.getvalue())
    (inbox / f"{reference}.xml.part").rename(inbox / f"{reference}.xml")


def _collection_iban() -> str:
    from activities.database import make_engine
    from activities.master_data import accounts_of
    from settings import settings

    engine = make_engine(settings().database_url, 1)
    try:
        return next(account.iban for account in accounts_of(engine) if account.code == ACCOUNT)
    finally:
        engine.dispose()
