"""`prepay setup` and `prepay customer`: entities, collection accounts, operators, customers."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from cli.orders import with_client
from cli.output import Data, Json, amount, console, print_json, print_table, use_stack
from cli.session import one_transaction


class NoSuchCustomer(ValueError):
    """Nobody has the number."""

    def __init__(self, number: str) -> None:
        super().__init__(f"There is no customer {number[:40]}; `prepay customer list` lists them.")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(setup)
    customer = typer.Typer(help="Customers.", no_args_is_help=True)
    customer.command("add")(add)
    customer.command("list")(list_customers)
    customer.command("auto-pay")(auto_pay)
    customer.command("notify-below")(notify_below)
    app.add_typer(customer, name="customer")


def setup(
    file: Annotated[
        Path,
        typer.Argument(help="A TOML file with [[entity]], [[account]], [[operator]], [[customer]] tables."),
    ],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Add entities, collection accounts, operators and customers from one file; again, it changes nothing."""
    use_stack(data)
    from activities.setup_file import apply
    from settings import settings

    done = apply(file, settings().database_url)
    if as_json:
        print_json(done)
        return
    for name, counts in done.items():
        said = ", ".join(f"{count} {what}" for what, count in counts.items())
        console.print(f"{name}: {said}")


def add(
    number: Annotated[str, typer.Argument(help="The number that people and services know.")],
    legal_name: Annotated[str, typer.Option("--name", help="Their legal name.")],
    address: Annotated[list[str], typer.Option(help="A line of the address; give it several times.")],
    country: Annotated[str, typer.Option(help="ISO 3166, such as DE.")],
    entity: Annotated[str, typer.Option(help="The contracting entity's code.")],
    currency: Annotated[list[str], typer.Option(help="ISO 4217; give it several times.")],
    email: Annotated[str, typer.Option(help="Where notices go; left out, they are only kept.")] = "",
    locale: Annotated[str, typer.Option(help="Such as en or zh-CN.")] = "en",
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Add a customer and open their balances; again with the same values, it changes nothing."""
    use_stack(data)
    from sqlmodel import Session

    from activities.database import make_engine
    from activities.master_data import one_at_a_time, put_customer
    from activities.master_data_input import CustomerInput
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
        one_at_a_time(session)
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
            a.available_minor
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


def auto_pay(
    customer: Annotated[str, typer.Argument(help="The customer's number.")],
    on: Annotated[bool, typer.Option("--on/--off", help="Whether bills are paid as money comes.")],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Whether a customer's bills are paid by themselves; else `prepay bill pay` or the customer's service pays them."""
    use_stack(data)
    from activities.bills import set_auto_pay

    with one_transaction() as session:
        if not set_auto_pay(session, customer, on):
            raise NoSuchCustomer(customer)
    if as_json:
        print_json({"customer": customer, "auto_pay": on})
    else:
        console.print(
            f"Customer {customer}: bills are {'' if on else 'not '}paid by themselves.", markup=False
        )


def notify_below(
    customer: Annotated[str, typer.Argument(help="The customer's number.")],
    currency: Annotated[str, typer.Argument(help="ISO 4217, such as EUR.")],
    amount: Annotated[
        str | None, typer.Argument(help="A plain decimal; left out, they are told no more.")
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Tell a customer once each time that what is available falls below an amount."""
    use_stack(data)
    asyncio.run(with_client(lambda client: client.notify_below(customer, currency, amount)))
    if as_json:
        print_json({"customer": customer, "currency": currency, "below": amount})
    else:
        what = f"when less than {amount} {currency} is available" if amount else f"nothing about {currency}"
        console.print(f"Customer {customer} is told {what}.", markup=False)
