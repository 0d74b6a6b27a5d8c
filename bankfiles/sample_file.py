"""Makes a bank file of any size and format from a seed, and tells the truth about it: for benches and for people.

The same seed, account, currency and day are the same money in every format, with the same references of the bank.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from random import Random
from typing import Any, BinaryIO, TextIO

from bankfiles.checks import Totals
from bankfiles.entry import Format
from bankfiles.sample import Payment, Sheet, write_camt
from bankfiles.sample_bai2 import write_bai2
from bankfiles.sample_mt import write_mt940
from prepay.ids import grouped, payment_reference
from prepay.money import digits

Writer = Callable[[BinaryIO, Iterable[Sheet]], None]
WRITERS: dict[str, Writer] = {
    Format.CAMT_052: partial(write_camt, format=Format.CAMT_052),
    Format.CAMT_053: partial(write_camt, format=Format.CAMT_053),
    Format.CAMT_054: partial(write_camt, format=Format.CAMT_054),
    Format.MT940: write_mt940,
    Format.MT942: partial(write_mt940, interim=True),
    Format.BAI2: write_bai2,
}

MAX_REFERENCE = 35
"""Characters of a reference: an ISO 11649 reference has 25, and no format has room for more than these."""
FIRST_DAY, LAST_DAY = date(1981, 1, 1), date(2079, 12, 31)
"""MT940 and BAI2 write a year in two digits."""
_MAX_AMOUNT = 1_000_000
_PAYERS = (
    ("ACME GmbH", "DE02120300000000202051", "BYLADEM1001"),
    ("Globex SARL", "FR1420041010050500013M02606", "PSSTFRPPXXX"),
    ("Initech BV", "NL91ABNA0417164300", "ABNANL2A"),
)


class UnknownFormat(ValueError):
    """Nothing writes it."""

    def __init__(self, format: str) -> None:
        super().__init__(f"There is no format {format[:40]!r} to write; there are {', '.join(WRITERS)}")


class BadReference(ValueError):
    """It fits into no bank file."""

    def __init__(self, reference: str) -> None:
        super().__init__(
            f"{reference[:40]!r} is no payment reference: expected 1 to {MAX_REFERENCE} printable characters"
        )


class BadDay(ValueError):
    """Not every format can say it."""

    def __init__(self, on: date) -> None:
        super().__init__(f"The day {on} is refused: expected one from {FIRST_DAY} to {LAST_DAY}")


class NoAccount(ValueError):
    """Nobody could read the file."""

    def __init__(self) -> None:
        super().__init__("The account is empty: expected an IBAN or a number")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a file shall hold. Raises UnknownFormat, BadReference, BadDay, NoAccount or CurrencyRefused."""

    format: str
    account: str
    currency: str
    entries: int
    seed: int
    on: date
    references: Sequence[str] = ()
    """Used in turn; without any, each payment has a random valid one of its own."""
    debits: int = 0
    """How many of 100 entries are debits."""

    @property
    def status(self) -> str:
        """MT942 tells of money that is not booked yet."""
        return "PDNG" if self.format == Format.MT942 else "BOOK"

    def __post_init__(self) -> None:
        if self.format not in WRITERS:
            raise UnknownFormat(self.format)
        digits(self.currency)
        if not FIRST_DAY <= self.on <= LAST_DAY:
            raise BadDay(self.on)
        if not self.account.strip():
            raise NoAccount
        for reference in self.references:
            if not (reference.strip() and reference.isprintable() and len(reference) <= MAX_REFERENCE):
                raise BadReference(reference)


def write_sample(wanted: Wanted, name: str, target: BinaryIO, truth: TextIO) -> dict[str, Any]:
    """Write the file, and beside it the truth as JSON, entry by entry. Returns the truth without its entries."""
    head = _truth(wanted, name)
    sheet = Sheet(
        wanted.account,
        wanted.currency,
        _telling(wanted, truth),
        f"SAMPLE-{wanted.seed}",
        closing_minor=head["closing_minor"],
        created_on=wanted.on,
    )
    truth.write(json.dumps(head, ensure_ascii=False)[:-1] + ', "payments": [')
    WRITERS[wanted.format](target, [sheet])
    truth.write("\n]}\n")
    return head


def _truth(wanted: Wanted, name: str) -> dict[str, Any]:
    # The balances stand before the entries: they are added up in a run of their own.
    sums = Totals()
    for _, payment in payments(wanted):
        if payment.amount_minor > 0:
            sums.credit_minor += payment.amount_minor
        else:
            sums.debit_minor -= payment.amount_minor
    return {
        "file": name,
        "format": wanted.format,
        "seed": wanted.seed,
        "account": wanted.account,
        "currency": wanted.currency,
        "statements": 1,
        "entries": wanted.entries,
        "opening_minor": 0,
        "closing_minor": sums.credit_minor - sums.debit_minor,
        "totals": {
            wanted.currency: {
                "credit_minor": sums.credit_minor,
                "debit_minor": sums.debit_minor,
                "booked_credit_minor": sums.credit_minor if wanted.status == "BOOK" else 0,
            }
        },
    }


def _telling(wanted: Wanted, truth: TextIO) -> Iterator[Payment]:
    before = "\n"
    for reference, payment in payments(wanted):
        told = {
            "bank_reference": payment.bank_reference,
            "amount_minor": payment.amount_minor,
            "reference": reference,
        }
        truth.write(before + json.dumps(told, ensure_ascii=False))
        before = ",\n"
        yield payment


def payments(wanted: Wanted) -> Iterator[tuple[str, Payment]]:
    """Each payment with the reference that it pays, if it is a credit."""
    # Of the generator's methods only this one gives the same numbers in every version of Python.
    random = Random(wanted.seed).random
    for number in range(wanted.entries):
        minor = 1 + int(random() * _MAX_AMOUNT)
        name, account, bank = _PAYERS[int(random() * len(_PAYERS))]
        by_chance, style, debit = random(), random(), random() * 100 < wanted.debits
        reference = ""
        if not debit and wanted.references:
            reference = wanted.references[number % len(wanted.references)]
        elif not debit:
            reference = payment_reference(int(by_chance * 10**11))
        structured, free = ("", ("account fee",)) if debit else _remittance(reference, style)
        yield (
            reference,
            Payment(
                -minor if debit else minor,
                f"S{wanted.seed}N{number}",
                structured,
                free,
                payer_name=name,
                payer_account=account,
                payer_bank=bank,
                status=wanted.status,
                booked_on=wanted.on,
            ),
        )


def _remittance(reference: str, style: float) -> tuple[str, tuple[str, ...]]:
    """The reference as payers write it: half in its own field, the others in the text."""
    if style < 0.5:
        return reference, ()
    if style < 0.7:
        return "", (f"payment {reference} thank you",)
    if style < 0.8:
        return "", (grouped(reference),)
    if style < 0.9:
        return "", (reference.lower(),)
    half = len(reference) // 2
    return "", (f"prepayment for our orders {reference[:half]}", reference[half:])
