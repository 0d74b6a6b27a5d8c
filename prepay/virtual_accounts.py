"""Virtual accounts on the wire: an application, what operators type, and what can be looked up."""

from datetime import date, datetime

from pydantic import Field

from prepay.wire import CurrencyCode, CustomerNumber, OperatorName, Reason, RequestId, Text, Wire

MAX_NOTE = 500


class VirtualAccountRequest(Wire):
    """A customer asks for an account number of their own, or for another one beside theirs."""

    customer: CustomerNumber
    request_id: RequestId
    currency: CurrencyCode
    note: Text = Field(default="", max_length=MAX_NOTE)
    replaces: int | None = Field(default=None, ge=1, le=2**63 - 1)
    """The row of a virtual account of theirs: the new number runs beside it until it is closed."""


class DecideVirtualAccount(Wire):
    """An operator approves, rejects or closes."""

    operator: OperatorName
    reason: Reason


class VirtualAccountOutcome(Wire):
    """How the application ended."""

    application: int
    stage: str


class VirtualAccountView(Wire):
    """An application as its customer may see it, with the number once there is one."""

    application: int
    customer: str
    entity: str
    currency: str
    stage: str
    why: str
    """What the rule says, or why it was refused or closed."""
    submitted_at: datetime
    virtual_account: int | None
    iban: str
    account_number: str
    valid_from: date | None
    valid_to: date | None
    replaced_by: int | None
