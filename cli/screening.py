"""`prepay screening`: the list of names and accounts, what it froze, and customers whose money stands still."""

from pathlib import Path
from typing import Annotated

import typer

from cli.output import Data, Json, amount, console, moment, print_json, print_table, use_stack
from cli.records import workflow_link
from cli.session import acting, acts_as, one_transaction

By = Annotated[str, typer.Option(help="The compliance operator who says so.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    screening = typer.Typer(
        help="Screening: what stands still until two people release it.", no_args_is_help=True
    )
    screening.command("load")(load)
    screening.command("freeze")(freeze)
    screening.command("list")(list_freezes)
    app.add_typer(screening, name="screening")


def load(
    file: Annotated[Path, typer.Argument(help="CSV lines such as name,ACME GmbH or account,DE89…,pending.")],
    by: By,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Let the screening list be what a file says; money from those on it is frozen from then on."""
    use_stack(data)
    from activities import screening

    with one_transaction() as session:
        loaded = screening.load(session, file, acts_as(session, by, "Screening", "load"))
    if as_json:
        print_json(loaded._asdict())
    else:
        console.print(f"The list has {loaded.listed:,}: {loaded.added:,} added, {loaded.ended:,} taken off")


def freeze(
    customer: Annotated[str, typer.Argument(help="The customer's number.")],
    by: By,
    reason: Annotated[str, typer.Option(help="Why; it is kept.")],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Freeze all of a customer's money: no credit, spending or refund until two compliance operators release it."""
    use_stack(data)
    from activities import screening
    from prepay.wire import parse

    raw = {"customer": customer, "by": by, "reason": reason}
    given = parse(screening.FreezeInput, raw, "The freeze")
    with one_transaction() as session:
        number, new = screening.freeze_customer(session, acting(session, given, "Freeze", "propose"))
    workflow_id = f"freeze-{number}"
    if as_json:
        print_json({"freeze": number, "workflow_id": workflow_id, "done": "frozen" if new else "unchanged"})
        return
    already = "" if new else " already"
    console.print(
        f"Customer {customer} is frozen{already}; two compliance operators release it in {workflow_id}:"
    )
    console.print(workflow_link(workflow_id), markup=False, soft_wrap=True)


def list_freezes(
    every: Annotated[bool, typer.Option("--all", help="Also what was released.")] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """What is frozen, whose it is and why, newest first."""
    use_stack(data)
    from activities import screening

    with one_transaction() as session:
        found = screening.freezes(session, open_only=not every)
    if as_json:
        print_json(found)
        return
    rows = [
        [
            r["workflow_id"],
            r["customer"] or f"entry {r['entry']}",
            amount(r["amount_minor"], r["currency"]) if r["currency"] else "all",
            " ".join(filter(None, [r["payer_name"], r["payer_account"]])),
            r["reason"],
            f"{moment(r['frozen_at'])}, {r['frozen_by']}",
            moment(r["ended_at"]) if r["ended_at"] else "",
        ]
        for r in found
    ]
    columns = ["Workflow", "Of", "Amount", "Payer", "Reason", "Frozen (UTC)", "Released (UTC)"]
    print_table("Frozen", columns, rows)
