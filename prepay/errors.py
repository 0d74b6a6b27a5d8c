"""What the client raises. Each message is one sentence for people."""

from json import loads
from typing import Any

import psycopg

from prepay.money import Money


class PrepayError(Exception):
    """What the client raises; the message is one sentence for people."""


class Refused(PrepayError):
    """The request cannot be fulfilled, however often it is sent."""


class InsufficientBalance(Refused):
    """There is less available than is asked for: nothing was paid. Sent again after money has come, it may be."""

    def __init__(self, facts: dict[str, Any]) -> None:
        super().__init__(insufficient(facts))
        self.available_minor: int = facts["available_minor"]
        self.currency: str = facts["currency"]


class Unavailable(PrepayError):
    """A part of Prepay does not answer; the same request can be sent again."""


class NotFound(PrepayError):
    """There is no such thing."""

    def __init__(self, what: str, name: str) -> None:
        shown = "".join(character if character.isprintable() else "?" for character in name)
        super().__init__(f"There is no {what} {shown}.")


class FormNotDrawn(PrepayError):
    """The form exists, its PDF does not yet."""

    def __init__(self, number: str, seconds: float) -> None:
        super().__init__(
            f"The form of {number} was not drawn within {seconds:g} s. Ask again later; "
            "`prepay doctor` tells which libraries a machine lacks."
        )


def insufficient(facts: dict[str, Any]) -> str:
    """The words for less money than is asked for."""
    who = f"Customer {facts['customer']} with {facts['entity']}"
    return f"{who} has {_money(facts, 'available')} available, {_money(facts, 'asked')} is asked for."


def owes(facts: dict[str, Any]) -> str:
    """The words for a debt that goes first."""
    return (
        f"Customer {facts['customer']} owes {_money(facts, 'owed')} to {facts['entity']}:"
        " nothing can be spent or refunded before that is repaid."
    )


def more_than_left(facts: dict[str, Any]) -> str:
    """The words for a hold, payment or bill that has less left."""
    wanted = _money(facts, "asked") if facts["asked_minor"] is not None else "nothing"
    return f"{facts['what']} has {_money(facts, 'left')} left, {wanted} is asked for."


def _money(facts: dict[str, Any], what: str) -> Money:
    return Money(amount_minor=facts[f"{what}_minor"], currency=facts["currency"])


_IN_WORDS = {"PB004": owes, "PB007": more_than_left}


def refused_by_the_book(error: psycopg.Error) -> PrepayError | None:
    """The refusal that a posting function's error stands for; None for a fault."""
    state, said = error.sqlstate or "", error.diag
    if state == "23505" and said.constraint_name == "ledger_transfer_key":
        return Refused("The id was used at the same moment for another request: send a new one.")
    return refusal(state, said.message_primary, said.message_detail) if state.startswith("PB") else None


def refusal(state: str, message: str | None, detail: str | None) -> PrepayError:
    """A refusal of the book by its SQLSTATE, with the facts in its detail."""
    facts = loads(detail) if detail else {}
    if state == "PB001" and facts.get("entity") is None and "customer" in facts:
        return NotFound("customer", facts["customer"])
    if state == "PB002":
        return InsufficientBalance(facts)
    words = _IN_WORDS[state](facts) if state in _IN_WORDS else message or ""
    # Services know their orders without the book's prefix.
    return Refused(words.replace("'order:", "'"))
