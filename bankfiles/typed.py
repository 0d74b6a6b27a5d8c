"""An entry as people read it in a file, where the reader could not: keyed like one that was read."""

from dataclasses import dataclass
from datetime import date

from bankfiles.entry import Direction, Entry, Part
from bankfiles.identity import Identities, Money


@dataclass(frozen=True, slots=True)
class Typed:
    """What the line says, and where it stands. Text that it does not say is empty."""

    ordinal: int
    statement: int
    path: str
    line: int
    account: str
    amount_minor: int
    currency: str
    direction: Direction
    status: str
    booked_on: date
    value_on: date
    bank_reference: str = ""
    remittance: str = ""
    payer_name: str = ""
    payer_account: str = ""


def typed_entry(typed: Typed) -> Entry:
    """The entry with its one part, counted as the first that is equal to it."""
    money: Money = (typed.amount_minor, typed.currency, typed.direction, typed.value_on)
    identities = Identities(typed.account)
    part = _part(typed, identities, money)
    key, keyed_by = identities.entry(typed.bank_reference, money)
    return Entry(
        typed.ordinal,
        typed.statement,
        typed.path,
        typed.line,
        key,
        keyed_by,
        typed.account,
        typed.amount_minor,
        typed.currency,
        typed.direction,
        typed.status,
        False,
        typed.booked_on,
        typed.value_on,
        typed.bank_reference,
        "",
        "",
        "",
        None,
        (),
        # What says nothing of who paid may be a lump sum, which gives way to its details.
        bool(typed.payer_name or typed.payer_account),
        (part,),
    )


def _part(typed: Typed, identities: Identities, money: Money) -> Part:
    content = ("", "", typed.remittance, typed.payer_account)
    return Part(
        0,
        typed.amount_minor,
        typed.currency,
        typed.direction,
        identities.part((typed.bank_reference,), money, typed.booked_on, content),
        free=(typed.remittance,) if typed.remittance else (),
        payer_name=typed.payer_name,
        payer_account=typed.payer_account,
    )
