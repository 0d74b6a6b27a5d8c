"""`prepay setup` and `prepay customer`: entities, collection accounts, customers."""

import re
import tomllib
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.output import Data, Json, amount, console, print_json, print_table, use_stack

KINDS = ("entity", "account", "customer")


class SetupMistake(ValueError):
    """The file has a mistake; the message names the line and the field."""

    def __init__(self, file: Path, line: int, what: str) -> None:
        super().__init__(f"{file}, line {line}: {what}")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(setup)
    customer = typer.Typer(help="Customers.", no_args_is_help=True)
    customer.command("add")(add)
    customer.command("list")(list_customers)
    app.add_typer(customer, name="customer")


def setup(
    file: Annotated[
        Path, typer.Argument(help="A TOML file with [[entity]], [[account]] and [[customer]] tables.")
    ],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Add entities, collection accounts and customers from one file; again, it changes nothing."""
    use_stack(data)
    from settings import settings

    done = apply(file, settings().database_url)
    if as_json:
        print_json(done)
        return
    for name, counts in done.items():
        said = ", ".join(f"{count} {what}" for what, count in counts.items()) or "none in the file"
        console.print(f"{name}: {said}")


def apply(file: Path, database_url: str) -> dict[str, dict[str, int]]:
    """All of the file in one transaction, or nothing. Raises SetupMistake."""
    from sqlmodel import Session

    from activities.database import make_engine
    from activities.master_data import (
        AccountInput,
        CustomerInput,
        EntityInput,
        MasterDataRefused,
        put_account,
        put_customer,
        put_entity,
    )
    from prepay.wire import InputRefused, parse

    text, content = _read(file)
    verbs: dict[str, tuple[type[Any], Any]] = {
        "entity": (EntityInput, put_entity),
        "account": (AccountInput, put_account),
        "customer": (CustomerInput, put_customer),
    }
    done: dict[str, dict[str, int]] = {kind: {} for kind in KINDS}
    engine = make_engine(database_url, 1)
    with Session(engine) as session, session.begin():
        for kind, (model, put) in verbs.items():
            for number, raw in enumerate(content.get(kind, [])):
                try:
                    result = put(session, parse(model, raw, f"[[{kind}]]"))
                except (InputRefused, MasterDataRefused) as refusal:
                    raise SetupMistake(file, _line(text, kind, number, str(refusal)), str(refusal)) from None
                done[kind][result] = done[kind].get(result, 0) + 1
    engine.dispose()
    return done


def _read(file: Path) -> tuple[str, dict[str, Any]]:
    text = file.read_text(encoding="utf-8")
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{file} is no TOML: {error}") from None
    for name, value in content.items():
        line = _line(text, name, 0, "")
        if name not in KINDS:
            raise SetupMistake(
                file, line, f"{name!r} is not known; there are {', '.join(f'[[{k}]]' for k in KINDS)}"
            )
        if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
            raise SetupMistake(file, line, f"write [[{name}]] in double brackets")
    return text, content


def _line(text: str, kind: str, number: int, problem: str) -> int:
    """The line of the field that the problem names, in the table of that kind and number; else of the table."""
    field = re.search(r"`(\w+)", problem)
    lines, seen, start = text.splitlines(), -1, 1
    for position, line in enumerate(lines, 1):
        header = re.match(r"\s*\[\[?\s*([\w-]+)", line)
        if header:
            if seen == number and header[1]:
                break
            if header[1] == kind:
                seen += 1
                start = position
        elif (seen == number and field and re.match(rf"\s*{field[1]}\s*=", line)) or (
            seen < 0 and re.match(rf"\s*{re.escape(kind)}\s*=", line)
        ):
            return position
    return start


def add(
    number: Annotated[str, typer.Argument(help="The number that people and services know.")],
    legal_name: Annotated[str, typer.Option("--name")],
    address: Annotated[list[str], typer.Option(help="A line of the address; give it several times.")],
    country: Annotated[str, typer.Option(help="ISO 3166, such as DE.")],
    entity: Annotated[str, typer.Option(help="The contracting entity's code.")],
    currency: Annotated[list[str], typer.Option(help="ISO 4217; give it several times.")],
    email: Annotated[str, typer.Option()] = "",
    locale: Annotated[str, typer.Option(help="Such as en or zh-CN.")] = "en",
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Add a customer and open their balances; again with the same values, it changes nothing."""
    use_stack(data)
    from sqlmodel import Session

    from activities.database import make_engine
    from activities.master_data import CustomerInput, put_customer
    from prepay.wire import parse
    from settings import settings

    raw = {
        "number": number,
        "legal_name": legal_name,
        "address": address,
        "country": country,
        "entity": entity,
        "currencies": currency,
        "email": email,
        "locale": locale,
    }
    customer = parse(CustomerInput, raw, f"Customer {number}")
    with Session(make_engine(settings().database_url, 1)) as session, session.begin():
        done = put_customer(session, customer)
    if as_json:
        print_json({"customer": number, "done": done})
    else:
        console.print(f"Customer {number}: {done}")


def list_customers(data: Data = None, as_json: Json = False) -> None:
    """All customers, with what is available to each."""
    use_stack(data)
    import psycopg
    from psycopg.rows import dict_row

    from settings import settings

    query = """
        SELECT c.number, c.legal_name, c.country, c.entity, a.currency,
            a.credits_posted - a.debits_posted - a.debits_pending AS available_minor
        FROM customer c JOIN ledger_account a ON a.kind = 'customer' AND a.holder = c.number ORDER BY 1, 4, 5
    """
    with psycopg.connect(settings().database_url, row_factory=dict_row) as connection:
        rows = connection.execute(query).fetchall()
    if as_json:
        print_json(rows)
        return
    cells = [
        [r["number"], r["legal_name"], r["country"], r["entity"], amount(r["available_minor"], r["currency"])]
        for r in rows
    ]
    print_table("Customers", ["Number", "Name", "Country", "Entity", "Available"], cells, right=["Available"])
