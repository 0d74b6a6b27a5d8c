"""Why a posting was refused. Nothing of a refused posting is written."""

from json import loads
from typing import Any, ClassVar

import psycopg

from prepay.errors import insufficient, more_than_left, owes


class Refused(Exception):
    """A posting was refused; the transaction can only be rolled back."""

    sqlstate: ClassVar[str]

    def __init__(self, message: str, **facts: Any) -> None:
        super().__init__(message)
        self.facts = facts


class UnknownAccount(Refused):
    """The customer has no such account, or the chart has none."""

    sqlstate = "PB001"


class InsufficientFunds(Refused):
    """The customer has less available than is asked for."""

    sqlstate = "PB002"

    def __init__(self, message: str, **facts: Any) -> None:
        super().__init__(insufficient(facts), **facts)


class KeyReused(Refused):
    """The idempotency key belongs to another request."""

    sqlstate = "PB003"


class ReceivableOpen(Refused):
    """The customer owes money: nothing is spent or refunded before that is repaid."""

    sqlstate = "PB004"

    def __init__(self, message: str, **facts: Any) -> None:
        super().__init__(owes(facts), **facts)


class Frozen(Refused):
    """The customer's money is frozen until two compliance operators release it."""

    sqlstate = "PB011"


class UnknownPosting(Refused):
    """There is no receipt, hold, payment or payout of that key."""

    sqlstate = "PB005"


class Closed(Refused):
    """The hold, refund or receipt is captured, voided, expired, settled or reversed already."""

    sqlstate = "PB006"


class MoreThanLeft(Refused):
    """The receipt, hold or payment has less left than is asked for."""

    sqlstate = "PB007"

    def __init__(self, message: str, **facts: Any) -> None:
        super().__init__(more_than_left(facts), **facts)


class AppendOnly(Refused):
    """Somebody tried to change or remove what is booked."""

    sqlstate = "PB008"


class RequestRefused(Refused):
    """The request itself is wrong: an amount that is not above zero, a key, a name, a date."""

    sqlstate = "PB009"


class DatabaseRestored(Refused):
    """The database was restored from a backup and its seals need a new epoch."""

    sqlstate = "PB010"


class TooLarge(Refused):
    """An amount or a total would not fit into 64 bits."""

    sqlstate = "22003"

    def __init__(self, message: str, **facts: Any) -> None:
        super().__init__(
            "An amount or the total it leads to does not fit into 64 bits of minor units.", **facts
        )


_BY_STATE = {refusal.sqlstate: refusal for refusal in Refused.__subclasses__()}


def refusal(error: psycopg.Error) -> Refused | None:
    """The refusal that PostgreSQL's error stands for, or None for any other error."""
    diagnostic = error.diag
    if error.sqlstate == "23505" and diagnostic.constraint_name == "ledger_transfer_key":
        # Two requests at the same moment used one key for different customers.
        return KeyReused("The key was used at the same moment for another request: use a new key.")
    kind = _BY_STATE.get(error.sqlstate or "")
    if kind is None:
        return None
    facts = loads(diagnostic.message_detail) if diagnostic.message_detail else {}
    return kind(diagnostic.message_primary or "", **facts)
