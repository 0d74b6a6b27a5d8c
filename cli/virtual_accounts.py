"""`prepay virtual-account`: customers' own account numbers."""

from typing import Annotated, Any
from uuid import uuid4

import typer

from cli.output import Data, Json, console, moment, print_json, print_table, use_stack
from cli.records import workflow_link
from cli.session import one_transaction

MAX_ID = 2**63 - 1
LIMIT = 1000


def register(app: typer.Typer) -> None:
    """Add the commands."""
    virtual = typer.Typer(help="Customers' own account numbers.", no_args_is_help=True)
    virtual.command("apply")(apply)
    virtual.command("list")(list_applications)
    virtual.command("show")(show)
    app.add_typer(virtual, name="virtual-account")


def apply(
    customer: Annotated[str, typer.Argument(help="The customer's number.")],
    currency: Annotated[str, typer.Argument(help="ISO 4217, such as EUR.")],
    by: Annotated[str, typer.Option(help="The operator who applies for the customer; another one decides.")],
    note: Annotated[str, typer.Option(help="What whoever decides should know; it is kept.")] = "",
    replaces: Annotated[
        int | None,
        typer.Option(min=1, max=MAX_ID, help="The virtual account that it is to replace, and runs beside."),
    ] = None,
    request_id: Annotated[
        str | None, typer.Option(help="The same id again gives the same answer; left out, a new one.")
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Apply for an account number of the customer's own. The rules refuse at once; else another operator decides."""
    use_stack(data)
    from activities import virtual_accounts
    from activities.operators import require
    from prepay.virtual_accounts import VirtualAccountRequest
    from prepay.wire import parse
    from rules.authority import Act

    raw = {"customer": customer, "currency": currency, "note": note, "replaces": replaces}
    request = parse(
        VirtualAccountRequest, {**raw, "request_id": request_id or str(uuid4())}, "The application"
    )
    with one_transaction() as session:
        operator = require(session, by, Act("VirtualAccountApplication", "propose"))
        applied = virtual_accounts.apply(session, request, operator)
    link = workflow_link(applied.workflow_id)
    if as_json:
        print_json({**applied._asdict(), "link": link})
        return
    console.print(
        f"Application {applied.application} for customer {customer} in {currency}: what the rules do not refuse, "
        f"somebody else than {operator} must decide in {applied.workflow_id}:",
        markup=False,
        soft_wrap=True,
    )
    console.print(link, markup=False, soft_wrap=True)


def list_applications(
    customer: Annotated[str | None, typer.Option(help="Of this customer only.")] = None,
    stage: Annotated[str | None, typer.Option(help="Such as in_review or active.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=LIMIT, help="The newest so many.")] = 100,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Applications and the account numbers that came of them, newest first."""
    use_stack(data)
    rows = _rows(customer=customer, stage=stage, limit=limit)
    if as_json:
        print_json(rows)
        return
    cells = [
        [str(r["application"]), r["customer"], r["entity"], r["currency"], r["stage"], _number(r), r["why"]]
        for r in rows
    ]
    head = ["Application", "Customer", "Entity", "Currency", "Stage", "Number", "Why"]
    print_table("Virtual accounts", head, cells)


def show(
    application: Annotated[int, typer.Argument(min=1, max=MAX_ID, help="As `list` shows it.")],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """One application, with its number."""
    use_stack(data)
    from activities.virtual_accounts import ApplicationRefused
    from prepay.ids import virtual_account_workflow_id

    rows = _rows(application=application, limit=1)
    if not rows:
        raise ApplicationRefused(
            f"There is no application {application}; `prepay virtual-account list` lists them."
        )
    [row] = rows
    link = workflow_link(virtual_account_workflow_id(application))
    if as_json:
        print_json({**row, "link": link})
        return
    told = [
        ("Customer", row["customer"]),
        ("Contracting entity", row["entity"]),
        ("Currency", row["currency"]),
        ("Stage", row["stage"]),
        ("Why", row["why"]),
        ("Applied", f"{moment(row['submitted_at'])} UTC"),
        ("Number", _number(row)),
        ("Valid from", str(row["valid_from"] or "")),
        ("Valid to", str(row["valid_to"] or "")),
        ("Replaced by", str(row["replaced_by"] or "")),
        ("Workflow", link),
    ]
    print_table(f"Application {application}", ["", ""], [[name, value] for name, value in told if value])


def _number(row: dict[str, Any]) -> str:
    from prepay.ids import grouped

    return grouped(row["iban"]) if row["iban"] else row["account_number"]


def _rows(**wanted: Any) -> list[dict[str, Any]]:
    import psycopg
    from psycopg.rows import dict_row

    from prepay.virtual_account_queries import APPLICATIONS
    from settings import settings

    given = {"application": None, "customer": None, "stage": None, **wanted}
    with psycopg.connect(settings().database_url, row_factory=dict_row) as connection:
        return connection.execute(APPLICATIONS.encode(), given).fetchall()
