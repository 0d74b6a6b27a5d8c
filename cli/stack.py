"""`prepay up`, `prepay doctor` and `prepay migrate`: the parts that Prepay stands on."""

import asyncio
import dataclasses
import importlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from cli.output import Json, console, errors, print_json

if TYPE_CHECKING:
    from embedded.doctor import Finding

DATA = Annotated[
    Path | None,
    typer.Option("--data", envvar="PREPAY_DATA", help="Data folder.", show_default="the platform's"),
]
PORT = typer.Option(min=1, max=65535, help="Port; left out, a free one is found and kept.")


class NoOwnerUrl(ValueError):
    def __init__(self) -> None:
        super().__init__(
            "PREPAY_DATABASE_OWNER_URL is not set: give the URL of the role that owns the tables."
        )


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(up)
    app.command()(doctor)
    app.command()(migrate)


def up(
    data: DATA = None,
    workers: Annotated[int, typer.Option(min=0, max=64, help="Worker processes.")] = 1,
    postgres_port: Annotated[int | None, PORT] = None,
    temporal_port: Annotated[int | None, PORT] = None,
    temporal_ui_port: Annotated[int | None, PORT] = None,
    bank_port: Annotated[int | None, PORT] = None,
) -> None:
    """Start PostgreSQL, Temporal with its UI, a bank and the workers, and stay until Ctrl-C.

    What TEMPORAL_ADDRESS or PREPAY_DATABASE_URL names is used instead of started.
    """
    from embedded.discover import default_data
    from embedded.ports import Ports
    from embedded.stack import Stack

    ports = Ports(postgres_port or 0, temporal_port or 0, temporal_ui_port or 0, bank_port or 0)
    stack = Stack(data or default_data(), ports=ports, workers=workers, say=_say)
    with stack:
        _print_addresses(stack.environment)
        stack.run()
        _say("Stopping …")


def _say(line: str) -> None:
    errors.print(line, markup=False, soft_wrap=True)


def _print_addresses(environment: dict[str, str]) -> None:
    known = {**os.environ, **environment}
    database = known.get("PREPAY_DATABASE_URL", "")
    rows = {
        "Temporal UI": known.get("PREPAY_UI_URL"),
        "Temporal": known.get("TEMPORAL_ADDRESS"),
        # Without its password.
        "Database": database.rpartition("@")[2] or database,
        "Bank": known.get("PREPAY_BANK_URL"),
        "Bank files in": known.get("PREPAY_INBOX"),
        "Data": known.get("PREPAY_DATA"),
    }
    for name, address in rows.items():
        if address:
            console.print(f"{name:<14} {address}", markup=False, soft_wrap=True)
    console.print("Prepay is up. Ctrl-C stops it; the data stays.")


def doctor(as_json: Json = False) -> None:
    """Say which parts are there, and how the missing ones are installed.

    The exit code is 1 when one is missing that nothing works without.
    """
    from embedded.doctor import examine

    findings = examine()
    if as_json:
        print_json([dataclasses.asdict(finding) for finding in findings])
    else:
        _print_findings(findings)
    if any(finding.required and not finding.found for finding in findings):
        raise typer.Exit(1)


def _print_findings(findings: "list[Finding]") -> None:
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("Part", "", "", "Needed for"):
        table.add_column(heading, overflow="fold")
    for finding in findings:
        mark = (
            "[green]found[/]" if finding.found else f"[{'red' if finding.required else 'yellow'}]missing[/]"
        )
        table.add_row(finding.part, mark, escape(finding.detail), finding.needed_for)
    console.print(table)
    for finding in findings:
        if not finding.found:
            line = f"{finding.part} comes with: {finding.install}"
            console.print(line, markup=False, soft_wrap=True)


def migrate() -> None:
    """Bring a database and a Temporal of your own up to date: tables and functions, search attributes."""
    owner_url = os.environ.get("PREPAY_DATABASE_OWNER_URL")
    if not owner_url:
        raise NoOwnerUrl
    importlib.import_module("migrations").upgrade(owner_url)
    _say("The database is at the newest revision.")
    if os.environ.get("TEMPORAL_ADDRESS") or os.environ.get("TEMPORAL_PROFILE"):
        from embedded.temporal import register_search_attributes

        added = asyncio.run(register_search_attributes())
        _say(f"Search attributes added: {', '.join(added) or 'none, all were there'}.")
