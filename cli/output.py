"""What people and programs read: tables, JSON, and errors as one sentence."""

import json
import os
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from prepay.money import Money

Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Data = Annotated[
    Path | None, typer.Option("--data", help="The data folder of a running `prepay up`.", show_default=False)
]

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)


def explain(error: Exception) -> str | None:
    """The sentence for an error that people can mend; None for a fault of ours."""
    from pydantic import ValidationError
    from sqlalchemy.exc import OperationalError

    if isinstance(error, OperationalError):
        first = str(error.orig).strip().splitlines()[0]
        return f"the database does not answer: {first}"
    if isinstance(error, ValidationError):
        return None
    known = (ValueError, OSError)
    from embedded.discover import StackNotRunning
    from prepay.client import PrepayError

    if isinstance(error, (*known, PrepayError, StackNotRunning, RuntimeError)):
        return str(error).rstrip(".") + "."
    return None


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    print(json.dumps(value, default=_plain, ensure_ascii=False, indent=2))


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    return str(value)


def print_table(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[str] = ()
) -> None:
    """A table for people; columns named in `right` hold amounts."""
    from rich.markup import escape

    table = Table(title=title, title_justify="left", title_style="bold", header_style="dim")
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    # Without a terminal there is no width to fit into: programs that cut columns see each row on one line.
    Console(highlight=False, width=None if console.is_terminal else 200).print(table)


def amount(minor: int, currency: str) -> str:
    """Minor units as people read them."""
    return str(Money(amount_minor=minor, currency=currency))


def moment(value: datetime | None) -> str:
    """A point in time as people read it, UTC."""
    return f"{value:%Y-%m-%d %H:%M}" if value else ""


def use_stack(data: Path | None) -> None:
    """Let this process reach the stack of the data folder, unless the environment names one."""
    from embedded.discover import default_data, environment

    os.environ.update(environment(data or default_data()))
