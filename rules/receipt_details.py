"""What operators read about a receipt without an owner; what the bank said, `prepay receipt show` tells."""

import json
from collections.abc import Sequence
from typing import Any

from rules.details import escape, refused_attempts, table, when
from rules.receipt import Candidate, ReceiptState, age_days

_STAGE_WORDS = {
    "unapplied": "unapplied: nobody has been credited with it",
    "returning": "returning: it is to go back to its payer, and is held for that",
    "applied": "applied: it has been credited",
    "returned": "returned to its payer",
    "settled": "settled without an operator: it was matched, taken back or told in detail",
}
_EXAMPLE = "D-2026-000123"


def receipt_details(state: ReceiptState, refusals: Sequence[str]) -> str:
    """Amount, age, why it waits, whose it may be, and what may be sent."""
    rows = [
        ("Stage", _STAGE_WORDS[state.stage]),
        ("Amount", str(state.money)),
        ("Contracting entity", f"`{state.entity}`, account `{state.account}`"),
        ("Booked", f"{state.booked_on or ''}"),
        ("Age", f"{age_days(state.opened_at, state.as_of)} days"),
        ("Why", escape(state.reason)),
        ("Who paid", f"`prepay receipt show {state.part}` tells all that the bank said"),
        ("Bank entry", str(state.entry)),
        ("Claims", ", ".join(f"claim {number} of customer {customer}" for number, customer in state.claims)),
        ("Waits for a second person", escape(_application(state))),
        ("Last decision", escape(state.decided)),
        ("Asked again", _asked(state)),
        ("As of", when(state.as_of)),
    ]
    title = f"### Receipt {state.part}"
    return f"{title}\n\n{table(rows)}{refused_attempts(refusals)}{_candidates(state)}{_actions(state)}"


def _application(state: ReceiptState) -> str:
    if (waiting := state.application) is None:
        return ""
    said = f"proposed by {waiting.proposed_by} at {when(waiting.proposed_at)} ({waiting.reason})"
    return f"application {waiting.number}: {', '.join(waiting.to) or 'back to its payer'}; {said}"


def _asked(state: ReceiptState) -> str:
    due = state.next_chase
    return f"on day {due.day}, {when(due.at)}" if due else ""


def _candidates(state: ReceiptState) -> str:
    if not state.candidates:
        return ""
    lines = "\n".join(f"- {_place(one)}: {escape('; '.join(one.reasons))}" for one in state.candidates)
    return f"\n\n**Whose it may be** (suggestions; nothing follows by itself)\n\n{lines}"


def _place(candidate: Candidate) -> str:
    if candidate.deposit:
        return f"deposit {candidate.deposit} of customer {candidate.customer}"
    return f"customer {candidate.customer}, the balance itself"


def _actions(state: ReceiptState) -> str:
    if state.ended:
        return "\n\nNothing is left for an operator to do here."
    head = "\n\n**What operators can do** (More Actions → Send a Signal; fill in the blanks)"
    if state.stage == "returning":
        return f"{head}\n\n`keep` does not send it back after all; it is unapplied again:{_json()}"
    if state.awaits == "screening" or state.listed:
        return "\n\nIt is frozen until two compliance operators release it; `prepay screening list` names its freeze."
    if state.application is not None:
        return head + _second(state)
    return f"{head}{_aged(state)}{_apply(state)}{_others(state)}"


def _second(state: ReceiptState) -> str:
    assert state.application is not None
    number = state.application.number
    does = "holds it, to go back to its payer" if state.application.returns else "credits it, at once"
    return (
        f"\n\n`approve` {does}. {escape(state.application.proposed_by)} proposed it: somebody else must"
        f" approve it:{_json(application=number)}"
        f"\n\n`refuse` puts the application away; anybody may, and nothing is credited:{_json(application=number)}"
    )


def _aged(state: ReceiptState) -> str:
    if not state.aged:
        return ""
    return (
        "\n\nNobody has claimed it for so long that it should go back: send `return_to_payer`, or apply it."
    )


def _apply(state: ReceiptState) -> str:
    two = "A second person must approve it" if state.takes_two else "It is credited at once"
    best = state.candidates[0] if state.candidates else Candidate(customer="", deposit=_EXAMPLE, reasons=())
    target = {"deposit": best.deposit} if best.deposit else {"customer": best.customer}
    return (
        "\n\n`apply` gives all of it to a deposit or a customer, or, each with its `amount`, to several. "
        f"{two}; look at `prepay receipt show {state.part}` first:{_json(to=[target])}"
    )


def _others(state: ReceiptState) -> str:
    linking = (
        f"\n\n`link_payer` proposes that the account that paid is a customer's, now and later; another operator "
        f"approves that change. It does not apply this money, unless that waits for its payer:{_json(customer='')}"
        if state.has_payer
        else ""
    )
    two = "A second person must approve it" if state.takes_two else "The next payment file pays it"
    return f"{linking}\n\n`return_to_payer` sends all of it back to its payer. {two}:{_json()}"


def _json(**values: Any) -> str:
    given = {"operator": "", "reason": "", **values}
    return f"\n\n```json\n{json.dumps(given, indent=2, ensure_ascii=False)}\n```"
