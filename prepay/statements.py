"""Account statements and receipts: what is asked for, and what comes of it."""

from datetime import date, timedelta
from typing import Annotated, Self

from pydantic import Field, model_validator

from prepay.ids import content_hash
from prepay.wire import CurrencyCode, CustomerNumber, Text, Wire, shaped

Period = Annotated[
    str, shaped(r"^[12][0-9]{3}(-(0[1-9]|1[0-2]))?$", "a month such as 2026-10 or a year such as 2026")
]


class StatementRequest(Wire):
    """A statement of a month or year; with `credit` the receipt for one credit, with `refund` what was paid back.

    Of a period that is over, the same statement comes for ever. `as_of` ends it on an earlier day; `recorded_by`
    leaves out what was recorded after that day (UTC). Such statements, and those of a running period, show what is
    known when they are asked for.
    """

    customer: CustomerNumber
    entity: Annotated[Text, Field(max_length=100)] | None = None
    currency: CurrencyCode | None = None
    """Either may be left out where the customer has one balance that fits."""
    period: Period | None = None
    """Such as ``2026-10`` or ``2026``."""
    as_of: date | None = None
    recorded_by: date | None = None
    credit: Annotated[int, Field(ge=1, le=2**63 - 1)] | None = None
    """The number of the credit's record."""
    refund: Annotated[str, shaped(r"^R-[0-9]{4}-[0-9]{6,12}$", "a number such as R-2026-000001")] | None = (
        None
    )
    """The number of a refund that was paid."""

    @model_validator(mode="after")
    def _one_paper(self) -> Self:
        if [self.period, self.credit, self.refund].count(None) != 1 + 1:
            raise ValueError("name a period such as 2026-10 or 2026, the number of a credit, or of a refund")
        if self.period is None and (self.as_of or self.recorded_by):
            raise ValueError("a receipt or confirmation is the same on every day")
        if self.as_of and not self.begins_on <= self.as_of <= self.ends_on:
            raise ValueError(f"as_of {self.as_of} is not in {self.period}")
        return self

    @property
    def begins_on(self) -> date:
        """The first day of the period."""
        assert self.period
        year, _, month = self.period.partition("-")
        return date(int(year), int(month or 1), 1)

    @property
    def ends_on(self) -> date:
        """The last day of the period."""
        assert self.period
        begins = self.begins_on
        if len(self.period) == len("2026"):
            return date(begins.year, 12, 31)
        return (begins + timedelta(days=31)).replace(day=1) - timedelta(days=1)

    @property
    def about(self) -> str:
        """For people: of when, or of what."""
        return self.period or (
            f"refund {self.refund}" if self.refund else f"receipt for credit {self.credit}"
        )

    @property
    def workflow_id(self) -> str:
        """For people: whose and of when; and a hash, one for each request."""
        what = self.period or self.refund or f"credit-{self.credit}"
        return f"statement-{self.customer}-{what}-{content_hash(self.model_dump(mode='json'))[:12]}"


class StatementProgress(Wire):
    """How far a statement is: `waiting`, `issued`, `drawn`."""

    stage: str
    number: str = ""
    lines: int = 0


class StatementOutcome(Wire):
    """The statement by its number, and the SHA-256 of its PDF."""

    number: str
    document_id: int
    lines: int
    pdf_sha256: str


class StatementView(Wire):
    """A statement or receipt and its PDF."""

    number: str
    customer: str
    entity: str
    currency: str
    begins_on: date
    through_on: date
    final: bool
    opening_minor: int
    closing_minor: int
    lines: int
    pdf_sha256: str
    pdf: bytes
