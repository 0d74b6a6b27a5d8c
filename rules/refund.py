"""What a refund's workflow knows of its ticket, who must agree to it, who may, and what is due next."""

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Literal, NamedTuple, get_args
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict

from prepay.money import Money
from prepay.refunds import RefundAnswer, RefundOutcome, RefundStage
from rules.authority import AUTHORITY, Act
from rules.operators import Role, person
from rules.reminders import add_business_days

Signal = Literal["approve", "reject"]
SIGNALS: tuple[Signal, ...] = ("approve", "reject")
ENDED: frozenset[str] = frozenset({"settled", "rejected", "withdrawn", "closed", "void"})
UNSENT: frozenset[str] = frozenset({"waiting", "opened", "in_review", "approved", "returned"})
"""Where money is still held, and can be given back."""
REMINDED_AFTER = (1, 3)
ESCALATED_AFTER = 5
"""Business days of the contracting entity, for operators."""
ASKED_AGAIN_AFTER = (7, 21, 38)
"""Days, for a customer who has to say where to."""
CODE = 12
"""So many digits of its digest name what is approved."""


class Policy(BaseModel):
    """How many people agree to what, in minor units of one currency, and how long things wait."""

    model_config = ConfigDict(frozen=True)

    minimum_minor: int = 1
    one_up_to_minor: int = 0
    two_up_to_minor: int = 0
    cooling_hours: int = 24
    usage_days: int = 3
    details_days: int = 45


class Needed(NamedTuple):
    """How many people must approve, and whether one of them must be a treasurer."""

    people: int
    treasurer: bool


def needed(policy: Policy, total_minor: int, *, new_payee: bool) -> Needed:
    """Who must approve a refund, counted with what the customer got in the 30 days before.

    One person up to the first limit, two above it, a treasurer among them above the second. An account that the
    customer's money did not come from takes one person more, and a treasurer.
    """
    people = 1 if total_minor <= policy.one_up_to_minor else 2
    return Needed(people + new_payee, total_minor > policy.two_up_to_minor or new_payee)


class Refundable(NamedTuple):
    """A balance as a refund sees it, in minor units."""

    available_minor: int
    receivable_minor: int
    bills_minor: int
    usage_minor: int
    uncertain_minor: int
    """What of it is money that no booked statement has confirmed, or that is frozen: it pays no bills either."""

    @property
    def minor(self) -> int:
        """What can be asked back now."""
        if self.receivable_minor > 0:
            return 0
        return max(self.available_minor - self.bills_minor - self.usage_minor - self.uncertain_minor, 0)

    def why(self, currency: str) -> str:
        """In words, what of the balance cannot be refunded."""
        if self.receivable_minor > 0:
            owed = _money(self.receivable_minor, currency)
            return f"the customer owes {owed}, and nothing is refunded before that is paid"
        minus = [
            (self.bills_minor, "for open bills"),
            (self.usage_minor, "for usage that is not billed yet"),
            (self.uncertain_minor, "that no booked statement has confirmed, or that is frozen"),
        ]
        kept = ", ".join(f"{_money(minor, currency)} {what}" for minor, what in minus if minor > 0)
        less = f", less {kept}" if kept else ""
        available = _money(self.available_minor, currency)
        return f"{_money(self.minor, currency)} can be refunded: {available} are available{less}"


def refuse_amount(found: Refundable, policy: Policy, amount_minor: int, currency: str) -> str | None:
    """Why that amount is not refunded now; None where it is."""
    if found.receivable_minor > 0 or amount_minor > found.minor:
        return found.why(currency)
    if amount_minor < policy.minimum_minor:
        return f"the least that is refunded is {_money(policy.minimum_minor, currency)}"
    return None


class Approval(BaseModel):
    """That somebody agreed to what is there now."""

    model_config = ConfigDict(frozen=True)

    operator: str
    treasurer: bool
    at: datetime
    standing: str
    """What proves that it was they (see `attestation`)."""


class Hand(BaseModel):
    """Somebody who had a hand in it, and how."""

    model_config = ConfigDict(frozen=True)

    operator: str
    how: str


class PayoutState(BaseModel):
    """One payment of the ticket; the account stays in the database."""

    model_config = ConfigDict(frozen=True)

    payout: int
    amount_minor: int
    stage: str
    payee: int | None
    entry: int | None
    """The bank entry whose payer gets it; None for an account that was entered."""
    new: bool = False
    """Its account is none that the ticket's money came from."""
    not_before: datetime | None = None
    reason: str = ""


