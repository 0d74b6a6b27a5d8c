"""`prepay deposit`: ask for a payment request form, look at one."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args
from uuid import uuid4

import typer

from cli.output import Data, Json, amount, errors, moment, print_json, print_table, require_folder, use_stack

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prepay.client import PrepayClient
    from prepay.records import DepositView
    from prepay.spending import IntendedUseChange

Form = Annotated[Path | None, typer.Option(dir_okay=False, help="Write the PDF here.")]


class UnknownStage(ValueError):
    """No deposit can be in it."""

    def __init__(self, stage: str, known: tuple[str, ...]) -> None:
        super().__init__(f"There is no stage {stage!r}; there are {', '.join(known)}")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    deposit = typer.Typer(help="Deposits and their forms.", no_args_is_help=True)
    # A negative amount is an amount, to be refused as such, and no option.
    deposit.command("request", context_settings={"ignore_unknown_options": True})(request)
    deposit.command("show")(show)
    deposit.command("list")(list_deposits)
    deposit.command("intend")(intend)
    app.add_typer(deposit, name="deposit")


def request(
    customer: Annotated[str, typer.Argument(help="The customer's number.")],
    amount: Annotated[str, typer.Argument(help="A plain decimal, such as 1000.00.")],
    currency: Annotated[str, typer.Argument(help="ISO 4217, such as EUR.")],
    product: Annotated[str, typer.Option(help="What the money is meant for.")],
    note: Annotated[str, typer.Option(help="Printed on the form.")] = "",
    request_id: Annotated[str | None, typer.Option(help="The same id again gives the same form.")] = None,
    form: Form = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Ask for a payment request form."""
    require_folder(form)
    use_stack(data)
    asyncio.run(_request(customer, amount, currency, product, note, request_id, form, as_json))


async def _request(
    customer: str,
    amount: str,
    currency: str,
    product: str,
    note: str,
    request_id: str | None,
    form: Path | None,
    as_json: bool,
) -> None:
    from prepay.client import PrepayClient, Unavailable
    from settings import settings

    request_id = request_id or str(uuid4())
    async with await PrepayClient.connect(settings().database_url) as client:
        try:
            view = await client.request_deposit(
                customer, amount, currency, product=product, note=note, request_id=request_id
            )
        except Unavailable:
            errors.print(f"It is the same request with --request-id {request_id}", markup=False)
            raise
        await _give(client, view, form, as_json)


async def _give(client: "PrepayClient", view: "DepositView", form: Path | None, as_json: bool) -> None:
    """Print the deposit whatever becomes of its form, and write the form when it has been drawn."""
    try:
        if form is not None:
            with errors.status(f"Drawing the form of {view.number} …"):
                pdf = await client.form_pdf(view.number)
            form.write_bytes(pdf)
            view = await client.deposit(view.number)
    finally:
        _print(view, as_json)
    if form is not None and not as_json:
        errors.print(f"The form is in {form}.", markup=False, soft_wrap=True)


def show(
    number: Annotated[str, typer.Argument(help="Such as D-2026-000123.")],
    form: Form = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Show a deposit."""
    require_folder(form)
    use_stack(data)
    asyncio.run(_show(number, form, as_json))


async def _show(number: str, form: Path | None, as_json: bool) -> None:
    from prepay.client import PrepayClient
    from settings import settings

    async with await PrepayClient.connect(settings().database_url) as client:
        await _give(client, await client.deposit(number), form, as_json)


def _print(view: "DepositView", as_json: bool) -> None:
    if as_json:
        print_json(view)
        return
    account = view.pay_to
    rows = [
        ["Stage", view.stage + (" (late money arrived)" if view.late else "")],
        ["Customer", view.customer],
        ["Asked for", amount(view.amount_minor, view.currency)],
        ["Received", amount(view.credited_minor, view.currency)],
        ["Payment reference", view.reference_grouped],
        ["Pay to", f"{account.holder}, {account.iban or account.account_number}"],
        ["Bank", ", ".join(filter(None, [account.bank_name, *account.bank_address, account.bic]))],
        ["Clearing code", account.clearing_code],
        ["Intermediary", account.intermediary],
        ["Product", view.product],
        ["Note", view.note],
        ["Expires", moment(view.expires_at) + " UTC"],
        ["Document", f"{view.document_id}, digest {view.document_digest[:16]}…"],
        ["Form", "drawn" if view.form_sha256 else "not drawn yet"],
    ]
    print_table(f"Deposit {view.number}", ["", " "], [row for row in rows if row[1]])


def list_deposits(
    customer: Annotated[str | None, typer.Option(help="Only this customer's.")] = None,
    stage: Annotated[str | None, typer.Option(help="Only in this stage.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10000, help="How many of the newest.")] = 50,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """The newest deposits."""
    from prepay.deposits import Stage

    if stage is not None and stage not in get_args(Stage):
        raise UnknownStage(stage, get_args(Stage))
    use_stack(data)
    import psycopg
    from psycopg.rows import dict_row

    from settings import settings

    query = """
        SELECT d.number, c.number AS customer, d.amount_minor, d.credited_minor, d.currency, d.stage, d.expires_at
        FROM deposit d JOIN customer c ON c.id = d.customer_id
        WHERE (%(customer)s::text IS NULL OR c.number = %(customer)s)
          AND (%(stage)s::text IS NULL OR d.stage = %(stage)s)
        ORDER BY d.id DESC LIMIT %(limit)s
    """
    with psycopg.connect(settings().database_url, row_factory=dict_row) as connection:
        rows = connection.execute(query, {"customer": customer, "stage": stage, "limit": limit}).fetchall()
    if as_json:
        print_json(rows)
        return
    cells = [
        [
            r["number"],
            r["customer"],
            amount(r["amount_minor"], r["currency"]),
            amount(r["credited_minor"], r["currency"]),
            r["stage"],
            moment(r["expires_at"]),
        ]
        for r in rows
    ]
    columns = ["Number", "Customer", "Asked for", "Received", "Stage", "Expires (UTC)"]
    print_table("Deposits", columns, cells, right=["Asked for", "Received"])


def intend(
    number: Annotated[str, typer.Argument(help="The deposit, such as D-2026-000123.")],
    product: Annotated[str, typer.Argument(help="What the money is meant for from now on.")],
    request_id: Annotated[str | None, typer.Option(help="The same id again changes it once.")] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Say what a deposit is meant for, while nothing of it is spent. It never locks the money."""
    use_stack(data)
    found = asyncio.run(_intend(number, product, request_id))
    if as_json:
        print_json(found)
        return
    rows = [[moment(change.created_at), change.was, change.product] for change in found]
    print_table(f"What {number} was meant for", ["Changed (UTC)", "Before", "Then"], rows)


async def _intend(number: str, product: str, request_id: str | None) -> "Sequence[IntendedUseChange]":
    from prepay.client import PrepayClient
    from settings import settings

    async with await PrepayClient.connect(settings().database_url) as client:
        return await client.change_intended_use(number, product, request_id=request_id)
