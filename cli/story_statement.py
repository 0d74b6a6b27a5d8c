"""The demo's last page: the first customer's statement of this month, as their finance department files it."""

import asyncio
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from cli.output import amount
from cli.patience import patiently

if TYPE_CHECKING:
    from cli.story import Run
    from prepay.client import PrepayClient

CUSTOMER, CURRENCY = "C-1001", "EUR"


async def write_statement(client: "PrepayClient", run: "Run", folder: Path) -> str:
    """Issue, draw and write it; returns the file's path."""
    newest = await patiently(partial(client.records, CUSTOMER, 1, only={"currency": CURRENCY}))
    # The month of the movement, which is not today's when the demo runs at a month's end.
    period = f"{newest.records[0].effective_on:%Y-%m}"
    view = await patiently(partial(client.statement, CUSTOMER, period, currency=CURRENCY))
    file = folder / f"{view.number}.pdf"
    await asyncio.to_thread(_write, file, view.pdf)
    run.say(
        f"Statement {view.number} of {CUSTOMER} for {period}: {amount(view.opening_minor, CURRENCY)} at its beginning, "
        f"{amount(view.closing_minor, CURRENCY)} at its end: {file}"
    )
    return str(file)


def _write(file: Path, pdf: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(pdf)
