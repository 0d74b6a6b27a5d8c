"""`prepay refund`: tickets of customers who want money of their balance back."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from cli.output import Data, Json, amount, console, moment, print_json, print_table, require_folder, use_stack
from cli.records import workflow_link
from cli.session import acts_as, one_transaction

if TYPE_CHECKING:
    from prepay.client import PrepayClient
    from prepay.refunds import RefundView

MAX_ID = 2**63 - 1
Number = Annotated[str, typer.Argument(help="The ticket's number, such as R-2026-000001.")]
By = Annotated[
    str, typer.Option(help="The operator who does it for the customer; they do not approve it then.")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    refund = typer.Typer(help="Refund tickets.", no_args_is_help=True)
    refund.command()(request)
    refund.command("list")(list_refunds)
    refund.command()(show)
    refund.command()(payee)
    refund.command()(withdraw)
    refund.command()(proof)
    refund.command()(audit)
    refund.command()(confirmation)
    app.add_typer(refund, name="refund")


def request(
    customer: Annotated[str, typer.Argument(help="The customer's number.")],
    currency: Annotated[str, typer.Argument(help="ISO 4217, such as EUR.")],
    reason: Annotated[str, typer.Option(help="Why, as the customer says it.")],
    by: By,
    amount: Annotated[
        str | None, typer.Option(help="A plain decimal, such as 250.00; left out, all that is left.")
    ] = None,
    request_id: Annotated[str | None, typer.Option(help="The same again is the same ticket.")] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Open a ticket for a customer: the money is held at once, and other operators approve it."""
    use_stack(data)
    with one_transaction() as session:
        by = acts_as(session, by, "Refund", "propose")
    given: dict[str, Any] = {"amount": amount, "reason": reason, "request_id": request_id, "opened_by": by}
    _told(asyncio.run(_with_client(lambda c: c.request_refund(customer, currency, **given))), as_json)


