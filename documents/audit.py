"""The audit page of a refund ticket as a PDF: who did what when, attested how, with every digest."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.resources import as_file, files
from typing import Any

from documents.figures import in_fours
from documents.fonts import folders, printable
from prepay.money import Money

Row = Mapping[str, Any]
STANDINGS = {
    "principal": "the server's login",
    "identity": "the UI's login",
    "claim": "NOT ATTESTED: only their word",
}
"""What proves that it was they (see `models.operator.Attestation`)."""


def render_audit(found: Row, made_at: datetime) -> bytes:
    """The PDF of a ticket as `activities.refund_list.ticket` tells it. Raises FontMissing."""
    import typst

    page = _print(audit_page(found, made_at))
    with as_file(files("documents") / "templates") as templates:
        return bytes(
            typst.compile(
                templates / "audit.typ",
                root=templates,
                font_paths=folders(),
                ignore_system_fonts=True,
                sys_inputs={"data": json.dumps(page, ensure_ascii=False)},
                pdf_standards=["a-3b"],
                timestamp=made_at.replace(microsecond=0),
            )
        )


def audit_page(found: Row, made_at: datetime) -> dict[str, Any]:
    """All that is printed, as text. Times are UTC."""
    sections = [
        _money(found),
        _payouts(found),
        _approvals(found),
        _hands(found),
        _events(found),
        _digests(found),
    ]
    facts = _facts(found)
    digest = hashlib.sha256(json.dumps([facts, sections], sort_keys=True).encode()).hexdigest()
    return {
        "fonts": ["Fira Sans", "Noto Sans CJK SC"],
        "issuer": [found["entity_name"], " · ".join(found["entity_address"])],
        "title": f"Refund {found['number']}: audit page",
        "subtitle": f"{found['customer_name']} ({found['customer']}); all times are UTC",
        "date": [made_at.year, made_at.month, made_at.day],
        "facts": facts,
        "sections": sections,
        "footer": f"Made {_when(made_at)} from the database; SHA-256 of what it says: {digest}",
    }


def _facts(found: Row) -> list[list[str]]:
    asked = "all that was left" if found["everything"] else "an amount"
    people = "one person" if found["people"] == 1 else f"{found['people']} people"
    facts = [
        [
            "Amount",
            _sum(found["amount_minor"], found["currency"]) if found["amount_minor"] else "not counted",
        ],
        ["Asked for", f"{asked}, {_when(found['opened_at'])}, by {found['opened_by'] or 'the customer'}"],
        ["Reason", found["reason"]],
        ["Stage", found["stage"] + (f", {_when(found['ended_at'])}" if found["ended_at"] else "")],
        ["Answer", found["answer"]],
        ["Takes", people + (", one of them a treasurer" if found["treasurer"] else "")],
        ["Policy", _policy(found)],
    ]
    return [fact for fact in facts if fact[1]]


def _policy(found: Row) -> str:
    if found["policy_from"] is None:
        return "none for this entity and currency: two people, one of them a treasurer"
    one, two = (_sum(found[name], found["currency"]) for name in ("one_up_to_minor", "two_up_to_minor"))
    return f"from {found['policy_from']}: one person up to {one} in 30 days, a treasurer above {two}"


def _money(found: Row) -> dict[str, Any]:
    rows = [
        [
            str(row["payout"]),
            f"bank entry {row['entry']}" if row["entry"] else "no bank entry",
            row["deposit"] or "the balance itself",
            str(row["booked_on"] or ""),
            _sum(row["amount_minor"], found["currency"]),
        ]
        for row in found["money"]
    ]
    note = "The payments of the customer that each payout gives back, the newest first."
    return _section("Where the money came from", note, ["Payout", "Came by", "For", "Booked", "Amount"], rows)


def _payouts(found: Row) -> dict[str, Any]:
    rows = [
        [
            f"{row['payout']}" + (f", after {row['previous_id']}" if row["previous_id"] else ""),
            _account(row),
            _way(row),
            _sum(row["amount_minor"], found["currency"]),
        ]
        for row in found["payouts"]
    ]
    return _section(
        "Where it went", "", ["Payout", "Account", "What became of it", "Amount"], rows, [2, 7, 8, 3]
    )


def _account(row: Row) -> str:
    if row["payee"] is None:
        return "not told yet"
    number = in_fours(row["iban"]) if row["iban"] else f"{row['account_number']} {row['clearing_code']}"
    origin = (
        f"the payer of bank entry {row['entry']}"
        if row["origin"] == "payer"
        else f"entered by {row['entered_by'] or 'the customer'}, {_when(row['entered_at'])}"
        + (", with a proof" if row["proof_sha256"] else "")
    )
    return f"{row['name']}, {number}{', ' + row['bic'] if row['bic'] else ''}; {origin}"


def _way(row: Row) -> str:
    steps = [
        f"approved {_when(row['ready_at'])}" if row["ready_at"] else "",
        f"not before {_when(row['not_before'])}" if row["not_before"] else "",
        f"sent {_when(row['sent_at'])} in {row['message_id']}" if row["sent_at"] else "",
        f"booked by the bank {_when(row['settled_at'])}" if row["settled_at"] else "",
        f"entry {row['settled_entry']}" if row["settled_entry"] else "",
        f"{row['reason_code']} {row['reason']}".strip(),
    ]
    return f"{row['stage']}: " + ", ".join(filter(None, steps)) if any(steps) else row["stage"]


def _approvals(found: Row) -> dict[str, Any]:
    rows = [
        [
            row["operator"] + (", treasurer" if row["treasurer"] else ""),
            _when(row["sent_at"]),
            f"{STANDINGS[row['standing']]}{': ' + who if (who := row['principal'] or row['identity']) else ''}"
            f" (attestation {row['attestation']})",
            row["content_hash"][:12] + ("" if row["content_hash"] == found["approved_hash"] else ", void"),
            row["reason"],
        ]
        for row in found["approvals"]
    ]
    note = "Each of exactly what its code is the digest of. Void: what they approved has changed since."
    columns = ["Who", "When", "Proved by", "Code", "Why"]
    return _section("Approvals", note, columns, rows, [4, 4, 7, 3, 5])


def _hands(found: Row) -> dict[str, Any]:
    rows = [[row["operator"], row["how"]] for row in found["hands"]]
    note = (
        "Whoever opened it, entered its account, or applied, moved or released its money does not approve it."
    )
    return _section("Who had a hand in it", note, ["Who", "What"], rows, [1, 3])


def _events(found: Row) -> dict[str, Any]:
    rows = [
        [
            _when(row["created_at"]),
            row["what"],
            row["by"],
            row["reason"],
            f"attestation {row['attestation']}, {row['standing']}" if row["attestation"] else "",
        ]
        for row in found["events"]
    ]
    columns = ["When", "What", "Who", "Why", "Proof"]
    return _section("What happened", "", columns, rows, [4, 8, 4, 5, 4])


def _digests(found: Row) -> dict[str, Any]:
    attested = [
        [f"attestation {row['attestation']}", f"run {row['run_id']}, event {row['event_id']}"]
        for row in [*found["approvals"], *found["events"]]
        if row["attestation"]
    ]
    shown: Sequence[tuple[str, str]] = [
        ("the request", found["content_hash"]),
        ("what was approved", found["approved_hash"]),
        *(
            (f"the proof for payout {p['payout']}", p["proof_sha256"])
            for p in found["payouts"]
            if p["proof_sha256"]
        ),
        *(
            (f"payment file {p['message_id']}", p["file_sha256"])
            for p in found["payouts"]
            if p["file_sha256"]
        ),
    ]
    places = [list(pair) for pair in dict.fromkeys(map(tuple, attested))]
    rows = [*map(list, dict.fromkeys(pair for pair in shown if pair[1])), *places]
    note = (
        "SHA-256 of what the database keeps, and where Temporal's history holds the signal of each decision."
    )
    return _section("Digests and proofs", note, ["Of", "Digest or place"], rows, [1, 3])


def _section(
    title: str, note: str, columns: list[str], rows: list[list[str]], widths: list[int] | None = None
) -> dict[str, Any]:
    return {
        "title": title,
        "note": note,
        "columns": columns,
        "widths": widths or [1] * len(columns),
        "rows": rows,
        "empty": "None.",
    }


def _sum(minor: int, currency: str) -> str:
    return str(Money(amount_minor=minor, currency=currency))


def _when(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def _print(value: Any) -> Any:
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {key: _print(one) for key, one in value.items()}
    return [_print(one) for one in value] if isinstance(value, list | tuple) else value
