"""`prepay demo`: deposits all the way, on real parts, narrated line by line."""

import asyncio
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.output import Data, Json, amount, print_json, print_table

if TYPE_CHECKING:
    from cli.story import Run
    from embedded.stack import Stack


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(demo)


def demo(
    leave: Annotated[
        bool, typer.Option("--exit", help="Stop everything at the end; keep only the forms.")
    ] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Customers ask for forms, pay by a bank that is not ours, and find the money on their balances."""
    from cli.story import Run
    from embedded.discover import default_data
    from embedded.stack import Stack

    run = Run(quiet=as_json)
    temporary = leave and data is None
    folder = Path(tempfile.mkdtemp(prefix="prepay-demo-")) if temporary else data or default_data()
    stack = Stack(folder, say=run.say)
    try:
        run.say(f"Starting PostgreSQL, Temporal, a bank and a worker in {folder}")
        stack.start()
        result = asyncio.run(_story(stack, run))
        if as_json:
            print_json(result)
        else:
            _show(run, result, folder)
        if not leave:
            run.say("Everything stays up. Press Ctrl-C to stop it.")
            stack.run()
    finally:
        stack.stop()
        if temporary:
            _keep_only_forms(folder)
    if result["breaches"]:
        raise typer.Exit(1)


def _keep_only_forms(folder: Path) -> None:
    for path in folder.iterdir():
        if path.name != "forms":
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
    with suppress(OSError):
        folder.rmdir()


async def _story(stack: "Stack", run: "Run") -> dict[str, Any]:
    from cli.story import tell

    os.environ.update(stack.environment)
    supervision = asyncio.create_task(stack.supervise())
    try:
        return await tell(stack, run)
    finally:
        supervision.cancel()
        with suppress(asyncio.CancelledError):
            await supervision


def _show(run: "Run", result: dict[str, Any], folder: Path) -> None:
    from cli.records import view_links
    from settings import settings

    rows = [
        [c, amount(minor, currency)]
        for c, found in result["balances"].items()
        for currency, minor in found.items()
    ]
    print_table("Balances", ["Customer", "Available"], rows, right=["Available"])
    for entry in result["unapplied"]:
        said = amount(entry["amount_minor"], entry["currency"])
        run.say(f"Unapplied: {said} from {entry['payer_name']}: {entry['reason']}")
    run.say(f"prepay ledger check: {result['invariants']} invariants, {result['breaches']} broken")
    for deposit, workflow_id in run.deposits:
        link = f"{settings().ui_url}/namespaces/default/workflows/{workflow_id}"
        run.say(f"{deposit.number} in the Temporal UI: {link}")
    run.say(f"What needs a person: {view_links()[0]['link']}")
    run.say(f"To look further: prepay --help, and --data {folder} where it is not the default")
