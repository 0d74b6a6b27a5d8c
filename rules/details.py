"""What operators read in the Temporal UI: a state as Markdown, with what they can do about it."""

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from prepay.ids import grouped
from prepay.money import Money
from rules.bank_file import DONE, KEPT, NEVER_RELEASED, STOPPED, WAITING, BankFileState, Signal, takes_two
from rules.change import ChangeState
from rules.deposit import MAX_EXTENSION_DAYS, DepositState, Due
from rules.reassignment import ReassignmentState
from rules.resolution import ResolutionState
from rules.screening import FreezeState

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
    seen = "".join(character if character.isprintable() else " " for character in text)
    kept = seen.replace("\\", "\\\\").replace("|", "\\|").replace("`", "'")
    return kept.replace("<", "&lt;").replace("[", "\\[").replace("*", "\\*").replace("_", "\\_")


def refused_attempts(refusals: Sequence[str]) -> str:
    """The last refusals, newest first, or nothing."""
    if not refusals:
        return ""
    lines = "\n".join(f"- {escape(refusal)}" for refusal in reversed(refusals))
    return f"\n\n**Refused attempts**\n\n{lines}"


def paste(**values: str) -> str:
    """JSON for the signal box, a line a value: the UI does not wrap code. What is blank is refused until filled."""
    return f"\n\n```json\n{json.dumps(values, indent=2, ensure_ascii=False)}\n```"


def deposit_details(state: DepositState, due: Due | None, refusals: Sequence[str]) -> str:
    """Stage, amounts, deadline, who may act and the JSON to paste."""
    missing = state.amount_minor - state.credited_minor
    rows = [
        ("Stage", _STAGE_WORDS[state.stage] + (" (late money arrived)" if state.late else "")),
        ("Customer", state.customer),
        ("Asked for", _money(state.amount_minor, state)),
        ("Received", _money(state.credited_minor, state)),
        ("Still to come", _money(missing, state) if state.stage == "part_paid" else ""),
        ("Too much", _money(-missing, state) if missing < 0 else ""),
        ("Payment reference", f"`{grouped(state.reference)}`"),
        ("Pays to", f"account `{state.account}` of `{state.entity}`"),
        ("Expires", _expiry(state) if state.open else ""),
        ("Next reminder", when(due.at) if due and due.what == "remind" else ""),
        ("Form", _form(state)),
        ("Last decision", escape(_decision(state.decided))),
        ("As of", when(state.as_of)),
    ]
    return f"### Deposit {state.number}\n\n{table(rows)}{refused_attempts(refusals)}{_deposit_actions(state)}"


_DECISION_WORDS = ("until", "because")


def _money(minor: int, state: DepositState) -> str:
    return str(Money(amount_minor=minor, currency=state.currency))


def _last_day(state: DepositState) -> date:
    """The day at whose end the form expires, where the contracting entity is."""
    return (state.expires_at - timedelta(seconds=1)).astimezone(ZoneInfo(state.time_zone)).date()


def _expiry(state: DepositState) -> str:
    return f"at the end of {_last_day(state)}, {escape(state.time_zone)}"


def _form(state: DepositState) -> str:
    if state.form_drawn:
        return "drawn"
    return "waits to be drawn" if state.needs_form else "not drawn: forms are switched off"


def _decision(decided: Mapping[str, str]) -> str:
    """Who first: the database does not keep the order."""
    ordered = sorted(decided.items(), key=lambda item: item[0] in _DECISION_WORDS)
    return ", ".join(f"{word} {value}" for word, value in ordered)


def _deposit_actions(state: DepositState) -> str:
    if not state.open:
        return "\n\nNothing is left for an operator to do here."
    latest = (state.as_of + timedelta(days=MAX_EXTENSION_DAYS)).date()
    proposed = min(_last_day(state) + timedelta(days=14), latest)
    return (
        f"{HOW}\n\n`extend` moves the expiry to the end of another day, up to {latest}:"
        + paste(operator="", until=proposed.isoformat(), reason="")
        + "\n\n`cancel` closes a form that nobody will pay. Money that still comes is credited and marked late:"
        + paste(operator="", reason="")
        + "\n\n*Request Cancellation* does not withdraw a deposit; `cancel` does."
    )


HOW = "\n\n**What any operator can do** (More Actions → Send a Signal; fill in the blanks)"


_FILE_WORDS = {
    "stored": "stored: it is about to be read",
    "read": "read and found sound: it is being posted",
    "posted": "posted",
    "alarm": "alarm: it is posted, and something is missing or could not be read",
    "held": "held: it waits for a decision of an operator",
    "refused": "refused: it is kept, and nothing of it is used",
    "discarded": "discarded by an operator",
}


