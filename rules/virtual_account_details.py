"""What operators read of an application for a virtual account in the Temporal UI, and what they can do."""

from collections.abc import Sequence
from datetime import datetime

from rules.details import HOW, escape, paste, refused_attempts, table, when
from rules.virtual_account import VirtualAccountState

_WORDS = {
    "submitted": "submitted: the rules are looked at",
    "in_review": "in review: an operator must approve or reject it",
    "approved": "approved: the pool is empty, and it goes on by itself when numbers come",
    "active": "active: the customer has the account",
    "closed": "closed: money that still comes waits for a person",
    "refused": "refused",
}


def virtual_account_details(state: VirtualAccountState, now: datetime, refusals: Sequence[str]) -> str:
    """Stage, who applied, what the rule says, since when it waits, who may act and the JSON to paste."""
    rows = [
        ("Stage", _WORDS[state.stage]),
        ("Customer", state.customer),
        ("Contracting entity", f"`{state.entity}`"),
        ("Currency", state.currency),
        ("Applied for", escape(f"by {state.applied_by}" if state.applied_by else "by the customer")),
        ("Note", escape(state.note)),
        ("Replaces", f"virtual account {state.replaces}, which goes on beside it" if state.replaces else ""),
        ("Rule", escape(state.why)),
        ("Free numbers", _free(state)),
        ("Account", _account(state)),
        ("Review", escape(state.review)),
        ("Waits", _waits(state, now)),
        ("Decision", escape(_decision(state))),
        ("Closed", escape(_closed(state))),
        ("As of", when(state.as_of)),
    ]
    title = f"### Virtual account {state.application} for customer {state.customer}"
    return f"{title}\n\n{table(rows)}{refused_attempts(refusals)}{_actions(state)}"


def _free(state: VirtualAccountState) -> str:
    if state.stage not in ("in_review", "approved"):
        return ""
    return str(state.free_numbers) if state.free_numbers else "none: add a `[[pool]]`"


def _account(state: VirtualAccountState) -> str:
    if state.virtual_account is None:
        return ""
    return f"{state.virtual_account}; `prepay virtual-account show {state.application}` tells its number"


def _waits(state: VirtualAccountState, now: datetime) -> str:
    if state.waits_for is None:
        return ""
    reminded = state.reminded(now)
    due = state.next_due(now)
    told = (
        "ESCALATED: it has waited for five business days"
        if state.escalated(now)
        else f"reminded {reminded} time{'s' if reminded > 1 else ''}"
        if reminded
        else ""
    )
    following = f"next reminder {when(due)}" if due else ""
    return "; ".join(filter(None, (f"since {when(state.waits_since)}", told, following)))


def _decision(state: VirtualAccountState) -> str:
    if state.decided_at is None:
        return ""
    done = "rejected" if state.stage == "refused" else "approved"
    return f"{done} by {state.decided_by} at {when(state.decided_at)} ({state.decided_reason})"


def _closed(state: VirtualAccountState) -> str:
    if state.closed_at is None:
        return ""
    return f"by {state.closed_by} at {when(state.closed_at)} ({state.closed_reason})"


def _actions(state: VirtualAccountState) -> str:
    if state.ended:
        return "\n\nNothing is left for an operator to do here."
    decision = paste(operator="", reason="")
    if state.stage == "active":
        keep = f"\n\n`approve` keeps the account after that change:{decision}" if state.review else ""
        return f"{HOW}{keep}\n\n`close` closes the account for ever; its number is nobody else's later:{decision}"
    reject = f"\n\n`reject` refuses it; the customer is told the reason:{decision}"
    if state.stage == "approved":
        return f"{HOW}{reject}"
    applied = f" {escape(state.applied_by)} applied: somebody else must decide." if state.applied_by else ""
    return f"{HOW}\n\n`approve` gives the customer the next free number, at once.{applied}{decision}{reject}"
