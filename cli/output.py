"""What people and programs read: tables, JSON, and errors as one sentence."""

import json
import os
import sys
from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.table import Table

Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Data = Annotated[
    Path | None, typer.Option("--data", help="The data folder of a running `prepay up`.", show_default=False)
]

# In columns.
LONGEST_UNBROKEN = 24
GAP = 2

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)


_NO_URL = "PREPAY_DATABASE_URL is no URL of PostgreSQL: write postgresql://user:password@host:port/database."
_NOT_UP_TO_DATE = ("42P01", "42703", "42883", "3F000")  # undefined table, column, function, schema


class NoFolder(ValueError):
    """Told before anything is asked for, so that nothing is issued for nothing."""

    def __init__(self, file: Path) -> None:
        super().__init__(f"There is no folder {file.parent} for {file.name}: make it, or name another file")


def require_folder(file: Path | None) -> None:
    """Raises NoFolder where a file that is to be written has none."""
    if file is not None and not file.parent.is_dir():
        raise NoFolder(file)


def explain(error: BaseException) -> str | None:
    """The sentence for an error that people can mend; None for a fault of ours."""
    if _is(error, "sqlalchemy.exc", "DBAPIError"):
        error = getattr(error, "orig", None) or error
    for module, name, say in _KNOWN:
        if _is(error, module, name):
            return say(error)
    return None


def _is(error: BaseException, module: str, name: str) -> bool:
    # Whoever raised it has imported its class: nothing need be imported to tell.
    kind = getattr(sys.modules.get(module), name, None)
    return isinstance(kind, type) and isinstance(error, kind)


def _settings(error: Any) -> str | None:
    if error.title != "Settings":
        return None
    first = error.errors()[0]
    return f"PREPAY_{str(first['loc'][0]).upper()} is wrong: {first['msg']}."


def _database(error: Any) -> str | None:
    if error.sqlstate in _NOT_UP_TO_DATE:
        return f"The database is not up to date ({_first_line(error)}): run `prepay migrate`."
    if _is(error, "psycopg", "OperationalError"):
        return f"The database does not answer: {_first_line(error)}."
    if _is(error, "psycopg.errors", "InsufficientPrivilege"):
        return (
            f"The database refuses ({_first_line(error)}): PREPAY_DATABASE_URL must name the role prepay_app."
        )
    # What psycopg says of a URL holds the password.
    return _NO_URL if error.sqlstate is None and "connection" in str(error) else None


def _system(error: Any) -> str:
    if not error.strerror:
        return _sentence(error)
    return f"{error.filename}: {error.strerror}." if error.filename else f"{error.strerror}."


def _sentence(error: BaseException) -> str:
    return (str(error) or type(error).__name__).rstrip(".") + "."


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__).strip().rstrip(".")


_KNOWN: tuple[tuple[str, str, Callable[[Any], str | None]], ...] = (
    ("pydantic", "ValidationError", _settings),
    ("psycopg", "Error", _database),
    ("sqlalchemy.exc", "ArgumentError", lambda _: _NO_URL),
    ("sqlalchemy.exc", "TimeoutError", lambda _: "The database does not answer: no connection is free."),
    ("temporalio.service", "RPCError", lambda error: f"Temporal does not answer: {_first_line(error)}."),
    ("prepay.client", "PrepayError", _sentence),
    ("ledger.refusals", "Refused", _sentence),
    ("builtins", "OSError", _system),
    ("builtins", "ValueError", _sentence),
    ("builtins", "RuntimeError", _sentence),
)


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
    """A table for people; columns named in `right` hold amounts. Too wide a one is shown row after row."""
    # Without a terminal there is no width to fit into: programs that cut columns see each row on one line.
    out = Console(highlight=False, width=None if console.is_terminal else 200)
    out.print(f"[bold]{escape(title)}[/bold]{'' if rows else ': none'}")
    if not rows:
        return
    if sum(min(width, LONGEST_UNBROKEN) + GAP for width in _widths(columns, rows)) - GAP <= out.width:
        out.print(_table(columns, rows, right))
        out.print()
        return
    for row in rows:
        facts = [pair for pair in zip(columns, row, strict=True) if pair[1]]
        out.print(_table(["", " "], facts, ()))
        out.print()


def _widths(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(cell_len, column)) for column in zip(columns, *rows, strict=True)]


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[str]) -> Table:
    """Short cells, such as dates and amounts, stay on one line; text is broken between words."""
    headed = any(name.strip() for name in columns)
    table = Table(
        box=SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, GAP - 1, 0, 0),
        header_style="dim",
        show_header=headed,
    )
    for name, width in zip(columns, _widths(columns, rows), strict=True):
        justify: Literal["left", "right"] = "right" if name in right else "left"
        kept = width if width <= LONGEST_UNBROKEN else None
        table.add_column(name, justify=justify, overflow="fold", min_width=kept, no_wrap=kept is not None)
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    return table


def amount(minor: int, currency: str) -> str:
    """Minor units as people read them."""
    from prepay.money import Money

    # Not validated: a sum may be larger than any one amount may be.
    return str(Money.model_construct(amount_minor=minor, currency=currency))


def moment(value: datetime | None) -> str:
    """A point in time as people read it, UTC."""
    return f"{value:%Y-%m-%d %H:%M}" if value else ""


def path_name(path: Path) -> str:
    """A path as it can be printed, whatever its bytes are."""
    return os.fsencode(path).decode(errors="backslashreplace")


def use_stack(data: Path | None) -> None:
    """Let this process reach the stack of the data folder, unless the environment names one."""
    from embedded.discover import default_data, environment

    os.environ.update(environment(data or default_data()))