class RefundState(BaseModel):
    """A copy of the ticket's rows, as they were at `as_of`."""

    model_config = ConfigDict(frozen=True)

    refund: int
    number: str
    workflow_id: str
    customer: str
    entity: str
    currency: str
    amount_minor: int | None
    everything: bool
    reason: str
    opened_by: str
    opened_at: datetime
    stage: RefundStage
    answer: str
    content: str
    """The code of what is approved: empty while nothing can be."""
    people: int
    treasurer: bool
    approvals: tuple[Approval, ...]
    void_approvals: int
    hands: tuple[Hand, ...]
    payouts: tuple[PayoutState, ...]
    usage_until: datetime | None
    details_until: datetime | None
    reminded: int
    waits_since: datetime
    reminders: tuple[datetime, ...]
    """When operators are reminded that it waits for them; the last is the escalation."""
    ended_at: datetime | None
    version: int
    handled_version: int
    content_hash: str
    as_of: datetime

    @property
    def ended(self) -> bool:
        """Nothing is left to do."""
        return self.stage in ENDED and self.handled_version >= self.version

    @property
    def money(self) -> Money | None:
        """The amount; None while "all that is left" has not been counted."""
        return (
            None
            if self.amount_minor is None
            else Money(amount_minor=self.amount_minor, currency=self.currency)
        )

    @property
    def waits_for(self) -> str | None:
        """The role that must decide; None while nobody of ours must."""
        if self.stage != "in_review":
            return None
        missing = self.treasurer and not any(approval.treasurer for approval in self.approvals)
        return "treasurer" if missing and len(self.approvals) >= self.people - 1 else "approver"

    @property
    def asks_customer(self) -> bool:
        """The customer has to say where to."""
        return self.stage in ("opened", "returned")

    @property
    def deciders(self) -> list[str]:
        """Who approved what is there now."""
        return [approval.operator for approval in self.approvals]

    def escalated(self, now: datetime) -> bool:
        """Whether it has waited too long for operators."""
        return self.waits_for is not None and now >= self.reminders[-1]

    @property
    def next_due(self) -> datetime | None:
        """When the workflow must look again because time passes; what was due at `as_of` has been dealt with."""
        due: list[datetime | None] = []
        if self.stage == "waiting":
            due = [self.usage_until]
        elif self.waits_for:
            due = [*self.reminders]
        elif self.asks_customer:
            due = [
                self.details_until,
                *(self.waits_since + timedelta(days=days) for days in ASKED_AGAIN_AFTER),
            ]
        return min((at for at in due if at is not None and at > self.as_of), default=None)

    def answer_to_request(self) -> RefundAnswer:
        """What the one who asked is told."""
        return RefundAnswer(refund=self.refund, number=self.number, stage=self.stage)

    def outcome(self) -> RefundOutcome:
        """What the workflow ends with."""
        return RefundOutcome(refund=self.refund, stage=self.stage)


def end_of_usage(opened_at: datetime, days: int, country: str, time_zone: str) -> datetime:
    """When "all that is left" is counted: at the end of so many business days, where the entity is."""
    zone = ZoneInfo(time_zone)
    day = add_business_days(opened_at.astimezone(zone).date(), days, country)
    return datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)


def refuse_decision(state: RefundState, signal: Signal, operator: str, content: str = "") -> str | None:
    """Why the ticket does not take that decision of that operator; None where it does."""
    if state.stage in ENDED:
        return f"the ticket is {state.stage} already; nothing can be decided here any more"
    if signal == "reject":
        if state.stage in UNSENT and not _on_its_way(state.payouts):
            return None
        return "money of it is on its way to the bank already; wait for the bank's answer"
    if state.stage != "in_review":
        return {
            "waiting": "it waits for late usage, and its amount is not counted yet",
            "opened": "the customer has not said where to; there is nothing to approve yet",
            "returned": "a payout came back, and the customer has not said where to; there is nothing to approve yet",
        }.get(state.stage, f"the ticket is {state.stage} already")
    if content != state.content:
        return (
            f"what you approve has changed since you looked: read it again; its code is {state.content} now"
        )
    return _refuse_person(state, operator)


def _refuse_person(state: RefundState, operator: str) -> str | None:
    hand = next((hand.how for hand in state.hands if person(hand.operator) == person(operator)), None)
    if hand is not None:
        return f"you {hand}: somebody else must approve it"
    if person(operator) in map(person, state.deciders):
        return "you approved it already; another person must"
    return None


def _on_its_way(payouts: Sequence[PayoutState]) -> bool:
    return any(payout.stage == "sent" for payout in payouts)


def _money(minor: int, currency: str) -> str:
    return str(Money(amount_minor=minor, currency=currency))


def as_markdown() -> str:
    """Who may send which signal in which stage, as the operators' guide prints it."""
    rows = []
    for stage in get_args(RefundStage):
        cells = [_who(stage, signal) for signal in SIGNALS]
        rows.append(f"| {stage} | {' | '.join(cells)} |")
    return "\n".join(["| stage of a refund | approve | reject |", "|---|---|---|", *rows])


def _who(stage: str, signal: Signal) -> str:
    """The roles that may, in a stage where nothing else stands against it; else a dash."""
    if not (stage == "in_review" if signal == "approve" else stage in UNSENT):
        return "–"
    return ", ".join(role.value for role in Role if role in AUTHORITY[Act("Refund", signal)])
