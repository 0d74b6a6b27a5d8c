"""`prepay order`: paid from the balance at once, or set aside first and captured later."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.output import Data, Json, amount, console, moment, print_json, print_table, use_stack

if TYPE_CHECKING:
    from prepay.client import PrepayClient
    from prepay.spending import OrderView

Order = Annotated[str, typer.Argument(help="The order's id; it is the idempotency key.")]
Customer = Annotated[str, typer.Argument(help="The customer's number.")]
Amount = Annotated[str, typer.Argument(help="A plain decimal, such as 40.00.")]
Part = Annotated[str | None, typer.Argument(help="A plain decimal; left out, all that is left.")]
Currency = Annotated[str, typer.Argument(help="ISO 4217, such as EUR.")]
Product = Annotated[str, typer.Option(help="What the order is for.")]
RequestId = Annotated[str | None, typer.Option(help="The same id again does it once; left out, a new one.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    order = typer.Typer(help="Orders that a balance pays.", no_args_is_help=True)
    # A negative amount is an amount, to be refused as such, and no option.
    for command in (pay, authorise, capture, refund):
        order.command(context_settings={"ignore_unknown_options": True})(command)
    order.command("void")(void)
    order.command("show")(show)
    app.add_typer(order, name="order")


def pay(
    order: Order,
    customer: Customer,
    amount: Amount,
    currency: Currency,
    product: Product,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Pay an order from the balance, at once or not at all."""

    async def paid(client: "PrepayClient") -> "OrderView":
        payment = await client.pay_order(order, customer, amount, currency, product=product)
        return await client.order(payment.order)

    _do(paid, data, as_json)


def authorise(
    order: Order,
    customer: Customer,
    amount: Amount,
    currency: Currency,
    product: Product,
    expires_at: Annotated[datetime, typer.Option(help="Until when it is set aside, UTC.")],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Set money aside for an order."""
    from datetime import UTC

    until = expires_at if expires_at.tzinfo else expires_at.replace(tzinfo=UTC)
    _do(
        lambda client: client.authorise_order(
            order, customer, amount, currency, product=product, expires_at=until
        ),
        data,
        as_json,
    )


def capture(
    order: Order,
    amount: Part = None,
    final: Annotated[bool, typer.Option("--final", help="The rest is freed.")] = False,
    request_id: RequestId = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Take a part of what was set aside, or all of it."""
    _do(lambda client: client.capture_order(order, amount, final=final, request_id=request_id), data, as_json)


def void(order: Order, data: Data = None, as_json: Json = False) -> None:
    """Give up what is still set aside."""
    _do(lambda client: client.void_order(order), data, as_json)


def refund(
    order: Order,
    amount: Part = None,
    request_id: RequestId = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Give an order back to the balance and its lots, a part or all that is not refunded yet."""
    _do(lambda client: client.refund_order(order, amount, request_id=request_id), data, as_json)


def show(order: Order, data: Data = None, as_json: Json = False) -> None:
    """How far an order is paid, and which deposits' money paid it."""
    _do(lambda client: client.order(order), data, as_json)


def _do(what: Callable[["PrepayClient"], Awaitable["OrderView"]], data: Any, as_json: bool) -> None:
    use_stack(data)
    view = asyncio.run(with_client(what))
    if as_json:
        print_json(view)
        return
    told = [
        ("Customer", view.customer),
        ("Contracting entity", view.entity),
        ("Product", view.product or ""),
        ("Stage", view.stage.replace("_", " ")),
        ("Amount", amount(view.amount_minor, view.currency)),
        ("Set aside", amount(view.open_minor, view.currency) if view.open_minor else ""),
        ("Until", f"{moment(view.expires_at)} UTC" if view.open_minor and view.expires_at else ""),
        ("Spent", amount(view.spent_minor, view.currency)),
        ("Refunded", amount(view.refunded_minor, view.currency) if view.refunded_minor else ""),
    ]
    print_table(f"Order {view.order}", ["", ""], [[name, value] for name, value in told if value])
    print_lots(view.lots, view.currency)


async def with_client(what: Callable[["PrepayClient"], Awaitable[Any]]) -> Any:
    """What a client of this machine's stack answers."""
    from prepay.client import PrepayClient
    from settings import settings

    async with await PrepayClient.connect(settings().database_url) as client:
        return await what(client)


def print_lots(lots: Any, currency: str) -> None:
    """Which deposits' money pays, and what each was meant for."""
    if not lots:
        return
    rows = [
        [lot.deposit or "no deposit", lot.intended or "", amount(lot.amount_minor, currency)] for lot in lots
    ]
    print_table("Paid from", ["Deposit", "Meant for", "Amount"], rows, right=["Amount"])
    console.print("What a deposit was meant for never locks its money.")
