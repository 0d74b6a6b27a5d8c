"""`prepay bank`: deliver files, see what was read, and why each entry went where it went."""

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.bank_match import match
from cli.bank_read import read
from cli.bank_resolve import resolve, words
from cli.bank_sample import sample
from cli.explain import entry as explain_entry
from cli.output import Data, Json, amount, errors, explain, moment, print_json, print_table, use_stack
from cli.reassign import reassign

WAIT_SECONDS = 120.0
ENDED = ("posted", "alarm", "held", "refused", "discarded")
STATES = ("shown", "credited", "unapplied", "detailed", "returned", "reversed", "payout", "house")
MAX_ID = 2**63 - 1


class NoSuchFile(ValueError):
    """The number is no bank file's."""

    def __init__(self, file: int) -> None:
        super().__init__(f"There is no bank file {file}; `prepay bank files` lists them")


class UnknownState(ValueError):
    """No part of an entry can be in it."""

    def __init__(self, state: str) -> None:
        super().__init__(f"There is no state {state!r}; there are {', '.join(STATES)}")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    bank = typer.Typer(help="Bank files and their entries.", no_args_is_help=True)
    bank.command("read")(read)
    bank.command("sample")(sample)
    bank.command("match")(match)
    bank.command("ingest")(ingest)
    bank.command("files")(files)
    bank.command("entries")(entries)
    bank.command("explain")(explain_entry)
    bank.command("reassign")(reassign)
    bank.command("resolve")(resolve)
    app.add_typer(bank, name="bank")


def ingest(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE", exists=True, dir_okay=False, readable=True, help="Files as the bank sent them."
        ),
    ],
    by: Annotated[
        str, typer.Option(help="Who delivers them: accounts may name their sources.")
    ] = "command line",
    wait: Annotated[bool, typer.Option(help="Wait until they have been posted or held.")] = True,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Store bank files and have them read and posted; the same content again changes nothing.

    Exit code 1 when a file was refused, is held, or was not posted in time.
    """
    from prepay.bank_files import source_name

    source_name(by)
    use_stack(data)
    hashes = _store(paths, by)
    if wait:
        _wait(hashes)
    stored = list(dict.fromkeys(filter(None, hashes)))
    found = {row["sha256"]: row for row in _files("WHERE f.sha256 = ANY(%(hashes)s)", {"hashes": stored})}
    _print_files([found[sha256] for sha256 in stored], as_json)
    late = [row["name"] for row in found.values() if wait and row["stage"] not in ENDED]
    if late:
        sentence = f"Not posted within {WAIT_SECONDS:g} s: {', '.join(late)}. Is a worker running?"
        errors.print(sentence, markup=False, soft_wrap=True)
    if None in hashes or (wait and any(row["stage"] != "posted" for row in found.values())):
        raise typer.Exit(1)


def _store(paths: list[Path], by: str) -> list[str | None]:
    """The SHA-256 of each file, None for one that was refused; the others need not wait for it."""
    from activities.bank_files import FileEmpty, FileTooLarge, store
    from activities.database import make_engine
    from settings import settings

    engine = make_engine(settings().database_url, 1)
    hashes: list[str | None] = []
    for path in paths:
        try:
            sha256, new = store(engine, path.read_bytes(), path.name, by)
        except (FileEmpty, FileTooLarge, OSError) as refusal:
            errors.print(explain(refusal), markup=False, soft_wrap=True)
            hashes.append(None)
            continue
        hashes.append(sha256)
        said = "stored" if new else "was stored before"
        errors.print(f"{path}: {said}", markup=False, soft_wrap=True)
    engine.dispose()
    return hashes


def _wait(hashes: list[str | None]) -> None:
    until = time.monotonic() + WAIT_SECONDS
    query = "SELECT 1 FROM bank_file WHERE sha256 = ANY(%(hashes)s) AND NOT stage = ANY(%(ended)s) LIMIT 1"
    given = {"hashes": [sha256 for sha256 in hashes if sha256], "ended": list(ENDED)}
    with errors.status("Reading and posting …"):
        while _query(query, given) and time.monotonic() < until:
            time.sleep(0.2)


def files(
    file: Annotated[
        int | None,
        typer.Argument(min=1, max=MAX_ID, help="Only this one, with its statements and unread entries."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10000, help="How many of the newest.")] = 50,
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
        raise NoSuchFile(file)
    found[0]["statements"] = _query(_STATEMENTS, {"id": file})
    found[0]["quarantined"] = _query(_QUARANTINED, {"id": file})
    found[0]["deliveries"] = _query(_DELIVERIES, {"id": file})
    found[0]["decisions"] = _query(_DECISIONS, {"id": file})
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
    cells = [[moment(r["created_at"]), r["delivered_by"]] for r in found[0]["deliveries"]]
    print_table("Delivered", ["At (UTC)", "By"], cells)
    if found[0]["decisions"]:
        names = ("signal", "operator", "reason", "held_for", "hold")
        cells = [[moment(r["created_at"]), *(str(r[n]) for n in names)] for r in found[0]["decisions"]]
        columns = ["At (UTC)", "Decision", "Operator", "Reason", "Held for", "Hold"]
        print_table("Decisions", columns, cells)
    if found[0]["quarantined"]:
        cells = [
            [str(r["line"]), r["path"], _money(r), r["reason"], _resolution(r)]
            for r in found[0]["quarantined"]
        ]
        columns = ["Line", "Element", "Amount", "Why", "Resolved"]
        print_table("Entries that could not be read", columns, cells, right=["Amount"])


def _money(row: dict[str, Any]) -> str:
    """What is known of it."""
    if row["amount_minor"] is None or not row["currency"]:
        return "not known"
    return amount(
        -row["amount_minor"] if row["direction"] == "debit" else row["amount_minor"], row["currency"]
    )


def _resolution(row: dict[str, Any]) -> str:
    if row["resolved_at"]:
        by = f"{row['resolved_by']} and {row['approved_by']} ({row['resolved_reason']})"
        return f"{moment(row['resolved_at'])}, entry {row['entry_id']}, by {by}"
    if row["proposal"] is None:
        return ""
    said = f"{words(row['facts'])}, as {row['proposed_by']} says ({row['proposal_reason']})"
    return f"{row['proposal_stage']} (resolution-{row['proposal']}): {said}"


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
    file: Annotated[int | None, typer.Option(min=1, max=MAX_ID, help="Only those seen in this file.")] = None,
    state: Annotated[str | None, typer.Option(help=f"One of {', '.join(STATES)}.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100000, help="How many of the newest.")] = 50,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """The newest parts of bank entries: what the bank said, where the money went, and why."""
    if state is not None and state not in STATES:
        raise UnknownState(state)
    use_stack(data)
    rows = _query(_ENTRIES, {"file": file, "state": state, "limit": limit})
    if as_json:
        print_json(rows)
        return
    cells = [
        [
            str(r["entry"]),
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
    columns = ["Entry", "Part", "Booked", "Status", "Amount", "Payer", "Remittance", "State", "For", "Why"]
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
    SELECT f.id, f.received_at, f.name, f.sha256, f.delivered_by, f.format, f.stage, f.held_for, f.reason,
        f.entries, count(p.id) FILTER (WHERE first.file_id = f.id) AS new,
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

# With the newest proposal.
_QUARANTINED = """
    SELECT q.*, r.id AS proposal, r.proposed_by, r.reason AS proposal_reason, r.facts,
        r.stage AS proposal_stage
    FROM bank_quarantine q LEFT JOIN LATERAL (
        SELECT * FROM bank_resolution r WHERE (r.file_id, r.ordinal) = (q.file_id, q.ordinal) ORDER BY id DESC LIMIT 1
    ) r ON true
    WHERE q.file_id = %(id)s ORDER BY q.ordinal
