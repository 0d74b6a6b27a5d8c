"""What every reader of bank files yields: statements, their entries with the parts of those, and what was unreadable.

Text that the bank did not give is empty, never None. Amounts are positive minor units with a direction.
"""

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import NamedTuple


class Format(StrEnum):
    """The formats that are read, by what is inside a file."""

    CAMT_052 = "camt.052"
    CAMT_053 = "camt.053"
    CAMT_054 = "camt.054"
    MT940 = "mt940"
    MT942 = "mt942"
    BAI2 = "bai2"
    PAIN_002 = "pain.002"
    PACS_004 = "pacs.004"


class Direction(StrEnum):
    """Whether money came to the account or left it."""

    CREDIT = "credit"
    DEBIT = "debit"


@dataclass(frozen=True, slots=True)
class Balance:
    """A balance the bank states; overdrawn is negative."""

    code: str
    """OPBD opening booked, CLBD closing booked, PRCD previous closing, ITBD interim booked, and others."""
    amount_minor: int
    currency: str
    on: date | None


@dataclass(frozen=True, slots=True)
class Summary:
    """A total the bank states of a statement's entries, for checking."""

    element: str
    """Which total: TtlNtries, TtlCdtNtries, TtlDbtNtries; of BAI2 the type code, 100 or 400."""
    count: int | None
    sum_minor: int | None
    net_minor: int | None = None
    floor_minor: int = 0
    """Entries below it the bank counts and does not list (MT942)."""


@dataclass(frozen=True, slots=True)
class Statement:
    """The head of a statement, report or notification about one account."""

    position: int
    """Which statement of the file it is, from 0."""
    format: Format
    version: str
    """As the file names it, such as `camt.054.001.08`; empty when it does not, and where the format is the version."""
    message_id: str
    statement_id: str
    account: str
    """IBAN without spaces, or the bank's own account number."""
    currency: str
    sequence: str
    page: int
    last_page: bool
    copy: str
    """COPY, CODU or DUPL when the bank marks the statement as a copy."""
    created_on: date | None
    related_account: str
    line: int
    balances: tuple[Balance, ...] = ()
    summaries: tuple[Summary, ...] = ()
    interim: bool = False
    """A BAI2 report of a day that is not over: its balances are not yet those of a statement."""

    @property
    def path(self) -> str:
        return f"{_STATEMENT_ELEMENT[self.format]}[{self.position + 1}]"

    @property
    def paged(self) -> bool:
        """Whether it is one page of a statement that has more."""
        return self.page > 1 or not self.last_page

    @property
    def opening(self) -> Balance | None:
        """The booked balance before the entries, in the account's currency where it has several."""
        return self.opening_in(self._main_currency)

    @property
    def closing(self) -> Balance | None:
        """The booked balance after the entries, in the account's currency where it has several."""
        return self.closing_in(self._main_currency)

    def opening_in(self, currency: str) -> Balance | None:
        return self._balance(currency, ("OPBD", "PRCD", "ITBD"), first=True)

    def closing_in(self, currency: str) -> Balance | None:
        return self._balance(currency, ("CLBD", "ITBD"), first=False)

    def available_moved(self, currency: str) -> int | None:
        """By how much what is available changed, of a statement that states nothing else in that currency."""
        if any(self._balance(currency, (code,), first=True) for code in ("OPBD", "PRCD", "CLBD", "ITBD")):
            return None
        before = self._balance(currency, ("OPAV",), first=True)
        after = self._balance(currency, ("CLAV",), first=False)
        return None if before is None or after is None else after.amount_minor - before.amount_minor

    @property
    def _main_currency(self) -> str:
        return self.currency or (self.balances[0].currency if self.balances else "")

    def _balance(self, currency: str, codes: tuple[str, ...], *, first: bool) -> Balance | None:
        for code in codes:
            found = [b for b in self.balances if b.code == code and b.currency == currency]
            if found:
                return found[0 if first else -1]
        return None


_STATEMENT_ELEMENT = {
    Format.CAMT_052: "Rpt",
    Format.CAMT_053: "Stmt",
    Format.CAMT_054: "Ntfctn",
    Format.MT940: "MT940",
    Format.MT942: "MT942",
    Format.BAI2: "03",
}


