"""What a bill's workflow knows of it: when customers are reminded, since when it is overdue, what operators read."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from prepay.money import Money
from prepay.spending import BillOutcome, BillStage
from rules.deposit import end_of_day
from rules.details import HOW, escape, paste, refused_attempts, table, when
from rules.reminders import at_nine, business_days_from

REMINDERS = (-3, 1, 5, 10)
"""Business days of the contracting entity from the due date: one before it, three after it."""

Notice = Literal["bill_due", "bill_overdue"]


class BillState(BaseModel):
    """A copy of the bill's row, as it was at `as_of`."""

    model_config = ConfigDict(frozen=True)

    bill: int
    number: str
    customer: str
    entity: str
    currency: str
    amount_minor: int
    paid_minor: int
    due_on: date
    period: str
    stage: BillStage
    overdue: bool
    auto_pay: bool
    reminded: int
    overdue_at: datetime
    reminders: tuple[datetime, ...]
    voided_by: str | None
    voided_reason: str | None
    as_of: datetime

    @property
    def ended(self) -> bool:
        """Nothing is left to do."""
        return self.stage in ("paid", "void")

    @property
    def money(self) -> Money:
        """What it is about."""
        return Money(amount_minor=self.amount_minor, currency=self.currency)

    @property
    def shown(self) -> str:
        """Its stage as operators look for it: what is overdue is called so."""
        return "overdue" if self.overdue else self.stage

    @property
    def needs_human(self) -> bool:
        """It has been overdue for so long that no reminder is left."""
        return not self.ended and self.reminded >= len(self.reminders)

    def next_due(self, now: datetime) -> datetime | None:
        """When time does something next."""
        if self.ended:
            return None
        return min((at for at in (*self.reminders, self.overdue_at) if at > now), default=None)

    def outcome(self) -> BillOutcome:
        """What the workflow ends with."""
        return BillOutcome(bill=self.bill, stage=self.stage)


def reminder_times(due_on: date, country: str, time_zone: str) -> tuple[datetime, ...]:
    """When customers are reminded, in order, at nine in the morning of the entity, as UTC."""
    days = [business_days_from(due_on, days, country) for days in REMINDERS]
    return tuple(at_nine(day, time_zone) for day in days)


def overdue_at(due_on: date, time_zone: str) -> datetime:
    """The first moment after the due date, where the entity is."""
    return end_of_day(due_on, time_zone).astimezone(UTC)


def reminder_due(
    times: Sequence[datetime], reminded: int, issued_at: datetime, now: datetime
) -> tuple[int, Notice | None]:
    """How many reminders are behind us, and what the customer is told now.

    What was past when the bill came is left out; of several that are late only the last is given.
    """
    passed = sum(at <= now for at in times)
    if passed <= max(reminded, sum(at <= issued_at for at in times)):
        return max(passed, reminded), None
    return passed, "bill_due" if passed == 1 else "bill_overdue"


_WORDS = {
    "issued": "issued: nothing is paid yet",
    "part_paid": "part paid",
    "overdue": "OVERDUE",
    "paid": "paid",
    "void": "void: what was paid is back on the balance",
}


def bill_details(state: BillState, now: datetime, refusals: Sequence[str]) -> str:
    """Stage, amounts, dates, who pays it how, and what operators can do."""
    due = state.next_due(now)
    rows = [
        ("Stage", _WORDS[state.shown]),
        ("Customer", state.customer),
        ("Amount", str(state.money)),
        ("Paid", str(Money(amount_minor=state.paid_minor, currency=state.currency))),
        ("Due", f"{state.due_on}"),
        ("Usage of", state.period),
        ("Contracting entity", f"`{state.entity}`"),
        ("Paid by itself", "yes, as money comes" if state.auto_pay else "no: the customer's service pays it"),
        ("Reminders", f"{state.reminded} of {len(state.reminders)}" if not state.ended else ""),
        ("Next", when(due) if due else ""),
        ("Void", escape(f"by {state.voided_by} ({state.voided_reason})") if state.voided_by else ""),
        ("Lines and lots", f"`prepay bill show {escape(state.number)}`"),
        ("As of", when(state.as_of)),
    ]
    return f"### Bill {escape(state.number)}\n\n{table(rows)}{refused_attempts(refusals)}{_actions(state)}"


def _actions(state: BillState) -> str:
    if state.stage == "void":
        return "\n\nNothing is left for an operator to do here."
    if state.stage == "paid":
        return f"\n\nA paid bill is voided by `prepay bill void {escape(state.number)}`."
    return (
        f"{HOW}\n\n`void` ends the bill; what was paid of it comes back to the balance and pays other open bills first."
        f" The customer reads the reason:{paste(operator='', reason='')}"
    )
