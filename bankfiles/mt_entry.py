"""From a `:61:` with its `:86:` to an `Entry`, or to a `Quarantine` that says why not."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from bankfiles.camt_fields import MAX_TEXT
from bankfiles.camt_values import account_number
from bankfiles.entry import Charge, Direction, Entry, Event, Instructed, Part, Quarantine
from bankfiles.identity import Identities, is_reference
from bankfiles.identity import Money as Facts
from bankfiles.mt_details import read_details, read_supplement
from bankfiles.mt_fields import Line, Money, is_iban, line_details, line_money, match_line, minor
from bankfiles.mt_habits import (
    ACCOUNT,
    BANK,
    BANK_ID,
    BENEFICIARY,
    CHARGES,
    CREDITED,
    CREDITOR,
    CUSTOMER,
    DEBTOR,
    END_TO_END,
    FREE,
    IBAN,
    INSTRUCTED,
    NAME,
    NOTE,
    ORDERING,
    RETURN,
    RETURN_CLAIMED,
    STRUCTURED,
    ULTIMATE,
    Details,
)
from bankfiles.refusals import Unreadable

_AMOUNT_WITH_CURRENCY = re.compile(r"([A-Z]{3}) ?([0-9]+,?[0-9]*)(?![0-9.,])")

_PLAIN = len((FREE, STRUCTURED, NOTE))
"""So many slots has a text in which nothing of a bank's was found."""
_ACCOUNT_FIRST = ("SNSB", "ASNB", "RBRB")
"""Of the banks, in their IBANs, that write the other party's account where others have the reference."""
_MBANK = "1140"
"""Its code in accounts of Poland: it alone names the virtual account in `:86:`."""
_RABO_NUMBER = re.compile(r"(?!0+$)[P0-9][0-9]{9}")
_RETURNS = frozenset({"NRTI", "N593"})
"""Types of `:61:` of what came back: the standard's, and Rabobank's."""
_PAID_TO_US = frozenset({"C", "RC", "EC"})
Party = tuple[str, str, str]
"""Name, account and bank."""
_NOBODY: Party = ("", "", "")


class Raw(NamedTuple):
    """An entry as it stands in the file, and where."""

    ordinal: int
    statement: int
    path: str
    line: int
    lines: Sequence[str]
    """Of the `:61:`."""
    details: Sequence[str]
    """Of its `:86:`."""
    notes: Sequence[str]
    """Of fields of the bank's own behind it."""
    too_long: bool


