"""`prepay operator`: who may decide what, and how much."""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from cli.output import Data, Json, amount, print_json, print_table, use_stack
from cli.session import one_transaction


def register(app: typer.Typer) -> None:
    """Add the commands."""
    operator = typer.Typer(help="Operators: our staff.", no_args_is_help=True)
    operator.callback()(lambda: None)
    operator.command("list")(list_operators)
    app.add_typer(operator, name="operator")


def list_operators(
    as_of: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="At the end of that day (UTC); left out, now."),
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Every operator with the roles and limits that they have, or had on a day."""
    use_stack(data)
    from activities import operators

    day = as_of.date() if as_of else datetime.now(UTC).date()
    with one_transaction() as session:
        found = operators.operators(session, day)
    if as_json:
        print_json(found)
        return
    rows = [[r["name"], r["login"], _roles(r["roles"]), _limits(r["limits"])] for r in found]
    print_table(f"Operators, {day}", ["Name", "Login", "Roles", "At most at once"], rows)


def _roles(roles: list[dict[str, Any]]) -> str:
    return "\n".join(f"{r['role']} since {r['valid_from']}{_until(r['valid_to'])}" for r in roles) or "none"


def _limits(limits: list[dict[str, Any]]) -> str:
    return "\n".join(f"{_most(limit)}{_until(limit['valid_to'])}" for limit in limits) or "no amount"


def _most(limit: dict[str, Any]) -> str:
    if limit["limit_minor"] is None:
        return f"any amount in {limit['currency']}"
    return amount(limit["limit_minor"], limit["currency"])


def _until(day: str | None) -> str:
    return f" until {day}" if day else ""
