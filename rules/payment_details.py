"""What operators read in the Temporal UI about payment files and the payment run."""

from collections.abc import Sequence

from prepay.money import Money
from rules.details import HOW, escape, paste, refused_attempts, table, when
from rules.payment_file import PaymentFileState, RunState, refuse_resend

_STAGE_WORDS = {
    "written": "written: it goes into the outbox next",
    "sent": "sent: the bank has not answered yet",
    "accepted": "accepted by the bank",
    "part_accepted": "accepted in part: the bank rejected some of its payouts",
    "rejected": "rejected by the bank",
}


def payment_file_details(state: PaymentFileState, refusals: Sequence[str]) -> str:
    """Stage, sums, what the bank did, and what to do where it is silent."""
    rows = [
        ("Stage", _STAGE_WORDS[state.stage] + ("; each of its payouts has ended" if state.ended else "")),
        ("Reason", escape(state.reason)),
        ("Account", f"`{state.account}` of `{state.entity}`"),
        ("Payouts", f"{state.payouts}, {state.money}"),
        ("Not booked yet", str(state.open)),
        ("Booked", str(state.settled)),
        ("Rejected", str(state.rejected)),
        ("Came back", str(state.returned)),
        ("To be paid on", f"{state.execute_on}"),
        ("Format", state.version),
        ("Made", when(state.collected_at)),
        ("Sent", when(state.sent_at) if state.sent_at else ""),
        ("Answered", when(state.answered_at) if state.answered_at else ""),
        ("Sent again", f"{state.resent} times" if state.resent else ""),
        ("People are asked next", when(state.next_ask) if state.next_ask else ""),
        ("As of", when(state.as_of)),
    ]
    return f"### Payment file {state.message_id}\n\n{table(rows)}{refused_attempts(refusals)}{_file_actions(state)}"


def _file_actions(state: PaymentFileState) -> str:
    if not state.needs_human:
        return ""
    if state.stage == "written":
        return f"\n\n**It cannot go to the bank.** {escape(state.problem)} It is tried again each minute."
    if state.stage == "sent":
        said = f"The bank has not answered for {state.asked} business day{'s' if state.asked > 1 else ''}"
    else:
        said = f"{state.open} payouts are not booked yet, although the bank took them"
    asked = f"\n\n**{said}.** Ask it for file `{state.message_id}`; nothing is paid twice by asking.{HOW}"
    again = ""
    if not refuse_resend(state):
        again = (
            "\n\n`resend` sends the same file once more, where the bank never got it. A bank that has had it rejects "
            "the second one as a duplicate, which changes nothing:" + paste(operator="", reason="")
        )
    return (
        asked
        + again
        + (
            "\n\n`not_paid`, from two different people, where the bank says that it never paid one: its money is on "
            "hold again. `prepay payment-file show` names them:" + paste(operator="", reason="", payout="")
        )
    )


def payment_run_details(state: RunState, made: Sequence[str], refusals: Sequence[str]) -> str:
    """What is ready on which account, when its file is made, and what cannot go."""
    lines = [
        f"- `{due.account}`: {due.ready} ready, {Money(amount_minor=due.sum_minor, currency=due.currency)}; "
        f"the file is made {when(due.collects_at)}"
        for due in state.accounts
    ]
    ready = "\n".join(lines)
    rows = [
        ("Last files", ", ".join(f"`{name}`" for name in reversed(made))),
        ("As of", when(state.as_of)),
    ]
    problems = "".join(f"\n- {escape(problem)}" for problem in state.problems)
    stuck = f"\n\n**What stays, and why**\n{problems}" if problems else ""
    does = (
        f"{HOW}\n\n`run_now` makes the files of all that is ready at once:" + paste(operator="", reason="")
        if lines
        else ""
    )
    nothing = "" if lines else "\n\nNothing is ready to be paid."
    return f"### Payment run\n\n{table(rows)}\n\n{ready}{nothing}{stuck}{refused_attempts(refusals)}{does}".replace(
        "\n\n\n\n", "\n\n"
    )
