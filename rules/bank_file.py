"""What a bank file's workflow knows of it, and who may decide what about one that waits."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from prepay.bank_files import BankFileOutcome
from rules.operators import second_person

Stage = Literal["stored", "read", "posted", "alarm", "held", "refused", "discarded"]
Signal = Literal["release", "discard"]

DONE: dict[Signal, str] = {"release": "released", "discard": "discarded"}
WAITING = ("held", "alarm")
"""The stages in which operators decide."""

NEVER_RELEASED = {
    "sums": "its amounts do not agree",
    "structure": "it is broken",
}
"""The holds that nobody can release, and why: what such a file says cannot be believed."""


STOPPED = "posting"
"""The hold of a file that PostgreSQL refused to post to its end."""
KEPT = "overlap"
"""The hold of a file that is posted, where money is missing in the book by what it says."""


class FileDecision(BaseModel):
    """What an operator decided about one hold of the file."""

    model_config = ConfigDict(frozen=True)

    hold: int
    signal: Signal
    operator: str
    reason: str
    at: datetime


class BankFileState(BaseModel):
    """A copy of the file's row, with counts, as it was at `as_of`."""

    model_config = ConfigDict(frozen=True)

    file: int
    """Its row. Not its name: banks put account numbers there."""
    delivered_by: str
    format: str
    stage: Stage
    held_for: str = ""
    hold: int = 0
    reason: str
    decisions: tuple[FileDecision, ...] = ()
    """The newest ones, oldest first."""
    entries: int
    posted: int
    known_before: int
    credited: int
    unapplied: int
    received_at: datetime
    as_of: datetime

    @property
    def ended(self) -> bool:
        """Nothing is left to do."""
        return self.stage in ("posted", "refused", "discarded")

    def said(self, signal: Signal) -> tuple[FileDecision, ...]:
        """Who has said so of the present hold: at most one, as the second ends it."""
        return tuple(d for d in self.decisions if (d.signal, d.hold) == (signal, self.hold))

    @property
    def deciders(self) -> list[str]:
        """Who has decided about the file."""
        return sorted({decision.operator for decision in self.decisions})

    def outcome(self) -> BankFileOutcome:
        """What the workflow ends with."""
        return BankFileOutcome(**self.model_dump(include=set(BankFileOutcome.model_fields)))


def refuse_decision(state: BankFileState, signal: str, hold: int) -> str | None:
    """Why the file does not wait for that decision about the hold that an operator saw; None where it does."""
    if state.stage not in WAITING:
        return f"the file is {state.stage}; only a file that is held or in alarm waits for a decision"
    if state.hold != hold:
        return "the file was looked at again and waits for something else; look for what, and then decide"
    if signal == "discard" and state.stage == "alarm":
        return (
            "the file is posted, so it cannot be put away; ask the bank for what is missing, or let two people "
            "`release` it"
        )
    if signal == "release" and state.held_for in NEVER_RELEASED:
        return (
            f"the file can never be released, as {NEVER_RELEASED[state.held_for]}: ask the bank to send it again, and "
            f"send `discard`. It is held for this: {state.reason}"
        )
    return None


def refuse_to_discard(state: BankFileState, signal: str) -> str | None:
    """Why a held file cannot be put away: the chain counts on all of it, and not all of it is in the book.

    For the step that decides, not for the workflow: a history from before this rule replays as it was.
    """
    if signal == "discard" and state.held_for == STOPPED:
        return (
            "the file is posted in part, and what follows it counts on the rest, so it cannot be put away; let two "
            f"people `release` it when the cause has been mended. It is held for this: {state.reason}"
        )
    return None


def enough(state: BankFileState, signal: Signal, operator: str) -> bool:
    """Whether the decision is carried out now, or waits for a second person. Raises SamePerson."""
    before = [decision.operator for decision in state.said(signal)]
    return not takes_two(state, signal) or second_person(before, operator, DONE[signal])


def takes_two(state: BankFileState, signal: Signal) -> bool:
    """A release does, and putting away what says that money is missing in the book."""
    return signal == "release" or state.held_for == KEPT
