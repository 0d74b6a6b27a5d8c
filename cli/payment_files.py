"""`prepay payment-file`: what went to the bank, how it answered, and the bytes."""

from pathlib import Path
from typing import Annotated, Any

import typer

from cli.output import Data, Json, amount, console, moment, print_json, print_table, use_stack
from cli.records import workflow_link
from cli.session import one_transaction

MAX_ID = 2**63 - 1
FILE = typer.Argument(min=1, max=MAX_ID, help="As `prepay payment-file list` shows it.")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    files = typer.Typer(help="Payments to the bank.", no_args_is_help=True)
    files.command("list")(list_files)
    files.command("show")(show)
    files.command("save")(save)
    app.add_typer(files, name="payment-file")


def list_files(
    before: Annotated[int | None, typer.Option(min=1, max=MAX_ID, help="Only files before this one.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 50,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Payment files, the newest first."""
    use_stack(data)
    from activities.payment_file_list import page

    with one_transaction() as session:
        found = page(session, before, limit)
    if as_json:
        print_json(found)
        return
    columns = ["File", "Message", "Account", "To be paid on", "Payouts", "Sum", "Stage", "Sent (UTC)"]
    print_table("Payment files", columns, [_cells(row) for row in found], right=["Payouts", "Sum"])
    if len(found) == limit:
        console.print(f"More: --before {found[-1]['file']}")


def _cells(row: dict[str, Any]) -> list[str]:
    return [
        str(row["file"]),
        row["message_id"],
        row["account"],
        str(row["execute_on"]),
        f"{row['payouts']:,}",
        amount(row["sum_minor"], row["currency"]),
        row["stage"] + ("" if row["ended_at"] else ", not ended"),
        moment(row["sent_at"]) if row["sent_at"] else "",
    ]


def show(file: Annotated[int, FILE], data: Data = None, as_json: Json = False) -> None:
    """A payment file: its payouts with where they go, what the bank did, what people decided."""
    use_stack(data)
    from activities.payment_file_list import one
    from prepay.ids import payment_file_workflow_id

    with one_transaction() as session:
        found = one(session, file)
    found["link"] = workflow_link(payment_file_workflow_id(file))
    if as_json:
        print_json(found)
        return
    facts = {
        "Message": found["message_id"],
        "Stage": found["stage"],
        "Reason": found["reason"],
        "Account": found["account"],
        "Sum": f"{amount(found['sum_minor'], found['currency'])} in {found['payouts']:,} payouts",
        "To be paid on": str(found["execute_on"]),
        "Format": found["version"],
        "SHA-256": found["sha256"],
        "Made (UTC)": moment(found["collected_at"]),
        "Sent (UTC)": moment(found["sent_at"]) if found["sent_at"] else "",
        "Sent again": str(found["resent"] or ""),
        "Answered (UTC)": moment(found["answered_at"]) if found["answered_at"] else "",
        "Ended (UTC)": moment(found["ended_at"]) if found["ended_at"] else "",
    }
    print_table(f"Payment file {file}", ["", " "], [[name, value] for name, value in facts.items() if value])
    columns = ["Payout", "Of", "Amount", "Payee", "Account", "Stage", "Why"]
    rows = [_payout_cells(row, found["currency"]) for row in found["payout_rows"]]
    print_table("Payouts", columns, rows, right=["Amount"])
    said = [
        [moment(d["created_at"]), d["operator"], d["signal"], d["end_to_end_id"] or "", d["reason"]]
        for d in found["decisions"]
    ]
    print_table("Decisions", ["When (UTC)", "Who", "What", "Payout", "Why"], said)
    console.print(found["link"], markup=False, soft_wrap=True)


def _payout_cells(row: dict[str, Any], currency: str) -> list[str]:
    why = f"{row['reason_code']}: {row['reason']}" if row["reason_code"] else ""
    fee = f"; banks kept {amount(row['fee_minor'], currency)}" if row["fee_minor"] else ""
    return [
        row["end_to_end_id"],
        row["of"],
        amount(row["amount_minor"], currency),
        row["payee"],
        row["account"],
        row["stage"],
        why + fee,
    ]


def save(
    file: Annotated[int, FILE],
    path: Annotated[Path, typer.Argument(help="Where to write it; nothing there may exist.")],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Write the bytes that went to the bank to a file of yours, to look at; the bank is not sent anything."""
    use_stack(data)
    from activities.payment_file_list import content

    with one_transaction() as session:
        found = content(session, file)
    with path.open("xb") as target:
        target.write(found)
    if as_json:
        print_json({"file": str(path), "bytes": len(found)})
        return
    console.print(f"Written to {path}", markup=False, soft_wrap=True)
