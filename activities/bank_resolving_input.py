"""What people say about an entry that could not be read, and why it is refused where it is."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import Field

from activities.payers import PayerAccount
from prepay.ids import resolution_workflow_id
from prepay.money import to_decimal
from prepay.wire import CurrencyCode, OperatorName, Reason, Text, Wire

Line = Annotated[str, Field(min_length=1, max_length=300)]
RowId = Annotated[int, Field(ge=1, le=2**63 - 1)]


class Facts(Wire):
    """The entry of another file that it is, or what its line says."""

    entry: RowId | None = None
    new: bool = False
    """It is none of the entries of the same money and day that other files brought."""
    booked_on: date | None = None
    value_on: date | None = None
    reference: Annotated[Text, Field(max_length=100)] = ""
    """The bank's own."""
    remittance: Annotated[Text, Field(max_length=2000)] = ""
    payer: Annotated[Text, Field(max_length=140)] = ""
    payer_account: PayerAccount | None = None
    amount: Annotated[str, Field(max_length=40)] = ""
    currency: CurrencyCode | None = None
    direction: Literal["credit", "debit"] | None = None


class Resolve(Wire):
    """That an entry which could not be read is this; who proposes it, and why."""

    file: RowId
    line: Line
    by: OperatorName
    reason: Reason
    facts: Facts


def money_text(amount_minor: int | None, currency: str, direction: str) -> str:
    """As much of it as is known."""
    amount = "" if amount_minor is None or not currency else to_decimal(amount_minor, currency)
    return " ".join(filter(None, (amount, currency, direction)))


class NotResolved(ValueError):
    """What people say an entry is, it cannot be; the subclasses say why."""


class LineNotFound(NotResolved):
    """Nothing unreadable stands there."""

    def __init__(self, file: int, line: str) -> None:
        super().__init__(
            f"File {file} has no unread entry in line {line}; `prepay bank files {file}` lists those that it has"
        )


class SeveralInLine(NotResolved):
    """A whole file may stand in one line."""

    def __init__(self, file: int, line: str, paths: Sequence[str]) -> None:
        super().__init__(
            f"Several unread entries stand in line {line} of file {file}: name one by its element instead, such as "
            f"{' or '.join(paths)}"
        )


class NotPosted(NotResolved):
    """What else the file holds comes first."""

    def __init__(self, file: int, stage: str) -> None:
        super().__init__(
            f"File {file} is {stage}; its unread entries can be resolved when it has been posted"
        )


class NothingMissing(NotResolved):
    """Zero goes no way."""

    def __init__(self, where: str) -> None:
        super().__init__(f"The amount of {where} is zero: no money is missing, and nothing is to be resolved")


class FactsWrong(NotResolved):
    """Neither an entry nor what the line says, or both."""

    def __init__(self) -> None:
        super().__init__(
            "Say either which entry of another file it is (`--entry`), or what its line says (`--booked-on` and more)"
        )


class MoneyUnknown(NotResolved):
    """Nobody has said how much it is."""

    def __init__(self, where: str, missing: str) -> None:
        super().__init__(
            f"The file does not tell the {missing} of {where} in a way that can be read: give `--{missing}`"
        )


class OtherMoney(NotResolved):
    """The sums differ."""

    def __init__(self, where: str, told: str, given: str) -> None:
        super().__init__(f"The money of {where} is {told}, and {given}: resolving it requires that sum")


class OtherCurrency(NotResolved):
    """An account has one currency."""

    def __init__(self, where: str, account: str, currency: str, given: str) -> None:
        super().__init__(f"Account {account} of {where} is in {currency}, and {given} was given")


class WrongEntry(NotResolved):
    """The entry cannot be that money."""

    def __init__(self, where: str, entry: int, why: str) -> None:
        super().__init__(f"The money of {where} is not entry {entry}: {why}")


class MaybeKnown(NotResolved):
    """It may have been posted from another file."""

    def __init__(self, where: str, entries: Sequence[int]) -> None:
        known = " or ".join(str(entry) for entry in entries)
        super().__init__(
            f"Other files brought the same sum of the same day as {where}: if it is entry {known}, say so by "
            "`--entry`; if it is none of them, add `--new`"
        )


class DoesNotAddUp(NotResolved):
    """The balances say that it is other money."""

    def __init__(self, where: str, account: str) -> None:
        super().__init__(
            f"With this for {where}, account {account} would no longer be where its statements end: it is other money, "
            "or was counted before"
        )


class AlreadyResolved(NotResolved):
    """Once for ever."""

    def __init__(self, where: str, entry: int, by: str, approved_by: str, at: datetime) -> None:
        super().__init__(
            f"The money of {where} is entry {entry}, as {by} and {approved_by} resolved on {at:%Y-%m-%d}; that stays"
        )


class OpenAlready(NotResolved):
    """One proposal at a time."""

    def __init__(self, where: str, resolution: int, by: str, at: datetime) -> None:
        super().__init__(
            f"{by} said on {at:%Y-%m-%d} what {where} is: decide {resolution_workflow_id(resolution)} first"
        )
