"""`prepay records`: what moved a customer's balances, as a table, as JSON, or as a file for spreadsheets."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.output import (
    Data,
    Json,
    amount,
    console,
    errors,
    moment,
    path_name,
    print_json,
    print_table,
    require_folder,
    use_stack,
)

if TYPE_CHECKING:
    from prepay.records import Record, RecordFilter, RecordPage


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(records)


def records(
    customer: Annotated[str, typer.Argument(help="The customer's number.")],
    limit: Annotated[int, typer.Option(min=1, max=10000, help="How many of the newest.")] = 50,
    after: Annotated[str | None, typer.Option(help="The cursor under a page: the older ones.")] = None,
    kind: Annotated[
        list[str] | None, typer.Option(help="Such as deposit, payment, bill, hold, refund; several times.")
    ] = None,
    entity: Annotated[str | None, typer.Option(help="Only with this contracting entity.")] = None,
    currency: Annotated[str | None, typer.Option(help="ISO 4217.")] = None,
    product: Annotated[str | None, typer.Option(help="Only of this product.")] = None,
    since: Annotated[str | None, typer.Option("--from", help="The first effective day.")] = None,
    through: Annotated[str | None, typer.Option("--to", help="The last effective day.")] = None,
    least: Annotated[str | None, typer.Option("--min", help="The smallest amount, with --currency.")] = None,
    most: Annotated[str | None, typer.Option("--max", help="The largest amount, with --currency.")] = None,
    text: Annotated[str | None, typer.Option(help="In numbers, references, payer, cause.")] = None,
    totals: Annotated[bool, typer.Option("--totals", help="Also what they come to.")] = False,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write all of them to a .csv or .xlsx file instead.")
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """The movements of a customer's balances, newest first, with the balance after each."""
    require_folder(out)
    use_stack(data)
    from prepay.records import RecordFilter
    from prepay.wire import parse

    asked = {
        "entity": entity,
        "currency": currency.upper() if currency else None,
        "kinds": kind or [],
        "product": product,
        "from_on": since,
        "through_on": through,
        "amount_from": least,
        "amount_to": most,
        "text": text,
    }
    only = parse(RecordFilter, asked, "The filter")
    if out is not None:
        asyncio.run(_export(customer, only, out, as_json))
    else:
        asyncio.run(_show(customer, only, limit, after, totals, as_json))


async def _show(
    customer: str, only: "RecordFilter", limit: int, after: str | None, totals: bool, as_json: bool
) -> None:
    from prepay.client import PrepayClient
    from settings import settings

    async with await PrepayClient.connect(settings().database_url) as client:
        page = await client.records(customer, limit, only=only, after=after)
        sums = await client.record_totals(customer, only=only) if totals else None
    if as_json:
        print_json({**page.model_dump(mode="json"), "totals": sums})
        return
    _print_page(customer, page)
    if sums is not None:
        cells = [
            [s.entity, str(s.records), amount(s.in_minor, s.currency), amount(s.out_minor, s.currency)]
            for s in sums
        ]
        columns = ["Entity", "Records", "In", "Out"]
        print_table("They come to", columns, cells, right=columns[1:])


def _print_page(customer: str, page: "RecordPage") -> None:
    columns = ["Recorded (UTC)", "Effective", "What", "About", "Amount", "Held", "Balance"]
    cells = [_cells(record) for record in page.records]
    print_table(f"Records of {customer}", columns, cells, right=["Amount", "Held", "Balance"])
    if page.older:
        console.print(f"Older ones: --after {page.older}", markup=False, soft_wrap=True)


def _cells(r: "Record") -> list[str]:
    return [
        moment(r.created_at),
        r.effective_on.isoformat(),
        r.words + (", pending" if r.pending and not r.held_minor else ""),
        r.about or r.cause or "",
        amount(r.amount_minor or r.pending_minor, r.currency) if r.amount_minor or r.pending_minor else "",
        amount(r.held_minor, r.currency) if r.held_minor else "",
        amount(r.balance_minor, r.currency),
    ]


async def _export(customer: str, only: "RecordFilter", out: Path, as_json: bool) -> None:
    from prepay.client import PrepayClient
    from prepay.record_files import export_records
    from settings import settings

    async with await PrepayClient.connect(settings().database_url) as client:
        rows = await export_records(client, customer, out, only=only, on_progress=_tell)
    done: dict[str, Any] = {"file": path_name(out), "records": rows}
    if as_json:
        print_json(done)
    else:
        console.print(f"{rows:,} records: {path_name(out)}", markup=False, soft_wrap=True)


def _tell(rows: int) -> None:
    errors.print(f"{rows:,} records …")
