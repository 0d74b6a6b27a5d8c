"""What a receipt's workflow knows of it, when operators are asked about it again, and what may be done."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

from prepay.money import Money
from prepay.receipts import ReceiptOutcome, ReceiptStage
from rules.operators import SamePerson, second_person

CHASE_DAYS = (7, 30, 60, 75)
"""Operators are asked about it again; on the last day they are asked to return it."""

Signal = Literal["apply", "approve", "refuse", "return_to_payer", "keep", "link_payer"]
SIGNALS: tuple[Signal, ...] = ("apply", "approve", "refuse", "return_to_payer", "keep", "link_payer")


class Chase(NamedTuple):
    """The next time that operators are asked."""

    number: int
    day: int
    at: datetime


class Candidate(BaseModel):
    """Whose it may be, and why: a suggestion that nothing follows by itself."""

    model_config = ConfigDict(frozen=True)

    customer: str
    deposit: str | None = None
    reasons: tuple[str, ...]


class Application(BaseModel):
    """What somebody wants to give to whom, or back to its payer, waiting for a second person."""

    model_config = ConfigDict(frozen=True)

    number: int
    to: tuple[str, ...]
    proposed_by: str
    reason: str
    proposed_at: datetime

    @property
    def returns(self) -> bool:
        """Whether it is to go back to its payer."""
        return not self.to


class ReceiptState(BaseModel):
    """A copy of the rows, as they were at `as_of`. Nothing of what the bank said is in it."""

    model_config = ConfigDict(frozen=True)

    part: int
    entry: int
    entity: str
    account: str
    amount_minor: int
    currency: str
    booked_on: date | None
    stage: ReceiptStage
    reason: str
    awaits: str
    has_payer: bool
    listed: bool = False
    """Its payer is on the screening list, and no freeze of it has been released."""
    alone_minor: int
    """Up to so much one operator alone may apply or send back."""
    chased: int
    opened_at: datetime
    application: Application | None = None
    decided: str = ""
    """The last decision in words: what, by whom, when and why."""
    deciders: tuple[str, ...] = ()
    returned_by: str = ""
    claims: tuple[tuple[int, str], ...] = ()
    """Claims of customers that found it: number and customer."""
    candidates: tuple[Candidate, ...] = ()
    as_of: datetime

    @property
    def ended(self) -> bool:
        """Nothing is left to do."""
        return self.stage not in ("unapplied", "returning")

    @property
    def takes_two(self) -> bool:
        """Whether a second operator must approve."""
        return self.amount_minor > self.alone_minor

    @property
    def money(self) -> Money:
        """All of it."""
        return Money(amount_minor=self.amount_minor, currency=self.currency)

    @property
    def aged(self) -> bool:
        """Nobody claimed it for so long that it should go back."""
        return self.chased >= len(CHASE_DAYS)

    @property
    def next_chase(self) -> Chase | None:
        """None where nobody is to be asked any more."""
        if self.stage != "unapplied" or self.aged:
            return None
        day = CHASE_DAYS[self.chased]
        return Chase(self.chased + 1, day, self.opened_at + timedelta(days=day))

    @property
    def needs_human(self) -> bool:
        """What waits for a statement goes on by itself, until that takes too long; what is frozen, by its release."""
        if self.stage != "unapplied" or self.awaits == "screening":
            return False
        return self.awaits != "statement" or self.chased > 0

    @property
    def role(self) -> str | None:
        """Whose decision comes next."""
        if not self.needs_human:
            return None
        return "approver" if self.application or self.aged else "clerk"

    def outcome(self) -> ReceiptOutcome:
        """What the workflow ends with."""
        return ReceiptOutcome(**self.model_dump(include=set(ReceiptOutcome.model_fields)))


def chase_due(state: ReceiptState, now: datetime) -> int:
    """The number of the last chase whose time has come and that has not been done; 0 for none."""
    passed = sum(state.opened_at + timedelta(days=day) <= now for day in CHASE_DAYS)
    return passed if state.stage == "unapplied" and passed > state.chased else 0


def age_days(opened_at: datetime, now: datetime) -> int:
    """Whole days since nobody was credited with it."""
    return max((now - opened_at).days, 0)


def refuse_decision(state: ReceiptState, signal: Signal, operator: str) -> str | None:
    """Why the receipt does not take that decision of that operator; None where it does."""
    if state.ended:
        return f"the receipt is {state.stage} already; a wrong credit is moved by `prepay bank reassign`"
    if signal == "keep":
        return None if state.stage == "returning" else "it is not to go back; there is nothing to keep"
    if signal == "link_payer":
        return None if state.has_payer else "the bank does not say which account paid"
    if signal != "refuse" and (state.awaits == "screening" or state.listed):
        return (
            "it is frozen: two compliance operators must release it first; `prepay screening list` names it"
        )
    if state.stage == "returning":
        return f"{state.returned_by} wants it to go back to its payer; send `keep` first"
    return _refuse_about_application(state, signal, operator)


def _refuse_about_application(state: ReceiptState, signal: Signal, operator: str) -> str | None:
    waiting = state.application
    if signal in ("apply", "return_to_payer"):
        if waiting is None:
            return None
        return f"application {waiting.number} of {waiting.proposed_by} waits: `approve` or `refuse` it first"
    if waiting is None:
        return "no application waits for a second person; send `apply`"
    return _refuse_approval(waiting, operator) if signal == "approve" else None


def _refuse_approval(waiting: Application, operator: str) -> str | None:
    try:
        second_person([waiting.proposed_by], operator, "proposed")
    except SamePerson as refusal:
        return f"{refusal} approve it"
    return None


def refuse_other_number(state: ReceiptState, number: int) -> str | None:
    """A decision is about the application that the operator saw."""
    if state.application is not None and state.application.number != number:
        return f"the application that waits is {state.application.number}, not {number}: read it first"
    return None


def shares(amount_minor: int, currency: str, given: Sequence[int | None]) -> tuple[list[int], str | None]:
    """What each target gets, and why they cannot: they sum to all of it."""
    if list(given) == [None]:
        return [amount_minor], None
    minor = [one or 0 for one in given]
    if sum(minor) == amount_minor:
        return minor, None
    told, whole = (
        Money.model_construct(amount_minor=m, currency=currency) for m in (sum(minor), amount_minor)
    )
    return [], f"the amounts sum to {told}, and the receipt is {whole}: all of it is applied at once"
