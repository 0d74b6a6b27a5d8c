"""`prepay deposit`: ask for a payment request form, look at one."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from cli.output import Data, Json, amount, console, moment, print_json, print_table, use_stack
from prepay.records import DepositView


def register(app: typer.Typer) -> None:
    """Add the commands."""
    deposit = typer.Typer(help="Deposits and their forms.", no_args_is_help=True)
    deposit.command("request")(request)
    deposit.command("show")(show)
    deposit.command("list")(list_deposits)
    app.add_typer(deposit, name="deposit")


def request(
    customer: Annotated[str, typer.Argument(help="The customer's number.")],
    amount: Annotated[str, typer.Argument(help="A plain decimal, such as 1000.00.")],
    currency: Annotated[str, typer.Argument(help="ISO 4217, such as EUR.")],
    product: Annotated[str, typer.Option(help="What the money is meant for.")],
    note: Annotated[str, typer.Option(help="Printed on the form.")] = "",
    request_id: Annotated[str | None, typer.Option(help="The same id again gives the same form.")] = None,
    form: Annotated[Path | None, typer.Option(help="Write the PDF here.")] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Ask for a payment request form."""
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
    from prepay.client import PrepayClient
    from settings import settings

    async with await PrepayClient.connect(settings().database_url) as client:
        view = await client.request_deposit(
            customer, amount, currency, product=product, note=note, request_id=request_id
        )
        if form is not None:
            with console.status(f"Drawing the form of {view.number} …") if not as_json else _quiet():
                pdf = await client.form_pdf(view.number)
            form.write_bytes(pdf)
            view = await client.deposit(view.number)
    _print(view, as_json)
    if form is not None and not as_json:
        console.print(f"The form is in {form}.")


class _quiet:  # noqa: N801  (a context that does nothing, beside rich's status)
    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


def show(
    number: Annotated[str, typer.Argument(help="Such as D-2026-000123.")],
    form: Annotated[Path | None, typer.Option(help="Write the PDF here.")] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Show a deposit."""
    use_stack(data)
    asyncio.run(_show(number, form, as_json))


async def _show(number: str, form: Path | None, as_json: bool) -> None:
    from prepay.client import PrepayClient
    from settings import settings

    async with await PrepayClient.connect(settings().database_url) as client:
        view = await client.deposit(number)
        if form is not None:
            form.write_bytes(await client.form_pdf(number))
    _print(view, as_json)


def _print(view: DepositView, as_json: bool) -> None:
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
        ["Bank", f"{account.bank_name} {account.bic}".strip()],
        ["Product", view.product],
        ["Note", view.note],
        ["Expires", moment(view.expires_at) + " UTC"],
        ["Document", f"{view.document_id}, digest {view.document_digest[:16]}…"],
        ["Form", "drawn" if view.form_sha256 else "not drawn yet"],
    ]
    print_table(f"Deposit {view.number}", ["", " "], rows)


def list_deposits(
    customer: Annotated[str | None, typer.Option(help="Only this customer's.")] = None,
    stage: Annotated[str | None, typer.Option(help="Only in this stage.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10000)] = 50,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """The newest deposits."""
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
