"""`prepay export journal` and `prepay events`: what happened, for the company's own books and for other programs."""

import asyncio
import csv
import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.output import (
    Data,
    Json,
    amount,
    console,
    errors,
    path_name,
    print_json,
    print_table,
    require_folder,
    use_stack,
)

if TYPE_CHECKING:
    from ledger.journal import AccountSum, Line, Wanted

TOLD_EVERY = 100_000
HEADINGS = (
    "Transfer", "Effective", "Recorded (UTC)", "Kind", "Account", "Holder", "Debit", "Credit", "Currency", "Reference",
    "Deposit", "Cause",
)  # fmt: skip


def register(app: typer.Typer) -> None:
    """Add the commands."""
    export = typer.Typer(help="Files for other books.", no_args_is_help=True)
    export.command("journal")(journal)
    app.add_typer(export, name="export")
    app.command()(events)


def journal(
    entity: Annotated[str, typer.Option(help="The contracting entity's code.")],
    currency: Annotated[str, typer.Option(help="ISO 4217.")],
    since: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First effective day.")],
    through: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="Last effective day.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The CSV file to write.")],
    after: Annotated[
        int, typer.Option(min=0, max=2**63 - 1, help="Only what was recorded since the journal that said so.")
    ] = 0,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Debits and credits of a period as CSV, with the sum of each account; they balance."""
    require_folder(out)
    use_stack(data)
    import psycopg

    from ledger import journal as books
    from settings import settings

    with psycopg.connect(settings().database_url) as connection, books.snapshot(connection) as bound:
        wanted = books.Wanted(entity, currency.upper(), since.date(), through.date(), after, bound)
        found = books.sums(connection, wanted)
        count = _write(books.lines(connection, wanted), wanted, out)
    if as_json:
        print_json(
            {
                "file": path_name(out),
                "lines": count,
                "next_after": bound,
                "accounts": [_plain(s) for s in found],
            }
        )
        return
    _print(found, wanted)
    console.print(
        f"{count:,} lines: {path_name(out)}. What is recorded later: --after {bound}",
        markup=False,
        soft_wrap=True,
    )


def _plain(account: "AccountSum") -> dict[str, Any]:
    return {name: getattr(account, name) for name in ("account", "lines", "debit_minor", "credit_minor")}


def _write(lines: "Any", wanted: "Wanted", out: Path) -> int:
    """Line by line, so that a year needs no more memory than a day."""
    from prepay.record_files import csv_row

    count, unfinished = 0, out.with_name(f".{out.name}.unfinished")
    try:
        with unfinished.open("w", encoding="utf-8-sig", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(HEADINGS)
            for line in lines:
                rows.writerow(csv_row(_cells(line, wanted.currency)))
                count += 1
                if count % TOLD_EVERY == 0:
                    errors.print(f"{count:,} lines …")
        unfinished.replace(out)
    finally:
        unfinished.unlink(missing_ok=True)
    return count


def _cells(line: "Line", currency: str) -> tuple[Any, ...]:
    from decimal import Decimal

    from prepay.money import to_decimal

    debit, credit = (
        Decimal(to_decimal(minor, currency)) if minor else None
        for minor in (line.debit_minor, line.credit_minor)
    )
    return (
        line.transfer, line.effective_on, line.recorded_at, line.kind, line.account, line.holder, debit, credit,
        currency, line.key, line.deposit, line.cause,
    )  # fmt: skip


def _print(found: "list[AccountSum]", wanted: "Wanted") -> None:
    cells = [
        [
            s.account,
            str(s.lines),
            amount(s.debit_minor, wanted.currency),
            amount(s.credit_minor, wanted.currency),
        ]
        for s in found
    ]
    total = [sum(s.debit_minor for s in found), sum(s.credit_minor for s in found)]
    cells.append(
        ["total", str(sum(s.lines for s in found)), *(amount(minor, wanted.currency) for minor in total)]
    )
    columns = ["Account", "Lines", "Debit", "Credit"]
    print_table(
        f"Journal of {wanted.entity}, {wanted.from_on} to {wanted.through_on}",
        columns,
        cells,
        right=columns[1:],
    )


def events(
    after: Annotated[
        str | None, typer.Option(help="The cursor of the last event that was dealt with.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 100,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Stages and movements in an order that never changes; with --json one line for each event."""
    use_stack(data)
    asyncio.run(_events(after, limit, as_json))


async def _events(after: str | None, limit: int, as_json: bool) -> None:
    from prepay.client import PrepayClient
    from settings import settings

    async with await PrepayClient.connect(settings().database_url) as client:
        page = await client.events(after, limit)
    if as_json:
        for event in page.events:
            print(json.dumps(event.model_dump(mode="json"), ensure_ascii=False))
        return
    cells = [
        [
            f"{e.at:%Y-%m-%d %H:%M:%S}",
            f"{e.noun} {e.number or e.subject}",
            e.name,
            e.customer or "",
            amount(e.amount_minor, e.currency) if e.amount_minor is not None and e.currency else "",
        ]
        for e in page.events
    ]
    print_table(
        "Events", ["At (UTC)", "What", "Stage or kind", "Customer", "Amount"], cells, right=["Amount"]
    )
    console.print(f"What comes next: --after {page.cursor}", markup=False, soft_wrap=True)
