"""What the workflows of payments know: a file and how it stands, and what the run finds to be paid."""

from datetime import date, datetime, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict

from prepay.money import Money
from prepay.payment_files import PaymentFileOutcome
from rules.bank_day import BankDays

Stage = Literal["written", "sent", "accepted", "part_accepted", "rejected"]
BOOKED_DAYS = 2
"""Business days after the day of execution until a payment that is not booked yet is asked for."""
Signal = Literal["resend", "not_paid"]
SIGNALS = ("resend", "not_paid")
MAX_RESENT = 20


class PaymentFileState(BaseModel):
    """A copy of the file's row, with counts of its payouts, as it was at `as_of`."""

    model_config = ConfigDict(frozen=True)

    file: int
    message_id: str
    account: str
    entity: str
    currency: str
    version: str
    execute_on: date
    stage: Stage
    reason: str = ""
    payouts: int
    sum_minor: int
    open: int
    settled: int
    rejected: int
    returned: int
    asked: int
    resent: int
    collected_at: datetime
    sent_at: datetime | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    next_ask: datetime | None = None
    """When people are told that the bank is silent, or again: each of its business days (`asks_at`)."""
    problem: str = ""
    """Why it could not be brought to the bank just now."""
    as_of: datetime

    @property
    def ended(self) -> bool:
        """Each payout was booked, rejected or came back, and the file is on its way no more."""
        return self.ended_at is not None and self.stage != "written"

    @property
    def money(self) -> Money:
        """All of it."""
        return Money(amount_minor=self.sum_minor, currency=self.currency)

    @property
    def needs_human(self) -> bool:
        """The bank was silent for too long, or the file cannot go there."""
        return (self.asked > 0 or self.problem != "") and not self.ended

    def outcome(self) -> PaymentFileOutcome:
        """What the workflow ends with."""
        return PaymentFileOutcome(**self.model_dump(include=set(PaymentFileOutcome.model_fields)))


def asks_at(
    days: BankDays, stage: Stage, execute_on: date, sent_at: datetime | None, asked: int
) -> datetime | None:
    """When people are asked next about a file that has not ended; `asked` is how often they were."""
    if stage == "written" or sent_at is None:
        return None
    if stage == "sent":
        return days.asks_at(sent_at, asked + 1)
    return days.asks_at(execute_on, asked + BOOKED_DAYS)


def ask_due(state: PaymentFileState, now: datetime) -> bool:
    """Whether people are to be told that the bank is silent."""
    due = state.next_ask
    return due is not None and due <= now


def refuse_resend(state: PaymentFileState) -> str | None:
    """Why the file is not sent again; None where it is: the same bytes, which a bank takes once."""
    if state.stage == "written":
        return "the file has not left yet; it goes by itself as soon as its folder can be written"
    if state.ended or not state.open:
        return "the bank has answered about each of its payouts; there is nothing to send again"
    if state.stage != "sent":
        return "the bank has taken the file; ask it where the payments are, it would refuse a second one"
    if state.resent >= MAX_RESENT:
        return f"it was sent again {MAX_RESENT} times already; ask the bank why it does not answer"
    return None


class DueAccount(BaseModel):
    """What is ready on an account, and when its file is made."""

    model_config = ConfigDict(frozen=True)

    account: str
    currency: str
    ready: int
    sum_minor: int
    collects_at: datetime


class RunState(BaseModel):
    """What a run found, and what it made."""

    model_config = ConfigDict(frozen=True)

    accounts: tuple[DueAccount, ...] = ()
    files: tuple[str, ...] = ()
    """Made by this look: their workflows."""
    problems: tuple[str, ...] = ()
    """What could not be put into a file, and why; a person must see it."""
    as_of: datetime


AGAIN = timedelta(minutes=1)
"""How often a file that cannot go to the bank is tried again."""

EVERY = timedelta(minutes=5)
"""How often the run looks."""