def list_refunds(
    customer: Annotated[str | None, typer.Option(help="Of this customer only.")] = None,
    stage: Annotated[str | None, typer.Option(help="Such as in_review or returned.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="The newest so many.")] = 100,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Tickets, the newest first."""
    from cli.deposits import UnknownStage
    from prepay.refunds import RefundStage

    if stage is not None and stage not in get_args(RefundStage):
        raise UnknownStage(stage, get_args(RefundStage))
    use_stack(data)
    rows = _rows(customer=customer, stage=stage, limit=limit)
    if as_json:
        print_json(rows)
        return
    cells = [
        [
            row["number"],
            row["customer"],
            "all that is left"
            if row["amount_minor"] is None
            else amount(row["amount_minor"], row["currency"]),
            row["stage"],
            moment(row["opened_at"]),
            row["answer"],
        ]
        for row in rows
    ]
    head = ["Ticket", "Customer", "Amount", "Stage", "Opened (UTC)", "Answer"]
    print_table("Refunds", head, cells, right=["Amount"])


def show(number: Number, data: Data = None, as_json: Json = False) -> None:
    """A ticket for staff: the accounts it goes to, who had a hand in it, and all that happened."""
    use_stack(data)
    from activities.refund_list import ticket

    with one_transaction() as session:
        found = ticket(session, number)
    found["link"] = workflow_link(found["workflow_id"])
    if as_json:
        print_json(found)
        return
    _print_ticket(found)


def _print_ticket(found: dict[str, Any]) -> None:
    money = None if found["amount_minor"] is None else amount(found["amount_minor"], found["currency"])
    facts = {
        "Customer": f"{found['customer']}, {found['customer_name']}",
        "Contracting entity": found["entity"],
        "Amount": money or "all that is left, not counted yet",
        "Why": found["reason"],
        "Opened": f"{moment(found['opened_at'])} UTC, by {found['opened_by'] or 'the customer'}",
        "Stage": found["stage"],
        "Answer": found["answer"],
        "Workflow": found["link"],
    }
    print_table(
        f"Refund {found['number']}", ["", " "], [[name, value] for name, value in facts.items() if value]
    )
    payouts = [
        [str(p["payout"]), amount(p["amount_minor"], p["currency"]), p["stage"], _account(p), p["reason"]]
        for p in found["payouts"]
    ]
    head = ["Payout", "Amount", "Stage", "Where to", "Bank says"]
    print_table("Payouts", head, payouts, right=["Amount"])
    events = [[moment(e["created_at"]), e["what"], e["by"], e["reason"]] for e in found["events"]]
    print_table("What happened (UTC)", ["When", "What", "Who", "Why"], events)


def _account(payout: dict[str, Any]) -> str:
    from prepay.ids import grouped

    if payout["payee"] is None:
        return "the customer has to say"
    number = grouped(payout["iban"]) if payout["iban"] else payout["account_number"]
    origin = f"payer of bank entry {payout['entry']}" if payout["origin"] == "payer" else "as entered"
    return f"{payout['name']}, {number} ({origin})"


def payee(
    customer: Annotated[str, typer.Argument(help="The customer's number.")],
    number: Number,
    name: Annotated[str, typer.Option(help="As the payee's bank knows them.")],
    by: By,
    iban: Annotated[str, typer.Option(help="The IBAN, where there is one.")] = "",
    bic: Annotated[str, typer.Option(help="The bank's BIC; not needed within SEPA.")] = "",
    account_number: Annotated[str, typer.Option(help="The number, where there is no IBAN.")] = "",
    clearing_code: Annotated[str, typer.Option(help="Where there is no BIC: sort code, ABA, IFSC.")] = "",
    bank_name: Annotated[str, typer.Option(help="The bank's name.")] = "",
    country: Annotated[str, typer.Option(help="The payee's country, ISO 3166.")] = "",
    town: Annotated[str, typer.Option(help="The payee's town.")] = "",
    purpose: Annotated[
        str, typer.Option(help="ISO 20022 purpose code, where the country asks for one.")
    ] = "",
    charge_bearer: Annotated[str, typer.Option(help="SHAR, DEBT or CRED outside SEPA.")] = "",
    payout: Annotated[
        int | None, typer.Option(min=1, max=MAX_ID, help="One payout; left out, those without an account.")
    ] = None,
    proof: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, help="That it is the customer's account: PDF, PNG or JPEG."
        ),
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Enter the bank details that a ticket's money goes to. Another account than it came from needs a proof."""
    use_stack(data)
    details = {
        "name": name,
        "iban": iban,
        "bic": bic,
        "account_number": account_number,
        "clearing_code": clearing_code,
        "bank_name": bank_name,
        "country": country,
        "town": town,
        "purpose": purpose,
        "charge_bearer": charge_bearer,
    }
    with one_transaction() as session:
        by = acts_as(session, by, "Payee", "enter")
    shown = proof.read_bytes() if proof else None
    entered = asyncio.run(
        _with_client(
            lambda c: c.enter_payee(customer, number, details, proof=shown, payout=payout, entered_by=by)
        )
    )
    _told(entered, as_json)


def withdraw(
    customer: Annotated[str, typer.Argument(help="The customer's number.")],
    number: Number,
    reason: Annotated[str, typer.Option(help="Why, as the customer says it.")] = "withdrawn by the customer",
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Take a ticket back for its customer: what is held is on their balance again."""
    use_stack(data)
    _told(asyncio.run(_with_client(lambda c: c.withdraw_refund(customer, number, reason=reason))), as_json)


def proof(
    number: Number,
    file: Annotated[Path, typer.Argument(help="Where it is written; a file that exists is left alone.")],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Write the newest proof of a ticket to a file, as it was sent: open it with care."""
    use_stack(data)
    from activities import refund_list

    with one_transaction() as session:
        kind, content = refund_list.proof(session, number)
    with file.open("xb") as target:
        target.write(content)
    if as_json:
        print_json({"file": str(file), "kind": kind, "bytes": len(content)})
        return
    console.print(f"{file}: {kind.upper()}, {len(content):,} bytes", markup=False, soft_wrap=True)


def audit(
    number: Number,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The PDF file to write; else its number.pdf.")
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Who did what when, attested how, with every digest, as a PDF for auditors."""
    require_folder(out)
    use_stack(data)
    from datetime import UTC, datetime

    from activities.refund_list import ticket
    from documents.audit import render_audit

    with one_transaction() as session:
        found = ticket(session, number)
    file = out or Path(f"{number}-audit.pdf")
    file.write_bytes(render_audit(found, datetime.now(UTC)))
    if as_json:
        print_json({"number": number, "file": str(file), "events": len(found["events"])})
        return
    console.print(f"{file}: {len(found['events'])} events of refund {number}", markup=False, soft_wrap=True)


def confirmation(
    customer: Annotated[str, typer.Argument(help="The customer's number.")],
    number: Number,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The PDF file to write; else its number.pdf.")
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """The confirmation of a refund that was paid, as its customer gets it."""
    use_stack(data)
    from cli.statements import write

    asyncio.run(write(lambda client: client.refund_confirmation(customer, number), out, as_json))


def _told(view: "RefundView", as_json: bool) -> None:
    [row] = _rows(number=view.number, limit=1)
    link = workflow_link(row["workflow_id"])
    if as_json:
        print_json({**view.model_dump(mode="json"), "link": link})
        return
    what = "all that is left" if view.money is None else str(view.money)
    said = f": {view.answer}" if view.answer else ""
    console.print(
        f"Refund {view.number} of {view.customer} over {what} is {view.stage}{said}.",
        markup=False,
        soft_wrap=True,
    )
    console.print(link, markup=False, soft_wrap=True)


async def _with_client(ask: "Callable[[PrepayClient], Awaitable[RefundView]]") -> "RefundView":
    from prepay.client import PrepayClient
    from settings import settings

    async with await PrepayClient.connect(settings().database_url) as client:
        return await ask(client)


def _rows(**wanted: Any) -> list[dict[str, Any]]:
    import psycopg
    from psycopg.rows import dict_row

    from prepay.refund_queries import REFUNDS
    from settings import settings

    given = {"number": None, "customer": None, "stage": None, **wanted}
    with psycopg.connect(settings().database_url, row_factory=dict_row) as connection:
        return connection.execute(REFUNDS.encode(), given).fetchall()
