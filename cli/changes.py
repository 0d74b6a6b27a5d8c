"""`prepay change`: what two people change, proposed by one and approved by another in Temporal."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.output import Data, Json, console, moment, print_json, print_table, use_stack
from cli.records import workflow_link
from cli.session import one_transaction

if TYPE_CHECKING:
    from activities.changes import Proposed

By = Annotated[str, typer.Option(help="The operator who proposes it.")]
Reason = Annotated[str, typer.Option(help="Why; it is kept.")]
MAX_ID = 2**63 - 1


def register(app: typer.Typer) -> None:
    """Add the commands."""
    change = typer.Typer(help="Changes of master data, by two people.", no_args_is_help=True)
    change.command("propose")(propose_file)
    change.command("list")(list_changes)
    change.command("show")(show)
    app.add_typer(change, name="change")


def propose_file(
    file: Annotated[
        Path, typer.Argument(help="A TOML file with the tables that are to be added or changed.")
    ],
    by: By,
    reason: Reason,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Propose what a set-up file says. Nothing changes before another operator approves it in Temporal."""
    use_stack(data)
    from activities.setup_file import read

    _, tables = read(file)
    tell(propose(tables, by, reason), by, as_json)


def propose(tables: dict[str, list[dict[str, Any]]], by: str, reason: str) -> "Proposed":
    """Write a proposal down."""
    from activities import changes
    from prepay.wire import parse

    given = parse(changes.ChangeInput, {"tables": tables, "by": by, "reason": reason}, "The change")
    with one_transaction() as session:
        return changes.propose(session, given)


def tell(proposed: "Proposed", by: str, as_json: bool) -> None:
    """Say what was proposed and what must follow."""
    link = workflow_link(proposed.workflow_id)
    if as_json:
        print_json({**proposed._asdict(), "link": link})
        return
    console.print(
        f"Proposed: {proposed.summary}. Nothing has changed yet: another operator than {by.strip()} must send "
        f"`approve` (or anybody `refuse`) to {proposed.workflow_id}:",
        markup=False,
        soft_wrap=True,
    )
    console.print(link, markup=False, soft_wrap=True)


def list_changes(
    stage: Annotated[str | None, typer.Option(help="proposed, applied or refused.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 100,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """The newest changes, with who proposed and who decided."""
    use_stack(data)
    from activities import changes

    with one_transaction() as session:
        found = changes.changes(session, stage, limit)
    if as_json:
        print_json(found)
        return
    rows = [[str(r["change"]), r["stage"], r["summary"], *_said(r)] for r in found]
    print_table("Changes", ["Change", "Stage", "It", "Proposed (UTC)", "Decided (UTC)"], rows)


def show(
    change: Annotated[
        int, typer.Argument(metavar="CHANGE", min=1, max=MAX_ID, help="As `prepay change list` shows it.")
    ],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """A change with every value that it sets."""
    use_stack(data)
    from activities import changes

    with one_transaction() as session:
        found = changes.change(session, change)
    if as_json:
        print_json(found)
        return
    proposed, decided = _said(found)
    console.print(f"Change {change}, {found['stage']}: {found['summary']}", markup=False, soft_wrap=True)
    console.print(f"Proposed {proposed}", markup=False, soft_wrap=True)
    if decided:
        console.print(f"Decided {decided}", markup=False, soft_wrap=True)
    rows = [
        [f"{kind} {number}", name, str(value)]
        for kind, tables in found["content"].items()
        for number, table in enumerate(tables, 1)
        for name, value in table.items()
    ]
    print_table("What it sets", ["Table", "Field", "Value"], rows)


def _said(row: dict[str, Any]) -> tuple[str, str]:
    proposed = f"{moment(row['proposed_at'])}, {row['proposed_by']}: {row['reason']}"
    decided = (
        f"{moment(row['decided_at'])}, {row['decided_by']}: {row['decided_reason']}"
        if row["decided_at"]
        else ""
    )
    return proposed, decided