def bank_file_details(state: BankFileState, refusals: Sequence[str]) -> str:
    """Stage and reason, counts, and what an operator can do with a held file."""
    rows = [
        ("Stage", _FILE_WORDS[state.stage]),
        ("Reason", escape(state.reason)),
        ("File", f"`prepay bank files {state.file}` shows its name"),
        ("Delivered by", escape(state.delivered_by)),
        ("Decisions", escape(_decisions(state))),
        ("Format", state.format),
        ("Entries", str(state.entries)),
        ("Known before", str(state.known_before)),
        ("Credited", str(state.credited)),
        ("Unapplied", str(state.unapplied)),
        ("Received", when(state.received_at)),
        ("As of", when(state.as_of)),
    ]
    return f"### Bank file {state.file}\n\n{table(rows)}{refused_attempts(refusals)}{_file_actions(state)}"


def _decisions(state: BankFileState) -> str:
    """Who decided what and when, oldest first; what is still missing last."""
    said = [f"{DONE[d.signal]} by {d.operator} at {when(d.at)} ({d.reason})" for d in state.decisions]
    for signal in DONE:
        if state.stage in WAITING and takes_two(state, signal) and state.said(signal):
            said.append(f"a second person must {signal} it too")
    return "; ".join(said)


def _file_actions(state: BankFileState) -> str:
    if state.stage == "alarm":
        return (
            f"{HOW}{_release(state)}\n\nIt ends by itself when the bank sends what is missing (ask for it first), and "
            "when what could not be read has been resolved."
        )
    if state.stage != "held":
        return ""
    if state.held_for == STOPPED:
        return f"{HOW}{_release(state)}\n\nIt cannot be put away: what stands before that is posted."
    if state.held_for == KEPT:
        does = (
            "what of it is posted stays, and `prepay ledger check` names the account until the book is where its "
            f"statements end. {_two(state, 'discard')}:"
        )
    else:
        does = "nothing of it is posted, its bytes are kept:"
    return f"{HOW}{_release(state)}\n\n`discard` puts the file away; {does}" + paste(operator="", reason="")


def _release(state: BankFileState) -> str:
    if why := NEVER_RELEASED.get(state.held_for):
        return f"\n\nThe file can never be released, as {why}: ask the bank to send it again, and discard this one."
    if state.stage == "alarm":
        does = (
            "lets everything go on without what is missing; a difference of balances is booked as unexplained"
        )
    elif state.held_for == "source":
        does = "posts the file although it came from elsewhere"
    else:
        does = "reads the file again, after what the reason names has been set right; else it is held again"
    return f"\n\n`release` {does}. {_two(state, 'release')}:" + paste(operator="", reason="")


def _two(state: BankFileState, signal: Signal) -> str:
    return "A second person must send it too" if state.said(signal) else "Two different people must send it"


_CHANGE_WORDS = {
    "proposed": "proposed: it waits for a second person",
    "applied": "applied",
    "refused": "refused: nothing has changed",
}
_MOVE_WORDS = {
    "proposed": "proposed: a second person must approve it",
    "applied": "applied: the money has been moved",
    "refused": "refused: nothing was moved",
}


def reassignment_details(state: ReassignmentState, refusals: Sequence[str]) -> str:
    """What is to be moved, from where to where, who says so, and what a second person can do."""
    proposed = f"by {state.proposed_by} at {when(state.proposed_at)} ({state.reason})"
    rows = [
        ("Stage", _MOVE_WORDS[state.stage]),
        ("Amount", str(state.money)),
        ("From", state.giver),
        ("To", state.taker),
        ("Bank entry", f"{state.entry}; `prepay bank explain {state.entry}` tells its story"),
        ("Contracting entity", f"`{state.entity}`"),
        ("Proposed", escape(proposed)),
        ("Decision", escape(_decided(state))),
        ("As of", when(state.as_of)),
    ]
    title = f"### Reassignment {state.move}"
    return f"{title}\n\n{table(rows)}{refused_attempts(refusals)}{_reassignment_actions(state)}"


_RESOLUTION_WORDS = {
    "proposed": "proposed: a second person must approve it",
    "applied": "applied: its money has been posted",
    "refused": "refused: nothing was posted",
}


