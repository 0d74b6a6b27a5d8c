"""`prepay receipt`: money that nobody was credited with, with all that the bank said, and whose it may be."""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from cli.claims import claims
from cli.output import Data, Json, amount, console, moment, print_json, print_table, use_stack
from cli.records import workflow_link
from cli.session import one_transaction

MAX_ID = 2**63 - 1
_RIGHT = ["Amount", "Days", "Receipts", "Older than 30 days", "To return"]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    receipt = typer.Typer(help="Money that nobody was credited with.", no_args_is_help=True)
    receipt.command("list")(list_receipts)
    receipt.command("show")(show)
    receipt.add_typer(claims, name="claim")
    app.add_typer(receipt, name="receipt")


def list_receipts(
    entity: Annotated[str | None, typer.Option(help="Only of this contracting entity.")] = None,
    currency: Annotated[str | None, typer.Option(help="Only in this currency.")] = None,
    age: Annotated[int, typer.Option(min=0, max=36500, help="Only what is at least so many days old.")] = 0,
    after: Annotated[int, typer.Option(min=0, max=MAX_ID, help="Go on after this receipt.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 50,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Open receipts, the oldest first, and how many there are."""
    use_stack(data)
    from activities.receipt_list import counts, page

    given = {"entity": entity, "currency": currency, "age": age, "after": after, "limit": limit}
    with one_transaction() as session:
        found, counted = page(session, given), counts(session)
    if as_json:
        print_json({"receipts": found, "counts": counted})
        return
    columns = ["Receipt", "Days", "Amount", "Entity", "Payer", "Text", "Stage", "Why"]
    print_table("Receipts without an owner", columns, [_cells(row) for row in found], right=_RIGHT)
    _print_counts(counted)
    if len(found) == limit:
        console.print(f"More: --after {found[-1]['receipt']}")


def _cells(row: dict[str, Any]) -> list[str]:
    claimed = f"; {row['claims']} claimed it" if row["claims"] else ""
    return [
        str(row["receipt"]),
        str(_days(row)),
        amount(row["amount_minor"], row["currency"]),
        row["entity"],
        row["payer_name"],
        " ".join(row["remittance"].split()),
        row["stage"],
        row["reason"] + claimed,
    ]


def _days(row: dict[str, Any]) -> int:
    from rules.receipt import age_days

    return age_days(row["opened_at"], datetime.now(UTC))


def _print_counts(counted: list[dict[str, Any]]) -> None:
    columns = ["Entity", "Stage", "Receipts", "Amount", "Older than 30 days", "To return", "Oldest (UTC)"]
    rows = [
        [
            row["entity"],
            row["stage"],
            f"{row['receipts']:,}",
            amount(row["amount_minor"], row["currency"]),
            f"{row['older_than_30_days']:,}",
            f"{row['to_return']:,}",
            moment(row["oldest"]),
        ]
        for row in counted
    ]
    print_table("In all", columns, rows, right=_RIGHT)


def show(
    receipt: Annotated[int, typer.Argument(min=1, max=MAX_ID, help="As `prepay receipt list` shows it.")],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """All that the bank said of a receipt, whose it may be and why, and what was decided."""
    use_stack(data)
    from activities.receipt_list import one
    from prepay.ids import receipt_workflow_id

    with one_transaction() as session:
        found = one(session, receipt)
    found["link"] = workflow_link(receipt_workflow_id(receipt))
    if as_json:
        print_json(found)
        return
    print_table(f"Receipt {receipt}", ["", " "], [[name, value] for name, value in _facts(found) if value])
    places = [
        [c["deposit"] or "the balance", c["customer"], "; ".join(c["reasons"])] for c in found["candidates"]
    ]
    print_table("Whose it may be", ["Deposit", "Customer", "Why"], places)
    claimed = [
        [
            str(c["claim"]),
            c["customer"],
            str(c["paid_on"]),
            c["payer_name"],
            c["stage"],
            c["proof_sha256"] or "",
        ]
        for c in found["claims"]
    ]
    print_table("Claims", ["Claim", "Customer", "Paid on", "Payer", "Stage", "Proof"], claimed)
    said = [[moment(d["created_at"]), d["operator"], d["what"], d["reason"]] for d in found["decisions"]]
    print_table("Decisions", ["When (UTC)", "Who", "What", "Why"], said)
    console.print(found["link"], markup=False, soft_wrap=True)


def _facts(found: dict[str, Any]) -> list[tuple[str, str]]:
    charges = found["charges_minor"]
    return [
        ("Stage", found["stage"]),
        ("Amount", amount(found["amount_minor"], found["currency"])),
        ("Charges on the way", amount(charges, found["currency"]) if charges else ""),
        ("Age", f"{_days(found)} days"),
        ("Entity, account", f"{found['entity']}, {found['account']}"),
        ("Bank entry", str(found["entry"])),
        ("Booked, value", f"{found['booked_on'] or ''}, {found['value_on'] or ''}"),
        ("Payer", found["payer_name"]),
        ("Payer's account", found["payer_account"]),
        ("Linked to", found["payer_linked_to"] or ""),
        ("Paid to", found["credited_account"]),
        ("Text", found["remittance"]),
        ("End-to-end reference", found["end_to_end_id"]),
        ("Bank's reference", found["bank_reference"]),
        ("Returned because", found["return_reason"]),
        ("Why it waits", found["reason"]),
    ]
