"""`prepay bill` and `prepay usage`: bills of customers, and what is used and not billed yet."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.orders import print_lots, with_client
from cli.output import Data, Json, amount, console, print_json, print_table, use_stack
from cli.session import acts_as_with, one_transaction

if TYPE_CHECKING:
    from prepay.client import PrepayClient
    from prepay.spending import BillView

Number = Annotated[str, typer.Argument(help="The bill's number; it is the idempotency key.")]
Customer = Annotated[str, typer.Argument(help="The customer's number.")]
LIMIT = 1000


class NoLine(ValueError):
    """A line is a product and an amount."""

    def __init__(self, line: str) -> None:
        super().__init__(f"The line {line[:60]!r} is refused: write PRODUCT=AMOUNT, such as Compute=60.00")


class UnknownBillStage(ValueError):
    """No bill can be in it."""

    def __init__(self, stage: str, known: tuple[str, ...]) -> None:
        super().__init__(f"There is no stage {stage!r}; there are {', '.join(known)}")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    bill = typer.Typer(help="Bills that balances pay, the oldest first.", no_args_is_help=True)
    bill.command("issue")(issue)
    bill.command("list")(list_bills)
    bill.command("show")(show)
    bill.command("pay", context_settings={"ignore_unknown_options": True})(pay)
    bill.command("void")(void)
    app.add_typer(bill, name="bill")
    usage = typer.Typer(help="What is used and not billed yet.", no_args_is_help=True)
    usage.command("report", context_settings={"ignore_unknown_options": True})(report)
    usage.command("show")(show_usage)
    app.add_typer(usage, name="usage")


def issue(
    bill: Number,
    customer: Customer,
    currency: Annotated[str, typer.Argument(help="ISO 4217, such as EUR.")],
    line: Annotated[list[str], typer.Option(help="PRODUCT=AMOUNT; give it several times.")],
    due: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The due date.")],
    period: Annotated[str, typer.Option(help="The month whose usage it bills, such as 2026-11.")] = "",
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Issue a bill; the balance pays open bills at once and whenever money comes."""
    lines = [_line(text) for text in line]
    _do(
        lambda client: client.issue_bill(bill, customer, currency, lines, due_on=due.date(), period=period),
        data,
        as_json,
    )


def _line(text: str) -> tuple[str, str]:
    product, equals, money = text.rpartition("=")
    if not equals:
        raise NoLine(text)
    return product, money


def show(bill: Number, data: Data = None, as_json: Json = False) -> None:
    """A bill with its lines, how far each is paid, and which deposits' money paid it."""
    _do(lambda client: client.bill(bill), data, as_json)


def pay(
    bill: Number,
    amount: Annotated[
        str | None, typer.Argument(help="A plain decimal; left out, all that it lacks.")
    ] = None,
    request_id: Annotated[str | None, typer.Option(help="The same id again pays once.")] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Pay a bill from the balance, whatever older ones are open."""
    _do(lambda client: client.pay_bill(bill, amount, request_id=request_id), data, as_json)


def void(
    bill: Number,
    by: Annotated[str, typer.Option(help="The operator who voids it.")],
    reason: Annotated[str, typer.Option(help="The customer reads it.")],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Void a bill, paid or not: what was paid comes back to the balance, and pays other open bills first."""
    use_stack(data)
    from activities.bills import bill_money, void_by_command
    from prepay.spending import VoidBill
    from prepay.wire import parse

    decision = parse(VoidBill, {"operator": by, "reason": reason}, "The decision")
    with one_transaction() as session:
        about = bill_money(session, bill)
        operator = acts_as_with(session, decision.operator, "Bill", "void", about.money)
        done = void_by_command(session, bill, decision.model_copy(update={"operator": operator}))
    if as_json:
        print_json({"bill": bill, "voided": done})
    else:
        console.print(
            f"Bill {bill} {'is void' if done else 'was void already'}.", markup=False, soft_wrap=True
        )


def list_bills(
    customer: Annotated[str | None, typer.Option(help="Of this customer only.")] = None,
    stage: Annotated[str | None, typer.Option(help="issued, part_paid, paid or void.")] = None,
    overdue: Annotated[bool, typer.Option("--overdue", help="Only those whose due date has passed.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=LIMIT, help="The newest so many.")] = 100,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Bills, newest first."""
    use_stack(data)
    from typing import get_args

    from prepay.spending import BillStage

    if stage is not None and stage not in get_args(BillStage):
        raise UnknownBillStage(stage, get_args(BillStage))
    found = asyncio.run(
        with_client(lambda client: client.bills(customer, stage=stage, overdue=overdue, limit=limit))
    )
    if as_json:
        print_json(found)
        return
    rows = [
        [
            b.bill,
            b.customer,
            _stage(b),
            b.due_on.isoformat(),
            amount(b.amount_minor, b.currency),
            amount(b.lacks_minor, b.currency),
        ]
        for b in found
    ]
    columns = ["Bill", "Customer", "Stage", "Due", "Amount", "Lacks"]
    print_table("Bills", columns, rows, right=["Amount", "Lacks"])


def report(
    customer: Customer,
    product: Annotated[str, typer.Argument(help="What was used.")],
    period: Annotated[str, typer.Argument(help="The month, such as 2026-11.")],
    amount: Annotated[str, typer.Argument(help="A plain decimal; 0 takes it back.")],
    currency: Annotated[str, typer.Argument(help="ISO 4217, such as EUR.")],
    report_id: Annotated[str | None, typer.Option(help="The same id again reports once.")] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Report what was used in a month and is not billed yet; the newest report of it counts."""

    async def reported(client: "PrepayClient") -> Any:
        await client.report_usage(customer, product, period, amount, currency, report_id=report_id)
        return await client.usage(customer)

    _usage(reported, customer, data, as_json)


def show_usage(customer: Customer, data: Data = None, as_json: Json = False) -> None:
    """What a customer has used and nobody has billed yet."""
    _usage(lambda client: client.usage(customer), customer, data, as_json)


def _usage(what: Callable[["PrepayClient"], Awaitable[Any]], customer: str, data: Any, as_json: bool) -> None:
    use_stack(data)
    found = asyncio.run(with_client(what))
    if as_json:
        print_json(found)
        return
    rows = [[u.period, u.product, u.entity, amount(u.amount_minor, u.currency)] for u in found]
    columns = ["Period", "Product", "Entity", "Amount"]
    print_table(f"Unbilled usage of {customer}", columns, rows, right=["Amount"])


def _stage(view: "BillView") -> str:
    return f"{view.stage.replace('_', ' ')}{', overdue' if view.overdue else ''}"


def _do(what: Callable[["PrepayClient"], Awaitable["BillView"]], data: Any, as_json: bool) -> None:
    use_stack(data)
    view = asyncio.run(with_client(what))
    if as_json:
        print_json(view)
        return
    told = [
        ("Customer", view.customer),
        ("Contracting entity", view.entity),
        ("Stage", _stage(view)),
        ("Due", view.due_on.isoformat()),
        ("Usage of", view.period),
        ("Amount", amount(view.amount_minor, view.currency)),
        ("Paid", amount(view.paid_minor, view.currency)),
        ("Void because", view.voided_reason or ""),
    ]
    print_table(f"Bill {view.bill}", ["", ""], [[name, value] for name, value in told if value])
    rows = [
        [line.product, amount(line.amount_minor, view.currency), amount(line.paid_minor, view.currency)]
        for line in view.lines
    ]
    print_table("Lines", ["Product", "Amount", "Paid"], rows, right=["Amount", "Paid"])
    print_lots(view.lots, view.currency)