def resolution_details(state: ResolutionState, refusals: Sequence[str]) -> str:
    """Which entry could not be read, what it is said to be and by whom, and what a second person can do."""
    proposed = f"by {state.proposed_by} at {when(state.proposed_at)} ({state.reason})"
    known = f"entry {state.known}, which another file brought; `prepay bank explain {state.known}`"
    typed = (
        f"what its line says, booked on {state.booked_on}; `prepay bank files {state.file}` tells all of it"
    )
    rows = [
        ("Stage", _RESOLUTION_WORDS[state.stage]),
        ("Amount", f"{state.money} {state.direction}"),
        ("It is", known if state.known else typed),
        ("Could not be read", escape(f"line {state.line} of bank file {state.file} ({state.path})")),
        ("Account", f"`{state.account}` of `{state.entity}`"),
        ("Proposed", escape(proposed)),
        ("Decision", escape(_decided(state))),
        (
            "Bank entry",
            f"{state.entry}; `prepay bank explain {state.entry}` tells its story" if state.entry else "",
        ),
        ("As of", when(state.as_of)),
    ]
    shown = f"### Resolution {state.resolution}\n\n{table(rows)}{refused_attempts(refusals)}"
    if state.ended:
        return f"{shown}\n\nNothing is left for an operator to do here."
    return (
        f"{shown}{HOW}\n\n`approve` posts it, at once. {escape(state.proposed_by)} proposed it: somebody else must"
        " approve it, after a look into the file:"
        + paste(operator="", reason="")
        + "\n\n`refuse` puts the proposal away; anybody may, and nothing is posted:"
        + paste(operator="", reason="")
    )


def change_details(state: ChangeState, refusals: Sequence[str]) -> str:
    """What is to change, who says so, and what a second person can do."""
    proposed = f"by {state.proposed_by} at {when(state.proposed_at)} ({state.reason})"
    decision = (
        f"{state.stage} by {state.decided_by} at {when(state.decided_at)} ({state.decided_reason})"
        if (state.decided_at)
        else ""
    )
    rows = [
        ("Stage", _CHANGE_WORDS[state.stage]),
        ("It", escape(state.summary)),
        ("In full", f"`prepay change show {state.change}`"),
        ("Proposed", escape(proposed)),
        ("Decision", escape(decision)),
        ("As of", when(state.as_of)),
    ]
    shown = f"### Change {state.change}\n\n{table(rows)}{refused_attempts(refusals)}"
    if state.ended:
        return f"{shown}\n\nNothing is left for an operator to do here."
    return (
        f"{shown}{HOW}\n\n`approve` applies it, at once. {escape(state.proposed_by)} proposed it: somebody else must"
        f" approve it, with a role for {' and '.join(kind.replace('_', ' ') for kind in state.kinds)}:"
        + paste(operator="", reason="")
        + "\n\n`refuse` puts the proposal away; anybody may, and nothing changes:"
        + paste(operator="", reason="")
    )


def freeze_details(state: FreezeState, refusals: Sequence[str]) -> str:
    """What is frozen and why, who has released it, and what the next compliance operator can do."""
    rows = [
        ("Stage", f"released at {when(state.ended_at)}" if state.ended_at else "frozen: nothing of it moves"),
        ("Customer", state.customer or ""),
        (
            "Bank entry",
            f"{state.entry}; `prepay bank explain {state.entry}` tells its story" if state.entry else "",
        ),
        ("Amount", str(state.money) if state.money else ""),
        ("Frozen", escape(f"by {state.frozen_by} at {when(state.frozen_at)} ({state.reason})")),
        ("Who it is about", "`prepay screening list`"),
        *(("Release", escape(f"by {r.operator} at {when(r.at)} ({r.reason})")) for r in state.releases),
        ("As of", when(state.as_of)),
    ]
    shown = f"### Freeze {state.freeze}\n\n{table(rows)}{refused_attempts(refusals)}"
    if state.ended:
        return f"{shown}\n\nNothing is left for an operator to do here."
    who = (
        "a second compliance operator must send it too"
        if state.releases
        else "two compliance operators must send it"
    )
    return f"{shown}{HOW}\n\n`release` lets it move again; {who}:" + paste(operator="", reason="")


def _decided(state: ReassignmentState | ResolutionState) -> str:
    if state.decided_at is None:
        return ""
    return f"{state.stage} by {state.decided_by} at {when(state.decided_at)} ({state.decided_reason})"


def _reassignment_actions(state: ReassignmentState) -> str:
    if state.ended:
        return "\n\nNothing is left for an operator to do here."
    owed = (
        f" What customer {state.from_customer} has spent of it is owed from then on."
        if state.from_customer != state.to_customer
        else ""
    )
    return (
        f"{HOW}\n\n`approve` moves the money, at once. {escape(state.proposed_by)} proposed it: somebody else must"
        f" approve it.{owed} Automatic matching of its payer pauses:"
        + paste(operator="", reason="")
        + "\n\n`refuse` puts the proposal away; anybody may, and nothing is moved:"
        + paste(operator="", reason="")
    )
