"""What operators read in the Temporal UI: a state as Markdown, with what they can do about it."""

from collections.abc import Sequence
from datetime import datetime

from prepay.ids import grouped
from prepay.money import Money
from rules.bank_file import BankFileState
from rules.deposit import DepositState, Due

_STAGE_WORDS = {
    "issued": "issued: nothing has arrived yet",
    "part_paid": "part paid: the rest is awaited",
    "credited": "credited",
    "expired": "expired: money that still comes is credited and marked late",
    "cancelled": "cancelled: money that still comes is credited and marked late",
}


def when(moment: datetime) -> str:
    """A moment as operators read it."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def table(rows: Sequence[tuple[str, str]]) -> str:
    """Two columns; the UI renders GitHub Markdown."""
    body = "\n".join(f"| **{name}** | {value} |" for name, value in rows if value)
    return f"| | |\n|---|---|\n{body}"


def escape(text: str) -> str:
    """Text that people typed, safe inside a Markdown table."""
    kept = text.replace("\\", "\\\\").replace("|", "\\|").replace("`", "'").replace("\n", " ")
    return kept.replace("<", "&lt;").replace("[", "\\[").replace("*", "\\*").replace("_", "\\_")


def refused_attempts(refusals: Sequence[str]) -> str:
    """The last refusals, newest first, or nothing."""
    if not refusals:
        return ""
    lines = "\n".join(f"- {escape(refusal)}" for refusal in reversed(refusals))
    return f"\n\n**Refused attempts**\n\n{lines}"


def deposit_details(state: DepositState, due: Due | None, refusals: Sequence[str]) -> str:
    """Stage, amounts, deadline, who may act and the JSON to paste."""
    wanted = Money(amount_minor=state.amount_minor, currency=state.currency)
    received = Money(amount_minor=state.credited_minor, currency=state.currency)
    over = state.credited_minor - state.amount_minor
    rows = [
        ("Stage", _STAGE_WORDS[state.stage] + (" (late money arrived)" if state.late else "")),
        ("Customer", state.customer),
        ("Asked for", str(wanted)),
        ("Received", str(received)),
        ("Too much", str(Money(amount_minor=over, currency=state.currency)) if over > 0 else ""),
        ("Payment reference", f"`{grouped(state.reference)}`"),
        ("Pays to", f"account `{state.account}` of `{state.entity}`"),
        ("Expires", when(state.expires_at) if state.open else ""),
        ("Next", f"{_DUE_WORDS[due.what]} on {when(due.at)}" if due else ""),
        ("Form", "waits to be drawn" if state.needs_form else f"document {state.document_id}"),
        ("Last decision", escape(", ".join(f"{k}: {v}" for k, v in state.decided.items()))),
        ("As of", when(state.as_of)),
    ]
    return f"### Deposit {state.number}\n\n{table(rows)}{_deposit_actions(state)}{refused_attempts(refusals)}"


_DUE_WORDS = {"remind": "a reminder goes to the customer", "expire": "the form expires"}


def _deposit_actions(state: DepositState) -> str:
    if not state.open:
        return "\n\nNothing is left for an operator to do here."
    return (
        "\n\n**What an operator can do** (More Actions → Send a Signal)\n\n"
        f"- `extend`: until {when(state.expires_at)} the expiry can be moved. Paste "
        f'`{{"operator": "your name", "until": "{state.expires_at:%Y-%m-%d}", "reason": "…"}}` with another day.\n'
        '- `cancel`: nobody will pay this form. Paste `{"operator": "your name", "reason": "…"}`.'
    )


_FILE_WORDS = {
    "stored": "stored: it is about to be read",
    "read": "read and found sound: it is being posted",
    "posted": "posted",
    "held": "held: nothing of it has been posted",
    "refused": "refused: it is kept, and nothing of it is used",
    "discarded": "discarded by an operator: nothing of it was posted",
}


def bank_file_details(state: BankFileState, refusals: Sequence[str]) -> str:
    """Stage and reason, counts, and what an operator can do with a held file."""
    rows = [
        ("Stage", _FILE_WORDS[state.stage]),
        ("Reason", escape(state.reason)),
        ("File", f"`prepay bank files {state.file}` shows its name"),
        ("Delivered by", escape(state.delivered_by)),
        ("Format", state.format),
        ("Entries", str(state.entries)),
        ("Known before", str(state.known_before)),
        ("Credited", str(state.credited)),
        ("Unapplied", str(state.unapplied)),
        ("Received", when(state.received_at)),
        ("As of", when(state.as_of)),
    ]
    return f"### Bank file {state.file}\n\n{table(rows)}{_file_actions(state)}{refused_attempts(refusals)}"


def _file_actions(state: BankFileState) -> str:
    if state.stage != "held":
        return ""
    return (
        "\n\n**What an operator can do** (More Actions → Send a Signal)\n\n"
        "- `release`: read it again, after what the reason names has been set right. "
        'Paste `{"operator": "your name", "reason": "…"}`. A file that does not add up stays held.\n'
        '- `discard`: put it away unposted. Paste `{"operator": "your name", "reason": "…"}`.'
    )
