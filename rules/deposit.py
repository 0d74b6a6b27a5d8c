"""What a deposit's workflow knows of it, and what is due next."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict

from prepay.deposits import DepositAnswer, DepositOutcome, Stage
from prepay.ids import grouped

OPEN: frozenset[str] = frozenset({"issued", "part_paid"})
MAX_EXTENSION_DAYS = 365


class DepositState(BaseModel):
    """A copy of the deposit's row, as it was at `as_of`."""

    model_config = ConfigDict(frozen=True)

    deposit: int
    workflow_id: str = ""
    """Empty in the histories of runs that are older than this field: then it is the run's own."""
    number: str
    reference: str
    customer: str
    entity: str
    time_zone: str
    account: str
    amount_minor: int
    credited_minor: int
    currency: str
    stage: Stage
    late: bool
    issued_at: datetime
    expires_at: datetime
    reminders: tuple[datetime, ...]
    version: int
    handled_version: int
    decided: dict[str, str]
    content_hash: str
    document_id: int
    document_digest: str
    form_drawn: bool
    draw_form: bool
    as_of: datetime

    @property
    def open(self) -> bool:
        """Money is still awaited."""
        return self.stage in OPEN

    @property
    def needs_form(self) -> bool:
        """The PDF has not been drawn yet, and is to be."""
        return self.draw_form and not self.form_drawn

    @property
    def settled(self) -> bool:
        """No money is awaited, and every change has been dealt with."""
        return not self.open and self.handled_version >= self.version

    @property
    def ended(self) -> bool:
        """Nothing is left to do: settled, and the form drawn."""
        return self.settled and not self.needs_form

    @property
    def deciders(self) -> list[str]:
        """The operators who decided last."""
        return [who for what, who in self.decided.items() if what.endswith(" by")]

    def answer(self) -> DepositAnswer:
        """What the one who asked is told."""
        return DepositAnswer(
            deposit=self.deposit,
            number=self.number,
            reference=self.reference,
            reference_grouped=grouped(self.reference),
            account=self.account,
            expires_at=self.expires_at,
            document_id=self.document_id,
            document_digest=self.document_digest,
            content_hash=self.content_hash,
        )

    def outcome(self) -> DepositOutcome:
        """What the workflow ends with."""
        return DepositOutcome(
            number=self.number, stage=self.stage, credited_minor=self.credited_minor, currency=self.currency
        )


class Due(BaseModel):
    """The next thing that happens because time passes."""

    model_config = ConfigDict(frozen=True)

    at: datetime
    what: Literal["remind", "expire"]
    number: int = 0


def next_due(state: DepositState, reminded: int, now: datetime) -> Due | None:
    """The next reminder that has not been given, or the expiry; nothing once it is closed.

    Where nobody worked for long and several are overdue, only the last is due: one message, not three at once.
    """
    if not state.open:
        return None
    expiry = Due(at=state.expires_at, what="expire")
    left = [Due(at=at, what="remind", number=n) for n, at in enumerate(state.reminders, 1) if n > reminded]
    overdue = [due for due in left if due.at <= now]
    if overdue and now < expiry.at:
        return overdue[-1]
    return min([*left, expiry], key=lambda due: due.at) if now < expiry.at else expiry


def end_of_day(day: date, time_zone: str) -> datetime:
    """The first moment after the day, in the entity's time zone, as UTC: forms expire then."""
    return datetime.combine(day + timedelta(days=1), time(), ZoneInfo(time_zone)).astimezone(UTC)


def refuse_extension(state: DepositState, until: date, now: datetime) -> str | None:
    """Why the expiry cannot be moved to the end of that day; None where it can."""
    if not state.open:
        return f"the deposit is {state.stage}, so nothing expires; late money is credited anyway"
    today = now.astimezone(ZoneInfo(state.time_zone)).date()
    last = today + timedelta(days=MAX_EXTENSION_DAYS)
    if until < today:
        return f"{until} has passed; give a day from {today} to {last}"
    if until > last:
        return f"{until} is more than {MAX_EXTENSION_DAYS} days ahead; give a day up to {last}"
    if end_of_day(until, state.time_zone) == state.expires_at:
        return "it expires on that day already"
    return None


def refuse_cancellation(state: DepositState) -> str | None:
    """Why the deposit cannot be cancelled; None where it can."""
    if state.open:
        return None
    return f"the deposit is already {state.stage}; money on the balance goes back by a refund ticket"