"""

_DELIVERIES = (
    "SELECT delivered_by, created_at FROM bank_file_delivery WHERE file_id = %(id)s ORDER BY created_at"
)

_DECISIONS = """
    SELECT hold, held_for, signal, operator, reason, created_at FROM bank_file_decision
    WHERE file_id = %(id)s ORDER BY id
"""

_ENTRIES = """
    SELECT p.id AS part, e.id AS entry, e.booked_on, e.value_on, e.status, a.code AS account, e.entity, p.amount_minor,
        p.currency, p.direction, p.payer_name, p.payer_account, p.remittance, p.end_to_end_id, e.bank_reference,
        p.state, p.reason, p.confirmed, p.flagged, p.charges_minor, p.absorbed_minor, given.customer, given.deposit,
        (SELECT array_agg(s.file_id ORDER BY s.file_id) FROM bank_sighting s WHERE s.entry_id = e.id) AS files
    FROM bank_entry_part p
    JOIN bank_entry e ON e.id = p.entry_id
    JOIN collection_account a ON a.id = e.account_id
    CROSS JOIN LATERAL (
        SELECT string_agg(DISTINCT c.number, ' ') AS customer,
            string_agg(d.number, ' ' ORDER BY credit.position) AS deposit
        FROM credit JOIN customer c ON c.id = credit.customer_id LEFT JOIN deposit d ON d.id = credit.deposit_id
        WHERE credit.part_id = p.id
    ) given
    WHERE (%(state)s::text IS NULL OR p.state = %(state)s)
      AND (%(file)s::bigint IS NULL
        OR EXISTS (SELECT FROM bank_sighting s WHERE s.entry_id = e.id AND s.file_id = %(file)s))
    ORDER BY p.id DESC LIMIT %(limit)s
"""
