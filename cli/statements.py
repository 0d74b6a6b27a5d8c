"""`prepay statement` and `prepay credit-receipt`: PDFs that a finance department can file."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.output import Data, Json, amount, console, errors, path_name, print_json, require_folder, use_stack

if TYPE_CHECKING:
    from prepay.client import PrepayClient
    from prepay.statements import StatementProgress, StatementView

Out = Annotated[Path | None, typer.Option("--out", "-o", help="The PDF file to write; else its number.pdf.")]
_STEPS = {"waiting": "Reading the movements …", "drawn": "Drawn."}


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(statement)
    app.command("credit-receipt")(credit_receipt)


def statement(
    customer: Annotated[str, typer.Argument(help="The customer's number.")],
    month: Annotated[str | None, typer.Option(help="Such as 2026-10.")] = None,
    year: Annotated[str | None, typer.Option(help="Such as 2026.")] = None,
    number: Annotated[str | None, typer.Option(help="One that was issued, by its number.")] = None,
    entity: Annotated[str | None, typer.Option(help="The contracting entity, if there are several.")] = None,
    currency: Annotated[str | None, typer.Option(help="ISO 4217, if there are several.")] = None,
    as_of: Annotated[str | None, typer.Option(help="End on this day of the period: effective dates.")] = None,
    recorded_by: Annotated[
        str | None, typer.Option(help="As it was recorded by the end of this day.")
    ] = None,
    out: Out = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """The statement of a month or a year as a PDF; of a period that is over, the same for ever."""
    require_folder(out)
    use_stack(data)
    from prepay.client import NotFound

    chosen = [one for one in (month, year, number) if one]
    if len(chosen) != 1:
        raise ValueError("Name one of --month 2026-10, --year 2026, --number S-2026-000001")

    async def ask(client: "PrepayClient") -> "StatementView":
        if number:
            found = await client.statement_by_number(number)
            if found.customer != customer:
                raise NotFound("drawn statement", f"{number} of {customer}")
            return found
        return await client.statement(
            customer,
            chosen[0],
            entity=entity,
            currency=currency.upper() if currency else None,
            as_of=_day(as_of),
            recorded_by=_day(recorded_by),
            on_progress=_tell,
        )

    asyncio.run(write(ask, out, as_json))


def credit_receipt(
    customer: Annotated[str, typer.Argument(help="The customer's number.")],
    credit: Annotated[int, typer.Argument(min=1, max=2**63 - 1, help="The number of the credit's record.")],
    out: Out = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """The receipt for a credit as a PDF; `prepay records CUSTOMER --json` tells its number as `id`."""
    require_folder(out)
    use_stack(data)
    asyncio.run(
        write(lambda client: client.credit_receipt(customer, credit, on_progress=_tell), out, as_json)
    )


def _day(text: str | None) -> Any:
    # The wire type reads it, and says what is wrong with it.
    return text


def _tell(progress: "StatementProgress") -> None:
    drawing = f"{progress.number}: drawing {progress.lines:,} movements …"
    errors.print(_STEPS.get(progress.stage, drawing), markup=False)


async def write(
    ask: "Callable[[PrepayClient], Awaitable[StatementView]]", out: Path | None, as_json: bool
) -> None:
    from prepay.client import PrepayClient
    from settings import settings

    async with await PrepayClient.connect(settings().database_url) as client:
        view = await ask(client)
    file = out or Path(f"{view.number}.pdf")
    file.write_bytes(view.pdf)
    if as_json:
        print_json({**view.model_dump(mode="json", exclude={"pdf"}), "file": path_name(file)})
        return
    state = "" if view.final else ", not final"
    console.print(
        f"{view.number} of {view.customer}, {view.begins_on} to {view.through_on}{state}: "
        f"{amount(view.opening_minor, view.currency)} to {amount(view.closing_minor, view.currency)}, "
        f"{view.lines:,} movements: {path_name(file)}",
        markup=False,
        soft_wrap=True,
    )