class EntryReader:
    """Reads the entries of one statement."""

    def __init__(self, account: str, currency: str, status: str, identities: Identities) -> None:
        self._account, self._currency, self._status = account, currency, status
        self._identities = identities
        self._mbank = _MBANK in (account[4:8], account[2:6])
        self._account_first = account[4:8] in _ACCOUNT_FIRST

    def read(self, raws: Sequence[Raw]) -> list[Event]:
        """What the lines say, or why they cannot be read."""
        # All details first: what does one thing many times stays in the processor's cache.
        details = [read_details(raw.details) for raw in raws]
        return [self._read(raw, found) for raw, found in zip(raws, details, strict=True)]

    def _read(self, raw: Raw, details: Details) -> Entry | Quarantine:
        money: Money | None = None
        try:
            found, following = match_line(raw.lines)
            money = line_money(found, self._currency)
            line = line_details(found, following, self._account_first)
            if raw.too_long:
                raise Unreadable("text", f"at most {MAX_TEXT} characters", "more")
            return self._entry(raw, money, line, details)
        except Unreadable as reason:
            return self._quarantine(raw, reason, money)

    def _quarantine(self, raw: Raw, reason: Unreadable, money: Money | None) -> Quarantine:
        where = (raw.ordinal, raw.statement, raw.path, raw.line, f"{raw.path}, line {raw.line}, {reason}")
        if money is None:
            return Quarantine(*where)
        return Quarantine(*where, money.amount_minor, money.currency, money.direction, self._status)

    def _entry(self, raw: Raw, money: Money, line: Line, details: Details) -> Entry:
        if line.text and len(details) == _PLAIN and not details[NOTE]:
            # What it goes on with is the payer's as well, and so no code of a bank.
            free = details[FREE]
            details[FREE] = [line.text + "".join(free[:1]), *free[1:]]
        supplement = read_supplement((*line.supplement, *raw.notes)) if line.supplement or raw.notes else {}
        facts = (money.amount_minor, money.currency, money.direction, line.value_on)
        part = self._part(money, line, details, supplement, facts)
        key, keyed_by = self._identities.entry(line.bank_reference, facts)
        kind = details.get("kind", "")
        return Entry(
            raw.ordinal,
            raw.statement,
            raw.path,
            raw.line,
            key,
            keyed_by,
            self._account,
            money.amount_minor,
            money.currency,
            money.direction,
            # Citi dresses balances as entries of zero: they are shown, and are no money.
            self._status if money.amount_minor else "INFO",
            money.mark in ("RC", "RD"),
            line.booked_on,
            line.value_on,
            line.bank_reference,
            "",
            f"{line.kind}+{kind}" if kind else line.kind,
            "; ".join((*details[NOTE], *supplement.get(NOTE, ()))),
            None,
            (),
            bool(part.payer_name or part.payer_account or part.payee_name or part.payee_account),
            (part,),
        )

    def _part(self, money: Money, line: Line, details: Details, supplement: Details, facts: Facts) -> Part:
        get = details.get
        # What is reversed was paid by, or to, the other one.
        paid_to_us = money.mark in _PAID_TO_US
        side = DEBTOR if paid_to_us else CREDITOR
        other_first = (ORDERING, BENEFICIARY) if paid_to_us else (BENEFICIARY, ORDERING)
        name = get(NAME) or get(side[NAME]) or get(other_first[0]) or get(other_first[1]) or line.name
        other: Party = (name, self._other(line, details, side), get(BANK, "") or get(side[BANK], ""))
        payer, payee = (other, _NOBODY) if paid_to_us else (_NOBODY, other)
        credited = (
            account_number(get(CREDITED, "")) if self._mbank and money.direction is Direction.CREDIT else ""
        )
        end_to_end = get(END_TO_END, "") or supplement.get(END_TO_END, "") or line.reference
        structured, free = tuple(details[STRUCTURED]), tuple(details[FREE])
        key = self._identities.part(
            (line.bank_reference,),
            facts,
            line.booked_on,
            (
                end_to_end if is_reference(end_to_end) else "",
                "".join(structured),
                "".join(free),
                payer[1],
            ),
        )
        charge = _amount(charges) if (charges := get(CHARGES) or supplement.get(CHARGES)) else None
        ordered = get(INSTRUCTED) or supplement.get(INSTRUCTED)
        instructed = _amount(ordered) if ordered else None
        return Part(
            0,
            money.amount_minor,
            money.currency,
            money.direction,
            key,
            "",
            end_to_end,
            "",
            get(BANK_ID, ""),
            "",
            "",
            get(CUSTOMER, ""),
            structured,
            free,
            *payer,
            get(ULTIMATE, ""),
            *payee,
            credited,
            () if charge is None else (Charge(*charge, Direction.DEBIT, True),),
            None if instructed is None else Instructed(*instructed),
            get(RETURN, "") or (get(RETURN_CLAIMED, "") if line.kind in _RETURNS else ""),
        )

    def _other(self, line: Line, details: Details, side: dict[str, str]) -> str:
        """The other party's account."""
        get = details.get
        # Rabobank writes it into the second line of the `:61:`, before SEPA as a number, and zeros for none. What
        # looks like one in its `:86:` a payer wrote into the reference with which that begins.
        rabobank = "RABO" in self._account if line.accounts else False
        told = "" if rabobank else get(IBAN, "") or get(ACCOUNT, "") or get(side[ACCOUNT], "")
        number = account_number(told)
        for text in () if number else line.accounts:
            if is_iban(text.replace(" ", "")) or (
                rabobank and not line.reference and _RABO_NUMBER.fullmatch(text)
            ):
                number = account_number(text)
                break
        # Triodos writes the account's own number there.
        return "" if number == self._account or self._account.endswith(f"/{number}") else number


def _amount(text: str) -> tuple[int, str] | None:
    """Minor units and currency of what a bank tells for information, where they can be read."""
    found = _AMOUNT_WITH_CURRENCY.match(text)
    if found is None:
        return None
    try:
        return minor("amount", found[2], found[1]), found[1]
    except Unreadable:
        return None
