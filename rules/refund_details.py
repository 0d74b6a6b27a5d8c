"""What operators read of a refund ticket in the Temporal UI, and what they can do."""

from collections.abc import Sequence
from datetime import datetime

from prepay.money import Money
from rules.details import HOW, escape, paste, refused_attempts, table, when
from rules.refund import ENDED, PayoutState, RefundState

_WORDS = {
    "waiting": "waiting: usage may still be reported; then all that is left is counted and held",
    "opened": "opened: the money is held, and the customer has to say where to",
    "in_review": "in review: operators must approve or reject it",
    "approved": "approved: it goes to the bank with the next payment file",
    "sent": "sent: the bank has the payment file",
    "returned": "returned: a payout came back, and the customer has to say where to",
    "settled": "settled: the bank has paid it",
    "rejected": "rejected: what was held is on the balance again",
    "withdrawn": "withdrawn by the customer: what was held is on the balance again",
    "closed": "closed: what was held is on the balance again",
    "void": "void: the money that it was to pay is no longer the customer's",
}


def refund_details(state: RefundState, now: datetime, refusals: Sequence[str]) -> str:
    """Stage, amount, where it goes, who agreed, who must, since when it waits and the JSON to paste."""
    rows = [
        ("Stage", _WORDS[state.stage]),
        ("Customer", state.customer),
        ("Contracting entity", f"`{state.entity}`"),
        ("Amount", _amount(state)),
        ("Asked for", escape(_asked(state))),
        ("Why", escape(state.reason)),
        ("Answer", escape(state.answer)),
        ("Code", f"`{state.content}`" if state.content else ""),
        ("Takes", _takes(state) if state.stage == "in_review" else ""),
        (
            "Approved by",
            escape(", ".join(f"{a.operator} ({a.standing}, {when(a.at)})" for a in state.approvals)),
        ),
        ("Approvals void", _void(state)),
        ("Who may not", escape(_hands(state))),
        ("Counted", when(state.usage_until) if state.stage == "waiting" and state.usage_until else ""),
        ("Details until", when(state.details_until) if state.asks_customer and state.details_until else ""),
        ("Waits", _waits(state, now)),
        ("As of", when(state.as_of)),
    ]
    title = f"### Refund {state.number} for customer {state.customer}"
    return f"{title}\n\n{table(rows)}{_payouts(state)}{refused_attempts(refusals)}{_actions(state)}"


def _amount(state: RefundState) -> str:
    return str(state.money) if state.money else "all that is left, not counted yet"


def _asked(state: RefundState) -> str:
    what = "all that was left, " if state.everything else ""
    return f"{what}by {state.opened_by or 'the customer'}, {when(state.opened_at)}"


def _takes(state: RefundState) -> str:
    people = "one person" if state.people == 1 else f"{state.people} people"
    return f"{people}, one of them a treasurer" if state.treasurer else people


def _void(state: RefundState) -> str:
    if not state.void_approvals or state.stage != "in_review":
        return ""
    return f"{state.void_approvals}, of what it was before it changed"


def _hands(state: RefundState) -> str:
    return ", ".join(f"{hand.operator} ({hand.how})" for hand in state.hands)


def _waits(state: RefundState, now: datetime) -> str:
    if state.waits_for is None:
        return ""
    late = "; ESCALATED: it has waited for five business days" if state.escalated(now) else ""
    following = f"; next reminder {when(state.next_due)}" if state.next_due else ""
    whom = "a treasurer" if state.waits_for == "treasurer" else "an approver"
    return f"for {whom} since {when(state.waits_since)}{late}{following}"


def _payouts(state: RefundState) -> str:
    if not state.payouts:
        return ""
    # The UI leaves no room between the columns of a table.
    return "\n\n" + "\n".join(_payout(state, payout) for payout in state.payouts)


def _payout(state: RefundState, payout: PayoutState) -> str:
    amount = Money(amount_minor=payout.amount_minor, currency=state.currency)
    stage = payout.stage + (f": {escape(payout.reason)}" if payout.reason else "")
    if payout.stage == "ready" and payout.not_before:
        stage += f", not before {when(payout.not_before)}"
    return f"- Payout {payout.payout}: {amount}, {_where(payout)}: {stage}"


def _where(payout: PayoutState) -> str:
    if payout.payee is None:
        return "the customer has to say"
    if payout.entry is not None:
        return f"back to the payer of bank entry {payout.entry}"
    return f"bank details {payout.payee} that were entered" + (", **another account**" if payout.new else "")


def _actions(state: RefundState) -> str:
    if state.stage in ENDED:
        return "\n\nNothing is left for an operator to do here."
    if state.stage == "sent":
        return "\n\nNothing is to be done here until the bank answers."
    show = f"\n\n`prepay refund show {state.number}` shows the accounts and the proof."
    decision = paste(operator="", reason="")
    reject = (
        f"\n\n`reject` pays nothing and gives back what is held; the customer is told the reason:{decision}"
    )
    if state.stage != "in_review":
        return f"{HOW}{show}{reject}"
    approve = paste(operator="", content=state.content, reason="")
    return f"{HOW}{show}\n\n`approve` agrees to exactly this, as another person than had a hand in it:{approve}{reject}"
