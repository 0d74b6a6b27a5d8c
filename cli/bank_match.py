"""`prepay bank match --dry-run`: what would become of a bank file, without anything being kept."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.output import Data, Json, amount, console, errors, print_json, print_table, use_stack

if TYPE_CHECKING:
    from activities.bank_dry_run import DryRun


class OnlyDry(ValueError):
    """Matching for real is what delivering does."""

    def __init__(self) -> None:
        super().__init__(
            "Matching alone is only tried: add --dry-run, or deliver the file by `prepay bank ingest`"
        )


def match(
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="A file as the bank sent it.")
    ],
    dry: Annotated[bool, typer.Option("--dry-run", help="Show what would happen; nothing is kept.")] = False,
    by: Annotated[str, typer.Option(help="Who would deliver it.")] = "inbox",
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Where each payment of a bank file would go, and why, with the deposits and payers as they are now.

    Exit code 1 when the file would be refused, held, or raise an alarm.
    """
    if not dry:
        raise OnlyDry
    use_stack(data)
    result = _run(file, by)
    if as_json:
        print_json(
            {"file": str(file), "outcome": result.outcome, "reason": result.reason, "parts": result.parts}
        )
    else:
        _show(file, result)
    if result.outcome != "posted":
        raise typer.Exit(1)


def _run(file: Path, by: str) -> "DryRun":
    from activities.bank_dry_run import dry_run
    from activities.database import make_engine
    from settings import settings

    engine = make_engine(settings().database_url, 1)
    try:
        with errors.status("Matching …"):
            return dry_run(engine, file.read_bytes(), file.name, by)
    finally:
        engine.dispose()


def _show(file: Path, result: "DryRun") -> None:
    cells = [
        [
            str(row["line"]),
            row["booked_on"].isoformat(),
            amount(
                row["amount_minor"] if row["direction"] == "credit" else -row["amount_minor"], row["currency"]
            ),
            row["payer_name"],
            row["remittance"].replace("\n", " / ")[:80],
            ("known, " if row["known"] else "") + row["state"],
            " ".join(filter(None, [row["customer"], row["deposit"]])),
            row["reason"],
        ]
        for row in result.parts
    ]
    if cells:
        columns = ["Line", "Booked", "Amount", "Payer", "Remittance", "Would be", "For", "Why"]
        print_table(f"{file.name}: what would happen", columns, cells, right=["Amount"])
    reason = f": {result.reason}" if result.reason else ""
    console.print(
        f"The file would be {result.outcome}{reason}. Nothing was kept.", markup=False, soft_wrap=True
    )
