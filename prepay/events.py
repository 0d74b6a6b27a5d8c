"""Everything that happened, as events: each stage and each movement, in an order that never changes."""

from datetime import date, datetime
from typing import Literal

from prepay.wire import Wire


class Event(Wire):
    """A stage that something came to, or a movement of the book. Whoever keeps its cursor goes on behind it."""

    cursor: str
    what: Literal["movement", "stage"]
    at: datetime
    noun: str
    """`transfer`, or what came to a stage, such as `deposit`."""
    subject: int
    """Its number in the database."""
    number: str | None
    """As people know it, where it has one."""
    name: str
    """The stage, or the kind of movement."""
    customer: str | None
    entity: str | None
    currency: str | None
    phase: str | None
    """`posted`, or `pending`, which is answered by `post` and `void`."""
    amount_minor: int | None
    debit: str | None
    credit: str | None
    effective_on: date | None
    deposit: str | None
    cause: str | None
    key: str | None


class EventPage(Wire):
    """Events in their order, and the cursor behind the last of them: what comes later is behind it."""

    events: list[Event]
    cursor: str