@dataclass(frozen=True, slots=True)
class Charge:
    """A fee the bank took; `included` when the amount of the entry is already without it."""

    amount_minor: int
    currency: str
    direction: Direction
    included: bool


@dataclass(frozen=True, slots=True)
class Instructed:
    """The amount that the payer ordered, where it differs by currency or charges from what came."""

    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class Batch:
    """What the bank says about a lump sum."""

    message_id: str
    payment_information_id: str
    count: str


# Entries and parts come by the million: a named tuple is as immutable as a frozen dataclass and made four times faster.
class Part(NamedTuple):
    """A transaction of an entry; an entry without details has one that is the entry itself."""

    position: int
    amount_minor: int
    currency: str
    direction: Direction
    key: str
    """Identity of this money (see `identity`)."""
    bank_reference: str = ""
    end_to_end_id: str = ""
    instruction_id: str = ""
    transaction_id: str = ""
    uetr: str = ""
    message_id: str = ""
    payment_information_id: str = ""
    structured: tuple[str, ...] = ()
    free: tuple[str, ...] = ()
    payer_name: str = ""
    payer_account: str = ""
    payer_bank: str = ""
    ultimate_payer: str = ""
    payee_name: str = ""
    payee_account: str = ""
    payee_bank: str = ""
    credited_account: str = ""
    """The virtual account that a credit was sent to: the payee's, where it is not the statement's own account."""
    charges: tuple[Charge, ...] = ()
    instructed: Instructed | None = None
    return_reason: str = ""
    return_text: str = ""

    @property
    def signed_minor(self) -> int:
        return self.amount_minor if self.direction is Direction.CREDIT else -self.amount_minor


class Entry(NamedTuple):
    """One booking line of an account; its parts, signed, sum to it."""

    ordinal: int
    """Which entry of the file it is, from 0, unreadable ones counted."""
    statement: int
    """Position of its statement."""
    path: str
    line: int
    key: str
    keyed_by: str
    """`reference` when the bank's reference identifies it, else `content`."""
    account: str
    amount_minor: int
    currency: str
    direction: Direction
    status: str
    """BOOK, PDNG, INFO or FUTR."""
    reversal: bool
    booked_on: date
    """The bank's booking date; else the value date; else the day the statement was made."""
    value_on: date
    """The bank's value date, else the booking date."""
    bank_reference: str
    entry_reference: str
    transaction_code: str
    note: str
    batch: Batch | None
    charges: tuple[Charge, ...]
    detailed: bool
    """False when the bank gave no transactions, or none that can be added up: a lump sum, or a plain entry."""
    parts: tuple[Part, ...]

    @property
    def booked(self) -> bool:
        """Only booked entries post; the others are shown."""
        return self.status == "BOOK"

    @property
    def lump(self) -> bool:
        """Whether it is several transactions, and the bank does not tell them apart."""
        return not self.detailed and self.batch is not None and self.batch.count.lstrip("0") not in ("", "1")

    @property
    def signed_minor(self) -> int:
        return self.amount_minor if self.direction is Direction.CREDIT else -self.amount_minor


@dataclass(frozen=True, slots=True)
class Quarantine:
    """An entry that could not be read, with what is known of it; a person decides."""

    ordinal: int
    statement: int
    path: str
    line: int
    reason: str
    amount_minor: int | None = None
    currency: str = ""
    direction: Direction | None = None
    status: str = ""

    @property
    def counts(self) -> bool:
        """Whether its money is known, so that it can be summed although it is unreadable; zero goes no way."""
        return self.amount_minor == 0 or (self.amount_minor is not None and self.direction is not None)

    @property
    def known(self) -> bool:
        """Whether it is also known if that is booked, so that sums can be checked."""
        return self.counts and self.status != ""


@dataclass(frozen=True, slots=True)
class StatementEnd:
    """A statement has been read to its end: complete now, balances that follow the entries included."""

    statement: Statement
    problems: tuple[str, ...] = field(default=())
    """What is wrong with the statement's own head, each a sentence."""


Event = Statement | Entry | Quarantine | StatementEnd
