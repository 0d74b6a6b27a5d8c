"""`prepay bank`: deliver files, see what was read, and why each entry went where it went."""

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.output import Data, Json, amount, console, moment, print_json, print_table, use_stack

WAIT_SECONDS = 120.0
ENDED = ("posted", "held", "refused", "discarded")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    bank = typer.Typer(help="Bank files and their entries.", no_args_is_help=True)
    bank.command("ingest")(ingest)
    bank.command("files")(files)
    bank.command("entries")(entries)
    app.add_typer(bank, name="bank")


def ingest(
    paths: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Files as the bank sent them.")],
    by: Annotated[str, typer.Option(help="Who delivers them.")] = "command line",
    wait: Annotated[bool, typer.Option(help="Wait until they have been posted or held.")] = True,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Store bank files and have them read and posted; the same content again changes nothing.

    Exit code 1 when a file was refused, is held, or did not end in time.
    """
    use_stack(data)
    from activities.bank_files import store
    from activities.database import make_engine
    from settings import settings

    engine = make_engine(settings().database_url, 1)
    hashes = []
    for path in paths:
        sha256, new = store(engine, path.read_bytes(), path.name, by)
        hashes.append(sha256)
        if not as_json:
            console.print(f"{path}: {'stored' if new else 'was stored before'}", markup=False)
    rows = _wait(hashes) if wait else _files("WHERE f.sha256 = ANY(%(hashes)s)", {"hashes": hashes})
    _print_files(rows, as_json)
    if wait and any(row["stage"] != "posted" for row in rows):
        raise typer.Exit(1)


def _wait(hashes: list[str]) -> list[dict[str, Any]]:
    until = time.monotonic() + WAIT_SECONDS
    with console.status("Reading and posting …"):
        while True:
            rows = _files("WHERE f.sha256 = ANY(%(hashes)s)", {"hashes": hashes})
            if all(row["stage"] in ENDED for row in rows) or time.monotonic() > until:
                return rows
            time.sleep(0.2)


def files(
    file: Annotated[
        int | None, typer.Argument(help="Only this one, with its statements and unread entries.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10000)] = 50,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """The newest bank files, or one of them in full."""
    use_stack(data)
    if file is None:
        _print_files(_files("", {"limit": limit}), as_json)
        return
    found = _files("WHERE f.id = %(id)s", {"id": file})
    if not found:
        raise ValueError(f"There is no bank file {file}")
    found[0]["statements"] = _query(_STATEMENTS, {"id": file})
    found[0]["quarantined"] = _query(_QUARANTINED, {"id": file})
    if as_json:
        print_json(found[0])
        return
    _print_files(found, False)
    statements = [
        [r["statement_id"], r["account"], r["kind"], _balance(r, "opening"), _balance(r, "closing")]
        for r in found[0]["statements"]
    ]
    columns = ["Statement", "Account", "Kind", "Opening", "Closing"]
    print_table("Statements", columns, statements, right=["Opening", "Closing"])
    if found[0]["quarantined"]:
        cells = [[str(r["line"]), r["path"], r["reason"]] for r in found[0]["quarantined"]]
        print_table("Entries that could not be read", ["Line", "Element", "Why"], cells)


def _balance(row: dict[str, Any], which: str) -> str:
    minor = row[f"{which}_minor"]
    return "" if minor is None else amount(minor, row["currency"])


def _print_files(rows: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        print_json(rows)
        return
    cells = [
        [
            str(r["id"]),
            moment(r["received_at"]),
            r["name"],
            r["format"],
            r["stage"],
            *(str(r[n]) for n in ("entries", "new", "credited", "unapplied")),
            r["reason"],
        ]
        for r in rows
    ]
    columns = [
        "File",
        "Received (UTC)",
        "Name",
        "Format",
        "Stage",
        "Entries",
        "New",
        "Credited",
        "Unapplied",
        "Reason",
    ]
    print_table("Bank files", columns, cells, right=columns[5:9])


def entries(
    file: Annotated[int | None, typer.Option(help="Only those seen in this file.")] = None,
    state: Annotated[str | None, typer.Option(help="Such as credited or unapplied.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100000)] = 50,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """The newest parts of bank entries: what the bank said, where the money went, and why."""
    use_stack(data)
    rows = _query(_ENTRIES, {"file": file, "state": state, "limit": limit})
    if as_json:
        print_json(rows)
        return
    cells = [
        [
            str(r["part"]),
            r["booked_on"].isoformat() if r["booked_on"] else "",
            r["status"],
            amount(r["amount_minor"] if r["direction"] == "credit" else -r["amount_minor"], r["currency"]),
            r["payer_name"],
            r["remittance"].replace("\n", " / ")[:80],
            r["state"],
            " ".join(filter(None, [r["customer"], r["deposit"]])),
            r["reason"],
        ]
        for r in rows
    ]
    columns = ["Part", "Booked", "Status", "Amount", "Payer", "Remittance", "State", "For", "Why"]
    print_table("Bank entries", columns, cells, right=["Amount"])


def unapplied() -> list[dict[str, Any]]:
    """Every part that waits for an owner, oldest first."""
    rows = _query(_ENTRIES, {"file": None, "state": "unapplied", "limit": 100000})
    return list(reversed(rows))


def _files(where: str, given: dict[str, Any]) -> list[dict[str, Any]]:
    return _query(_FILES.format(where=where), {"limit": 10000, **given})


def _query(query: str, given: dict[str, Any]) -> list[dict[str, Any]]:
    import psycopg
    from psycopg.rows import dict_row

    from settings import settings

    with psycopg.connect(settings().database_url, row_factory=dict_row) as connection:
        return connection.execute(query.encode(), given).fetchall()


# An entry counts as new in the file that brought it first.
_FILES = """
    SELECT f.id, f.received_at, f.name, f.sha256, f.delivered_by, f.format, f.stage, f.reason, f.entries,
        count(p.id) FILTER (WHERE first.file_id = f.id) AS new,
        count(p.id) FILTER (WHERE first.file_id = f.id AND p.state = 'credited') AS credited,
        count(p.id) FILTER (WHERE first.file_id = f.id AND p.state = 'unapplied') AS unapplied
    FROM bank_file f
    LEFT JOIN bank_sighting s ON s.file_id = f.id
    LEFT JOIN LATERAL (SELECT min(file_id) AS file_id FROM bank_sighting WHERE entry_id = s.entry_id) first ON true
    LEFT JOIN bank_entry_part p ON p.entry_id = s.entry_id
    {where} GROUP BY f.id ORDER BY f.id DESC LIMIT %(limit)s
"""

_STATEMENTS = """
    SELECT s.*, a.code AS account FROM bank_statement s JOIN collection_account a ON a.id = s.account_id
    WHERE s.file_id = %(id)s ORDER BY s.position
"""

_QUARANTINED = "SELECT * FROM bank_quarantine WHERE file_id = %(id)s ORDER BY ordinal"

_ENTRIES = """
    SELECT p.id AS part, e.id AS entry, e.booked_on, e.value_on, e.status, a.code AS account, e.entity, p.amount_minor,
        p.currency, p.direction, p.payer_name, p.payer_account, p.remittance, p.end_to_end_id, e.bank_reference,
        p.state, p.reason, c.number AS customer, d.number AS deposit,
        (SELECT array_agg(s.file_id ORDER BY s.file_id) FROM bank_sighting s WHERE s.entry_id = e.id) AS files
    FROM bank_entry_part p
    JOIN bank_entry e ON e.id = p.entry_id
    JOIN collection_account a ON a.id = e.account_id
    LEFT JOIN customer c ON c.id = p.customer_id
    LEFT JOIN deposit d ON d.id = p.deposit_id
    WHERE (%(state)s::text IS NULL OR p.state = %(state)s)
      AND (%(file)s::bigint IS NULL
        OR EXISTS (SELECT FROM bank_sighting s WHERE s.entry_id = e.id AND s.file_id = %(file)s))
    ORDER BY p.id DESC LIMIT %(limit)s
"""
