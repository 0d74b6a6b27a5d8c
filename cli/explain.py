"""`prepay explain` and `prepay bank explain`: money from the bank's line to a balance, and on to where it went."""

from typing import Annotated, Any

import typer

from cli.output import Data, Json, amount, console, moment, print_json, print_table, use_stack

MAX_ID = 2**63 - 1
SHA256_SHOWN = 12
WORDS = {
    "pay": "payment",
    "capture": "captured from a hold",
    "order-refund": "order refund",
    "refund": "refund",
    "payout-return": "payout came back",
    "repayment": "repaid what was owed",
    "reversal": "taken back by the bank",
    "move": "moved to another customer",
}
Limit = Annotated[int, typer.Option(min=1, max=100000, help="How many rows of each list.")]
Row = dict[str, Any]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("explain")(balances)


def balances(
    customer: Annotated[str, typer.Argument(help="The customer's number.")],
    currency: Annotated[str | None, typer.Argument(help="ISO 4217; left out, all of them.")] = None,
    limit: Limit = 50,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Each amount on a customer's balances: the bank's line it came from, and where it went.

    Exit code 1 when a balance is not the sum of its lots.
    """
    use_stack(data)
    from activities.explain import explain_balances
    from settings import settings

    found = explain_balances(settings().database_url, customer, currency.upper() if currency else None, limit)
    if as_json:
        print_json(found)
    else:
        for balance in found:
            _print_balance(balance)
    if any(balance["problems"] for balance in found):
        raise typer.Exit(1)


def entry(
    number: Annotated[
        int, typer.Argument(metavar="ENTRY", min=1, max=MAX_ID, help="As `prepay bank entries` shows it.")
    ],
    limit: Limit = 50,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """A bank entry: the files and lines it was seen in, where its money went, and why."""
    use_stack(data)
    from activities.explain import explain_entry
    from settings import settings

    found = explain_entry(settings().database_url, number, limit)
    if as_json:
        print_json(found)
        return
    _print_entry(found)
    for part in found["parts"]:
        _print_part(part)
    _say_more(found["parts_left_out"], "parts")


def _print_entry(found: Row) -> None:
    facts = {
        "Account": f"{found['account']} of {found['entity']}",
        "Amount": f"{amount(found['amount_minor'], found['currency'])} {found['direction']}",
        "Status": found["status"] + (", a reversal" if found["reversal"] else ""),
        "Booked": _day(found["booked_on"]),
        "Value date": _day(found["value_on"]),
        "Bank reference": found["bank_reference"],
        "Known before": found["known_minor"] and amount(found["known_minor"], found["currency"]),
    }
    _print_facts(f"Bank entry {found['entry']}", facts)
    cells = [
        [
            str(s["file"]),
            s["name"],
            s["format"],
            s["sha256"][:SHA256_SHOWN],
            str(s["line"]),
            s["status"],
            moment(s["received_at"]),
            s["delivered_by"],
        ]
        for s in found["sightings"]
    ]
    columns = ["File", "Name", "Format", "SHA-256", "Line", "Status", "Received (UTC)", "Delivered by"]
    print_table("Seen in", columns, cells, right=["Line"])
    _say_more(found["sightings_left_out"], "lines")


def _print_part(part: Row) -> None:
    signed = part["amount_minor"] if part["direction"] == "credit" else -part["amount_minor"]
    facts = {
        "Amount": amount(signed, part["currency"]),
        "State": part["state"],
        "Why": part["reason"],
        "Customer": part["customer"],
        "Deposit": part["deposit"],
        "Payer": part["payer_name"],
        "Remittance": part["remittance"].replace("\n", " / "),
        "End-to-end id": part["end_to_end_id"],
    }
    _print_facts(f"Part {part['part']}", facts)
    cells = [
        [
            str(p["transfer"]),
            _day(p["effective_on"]),
            p["kind"] if p["phase"] == "posted" else f"{p['kind']} ({p['phase']})",
            p["debit"],
            p["credit"],
            amount(p["amount_minor"], part["currency"]),
        ]
        for p in part["postings"]
    ]
    columns = ["Transfer", "Effective", "What", "Debit", "Credit", "Amount"]
    print_table(f"Posted for part {part['part']}", columns, cells, right=["Amount"])
    _say_more(part["postings_left_out"], "transfers")
    _print_moves(part, f"Reassignments of part {part['part']}")
    for lot in part["lots"]:
        _print_lot(lot)
    _say_more(part["lots_left_out"], "lots")


def _print_balance(balance: Row) -> None:
    currency = balance["currency"]
    names = ("available", "held", "pending", "receivable", "credited", "used", "posted")
    cells = [[amount(balance[f"{name}_minor"], currency) for name in names]]
    columns = ["Available", "Held", "Coming", "Owed to us", "Lots brought", "Left them", "Balance"]
    title = f"{balance['customer']} with {balance['entity']} in {currency}"
    print_table(title, columns, cells, right=columns)
    for problem in balance["problems"]:
        console.print(f"{problem}.", style="red", markup=False, soft_wrap=True)
    if balance["pending"]:
        _print_pending(balance)
    _print_deposits(balance)
    for lot in balance["lots"]:
        _print_lot(lot)
        _print_moves(lot, f"Reassignments of lot {lot['lot']}")
    _say_more(balance["lots_left_out"], "lots")


def _print_deposits(balance: Row) -> None:
    cells = [
        [
            d["deposit"],
            d["intended"] or "",
            amount(d["brought_minor"], balance["currency"]),
            amount(d["left_minor"], balance["currency"]),
        ]
        for d in balance["deposits"]
    ]
    if cells:
        columns = ["Deposit", "Meant for", "Brought", "Left"]
        print_table("What of each deposit is left", columns, cells, right=["Brought", "Left"])
    _say_more(balance["deposits_left_out"], "deposits")


def _spent_on(movement: Row) -> str:
    """Which order or bill it is about; else the cause that the book keeps."""
    about = movement["spent_on"]
    if about is None:
        return str(movement["cause"] or movement["for_cause"] or "")
    if "order" in about:
        return f"order {about['order']}: {about['product']}"
    return f"bill {about['bill']}: {', '.join(line['product'] for line in about['lines'])}"


def _print_pending(balance: Row) -> None:
    cells = [
        [
            _day(p["effective_on"]),
            p["kind"],
            p["key"],
            p["cause"] or "",
            moment(p["expires_at"]) or _day(p["value_on"]),
            _came_from(p) if p["receipt"] else "",
            amount(p["amount_minor"], balance["currency"]),
        ]
        for p in balance["pending"]
    ]
    columns = ["Effective", "What", "Key", "Cause", "Until", "From", "Amount"]
    print_table("Held and coming", columns, cells, right=["Amount"])
    _say_more(balance["pending_left_out"], "that are held or coming")


def _print_lot(lot: Row) -> None:
    currency = lot["currency"]
    of_lot = [
        [_day(lot["effective_on"]), "credited", _came_from(lot), "", amount(lot["amount_minor"], currency)]
    ]
    if lot["movements_left_out"]:
        older = f"older movements: {lot['movements_left_out']} (a higher `--limit` shows them)"
        of_lot.append(["", older, "", "", amount(lot["movements_left_out_minor"], currency)])
    for m in lot["movements"]:
        row = [_day(m["effective_on"]), _what(m), _spent_on(m), m["to"]]
        of_lot.append([*row, amount(m["amount_minor"], currency)])
    of_lot.append(["", "left", "", "", amount(lot["remaining_minor"], currency)])
    for r in lot["reservations"]:
        reserved = amount(r["amount_minor"], currency)
        of_lot.append(
            [_day(r["effective_on"]), f"of it reserved: {r['key']}", r["cause"] or "", "", reserved]
        )
    moved = f", moved from {lot['moved_from']}" if lot["moved_from"] else ""
    title = f"Lot {lot['lot']} of {lot['customer']}{moved}"
    print_table(title, ["Effective", "What", "From or cause", "To", "Amount"], of_lot, right=["Amount"])
    _say_more(lot["reservations_left_out"], "reservations")


def _print_moves(row: Row, title: str) -> None:
    """Who wanted a credit to be moved, from where to where, and who decided about it."""
    cells = [
        [
            str(m["move"]),
            m["stage"],
            " ".join(filter(None, (m["from_customer"], m["from_deposit"]))),
            " ".join(filter(None, (m["to_customer"], m["to_deposit"]))),
            f"{moment(m['proposed_at'])}, {m['proposed_by']}: {m['reason']}",
            f"{moment(m['decided_at'])}, {m['decided_by']}: {m['decided_reason']}" if m["decided_at"] else "",
            amount(m["amount_minor"], row["currency"]),
        ]
        for m in row["moves"]
    ]
    columns = ["Move", "Stage", "From", "To", "Proposed (UTC)", "Decided (UTC)", "Amount"]
    if cells:
        print_table(title, columns, cells, right=["Amount"])
    _say_more(row["moves_left_out"], "reassignments")


def _came_from(row: Row) -> str:
    if row["entry"] is None:
        return f"{row['receipt']}, which is of no bank file"
    line = f"entry {row['entry']}, {row['file_name']} line {row['line']}"
    more = f" and {row['sightings'] - 1} more" if row["sightings"] > 1 else ""
    deposit = f", for {row['deposit']}" if row["deposit"] else ""
    return line + more + deposit


def _what(movement: Row) -> str:
    what = f"{WORDS.get(movement['kind'], movement['kind'])} {movement['key']}"
    if movement["settled_on"]:
        what += f", booked by the bank on {_day(movement['settled_on'])}"
    if movement["for_key"] is None:
        return what
    other = f"{WORDS.get(movement['for_kind'], movement['for_kind'])} {movement['for_key']}"
    if movement["kind"] not in ("reversal", "move"):
        return f"{what}, of {other}"
    rests = "rests on other lots now" if movement["amount_minor"] > 0 else "rests on this lot now"
    return f"{other} {rests}, because of {movement['key']}"


def _print_facts(title: str, facts: dict[str, Any]) -> None:
    print_table(title, ["", " "], [[name, str(value)] for name, value in facts.items() if value])


def _say_more(left_out: int, what: str) -> None:
    if left_out:
        console.print(f"More {what}: {left_out}. A higher `--limit` shows them.\n", markup=False)


def _day(value: Any) -> str:
    return value.isoformat() if value else ""
