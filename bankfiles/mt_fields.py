"""The fields of MT940 and MT942 with money in them: amounts, dates, balances, sums, and the statement line `:61:`."""

import re
from collections.abc import Sequence
from datetime import date
from functools import cache, lru_cache
from typing import NamedTuple

from bankfiles.entry import Balance, Direction
from bankfiles.identity import is_reference
from bankfiles.refusals import Unreadable
from prepay.money import MAX_MINOR, AmountRefused, CurrencyRefused, to_decimal, to_minor

MAX_SEQUENCE = 35
MIN_IBAN = 15
"""Characters; Norway's."""
FAR = 92
"""Days between booking and value: more apart, a date that stands where none should is none."""
MAX_CUSTOMER_REFERENCE = 16
MAX_REFERENCES = 200
"""Characters behind the transaction type; the standard has 34."""

_BALANCE = re.compile(r"([CD])([0-9]{6})([A-Z]{3})([0-9.,]{1,52})")
_BALANCE_CURRENCY = re.compile(r"[CD][0-9]{6}([A-Z]{3})")
# Some banks leave out the number where it is zero.
_SUM = re.compile(r"([0-9]{1,9}|(?=[A-Z]{3}[0.,]+\Z))([A-Z]{3})([0-9.,]{1,52})")
_FLOOR = re.compile(r"([A-Z]{3}) ?([CD ]?)([0-9.,]{0,52})")
_NUMBER = re.compile(r"0*([0-9]{0,9})(?:/0*([0-9]{1,5}))?")
_IBAN = re.compile(r"([A-Z]{2})[0-9]{2}[A-Z0-9]{11,30}")

_DATES = r"(?P<value>[0-9]{6})(?P<entry>[0-9]{4}|    )?"
# The standard's types begin with N, F or S; banks have others. Those are none where an amount goes on behind them.
_TYPE = r"[NFS][A-Za-z0-9]{2}[A-Za-z0-9 ]|[A-Z][A-Za-z0-9 ]{3}(?![0-9]*[.,][0-9])"
_MONEY = (
    r"(?P<mark>[RrEe]?[CcDd])[A-Za-z]? ?(?P<amount>(?=[.,]?[0-9])[0-9.]*(?:,[0-9]*)?) ?"
    rf"(?:(?!NONREF)(?P<type>{_TYPE})|(?=NONREF|//))(?P<rest>.*)"
)
"""Some banks leave the type out: then what follows the amount are the references."""
_LINE = re.compile(_DATES + _MONEY)
# So that the money of a line is known although its dates are unreadable.
_LOOSE = re.compile(r"(?P<value>[^,]{6}?)(?P<entry>[^,]{0,6}?)" + _MONEY)

_REFERENCES = re.compile(r"(.*)(?<!/)//(?!(?:OCMT|CHGS|TRCD|IACC|EXCH)/)(.*)")
"""The last two slashes: a payer's reference may hold others, and a bank's holds none."""
_TOLD = re.compile(r"/(?=/?(?:OCMT|CHGS)/)")
_REFERENCE = re.compile(r"//(?!(?:OCMT|CHGS)/)")
"""What begins code words that a bank puts into the line of the references; they have the next one."""

_CUT_AFTER = 9
_NAME_AND_KIND = re.compile(rf"(.{{18}}) {{4}}(?:BGC|FPI|FPO|TFR| DD| SO)(.{{0,{_CUT_AFTER}}})")
"""What Lloyds and Bank of Scotland write into the next line: the other party, and how the text of `:86:` begins."""
_REFERENCE_AND_WORDS = re.compile(r"([^/].{0,15}?)(/(?:TRCD|IACC|OCMT|CHGS|EXCH)/.*)")
"""ING and BIL write code words, which belong into the next line, behind the bank's reference. Other letters between
slashes are of the reference: without them, those of two payments would be one."""
_POINTERS = frozenset({"EREF", "KREF", "MREF", "MARF", "PREF", "CREF", "RREF"})
"""What banks write where the reference stands in `:86:`."""


def minor(element: str, text: str, currency: str) -> int:
    """An amount's minor units, the comma before the decimals. Raises Unreadable; never rounds."""
    whole, comma, fraction = text.partition(",")
    if "." in text:
        # With one or two digits behind it, a full stop parts the decimals; else it may part the thousands.
        whole, _, fraction = text.partition(".")
        if comma or len(fraction) not in (1, 2):
            whole = fraction = ""
    try:
        return to_minor(f"{whole or '0'}.{fraction}" if fraction else whole, currency)
    except CurrencyRefused:
        raise Unreadable("currency", "an ISO 4217 currency in use", currency) from None
    except AmountRefused:
        largest = to_decimal(MAX_MINOR, currency)
        expected = f"an amount of {currency} such as 1000,00, not rounded and at most {largest}"
        raise Unreadable(element, expected, text) from None


@lru_cache(maxsize=4096)
def day(element: str, text: str) -> date:
    """A day written YYMMDD, of 1980 to 2079. Raises Unreadable."""
    try:
        if len(text) == 6 and text.isascii() and text.isdigit():
            year = int(text[:2])
            return _day(year + (1900 if year > 79 else 2000), int(text[2:4]), int(text[4:]))
    except ValueError:
        pass
    raise Unreadable(element, "a day written YYMMDD", text)


def _day(year: int, month: int, number: int) -> date:
    # Interest of 30 days a month gives banks a 30 February: its last day.
    if month == 2 and number in (29, 30):
        return date(year, 3, 1) - date.resolution
    return date(year, month, number)


@lru_cache(maxsize=4096)
def entry_day(text: str, value_on: date) -> date:
    """The booking day, written MMDD, of the year that brings it nearest to the value date; or YYMMDD.

    Raises Unreadable.
    """
    try:
        if len(text) == 4 and text.isascii() and text.isdigit():
            days = [_day(value_on.year + years, int(text[:2]), int(text[2:])) for years in (-1, 0, 1)]
            return min(days, key=lambda on: abs(on - value_on))
        # Some programs write the year as well.
        if len(text) == 6 and abs((on := day("entry date", text)) - value_on).days <= FAR:
            return on
    except (ValueError, Unreadable):
        pass
    raise Unreadable("entry date", "a day written MMDD, or none", text)


def balance(code: str, text: str) -> Balance:
    """A balance such as C261123EUR1000,00. Raises Unreadable."""
    found = _BALANCE.fullmatch(text)
    if found is None:
        raise Unreadable("balance", "a balance such as C261123EUR1000,00", text)
    amount = minor("balance", found[4], found[3])
    try:
        on = day("balance", found[2])
    except Unreadable:
        on = None
    return Balance(code, amount if found[1] == "C" else -amount, found[3], on)


def balance_currency(text: str) -> str:
    """The currency of a balance whose amount or date may be unreadable; empty when there is none."""
    found = _BALANCE_CURRENCY.match(text)
    return found[1] if found is not None else ""


def entries_sum(text: str) -> tuple[int, str, int]:
    """Number, currency and sum of entries such as 12EUR1000,00, or of none EUR0,00. Raises Unreadable."""
    found = _SUM.fullmatch(text)
    if found is None:
        raise Unreadable("sum", "a number and a sum such as 12EUR1000,00", text)
    return int(found[1] or 0), found[2], minor("sum", found[3], found[2])


def floor_limit(text: str) -> tuple[str, str, int]:
    """Currency, mark (C, D, or none for both) and amount below which entries are not listed. Raises Unreadable."""
    found = _FLOOR.fullmatch(text)
    if found is None:
        raise Unreadable("floor limit", "a currency and an amount such as EUR0,", text)
    return found[1], found[2].strip(), minor("floor limit", found[3].strip(",") or "0", found[1])


def statement_number(text: str) -> tuple[str, int]:
    """Number and page of a statement; a bank that numbers all by zero, or by nothing, numbers none."""
    found = _NUMBER.fullmatch(text)
    if found is None:
        return text[:MAX_SEQUENCE], 1
    return found[1].lstrip("0"), max(int(found[2] or 1), 1)


@lru_cache(maxsize=1024)
def account(text: str, currency: str) -> str:
    """An account as it is compared: an IBAN alone, else as the bank writes it, without spaces and currency.

    `PL61…`, `/PL61…`, `NL91…EUR`, `FR14…/EUR`, `BANKNL2A/NL91…`; `37040044/0532013000EUR`.
    """
    plain = text.replace(" ", "").upper().lstrip("/")
    if currency:
        plain = plain.removesuffix(f"/{currency}")
    for part in (plain, plain.rpartition("/")[2]):
        # What stands behind it is a currency; digits would be another account.
        for candidate in (part, part[:-3] if part[-3:].isalpha() else ""):
            if is_iban(candidate):
                return candidate
    number = plain.removesuffix(currency) if currency else plain
    return number if number[-1:].isdigit() else plain


def is_iban(text: str) -> bool:
    """Whether the text has the shape of an IBAN: its country's length. The check digits are the bank's business."""
    if len(text) < MIN_IBAN:
        return False
    found = _IBAN.fullmatch(text)
    return found is not None and len(text) == _iban_length(found[1])


@cache
def _iban_length(country: str) -> int:
    # Imported here: the package reads its tables when it is imported.
    from stdnum import numdb

    structure = numdb.get("iban").info(f"{country}00")[0][1].get("bban", "")
    return 4 + sum(int(number) for number in re.findall(r"([0-9]+)!", structure))


class Line(NamedTuple):
    """What stands in a `:61:`."""

    value_on: date
    booked_on: date
    kind: str
    """The transaction type, such as NTRF; empty where the bank has none."""
    reference: str
    """For the account owner (sub-field 7); empty where the bank points to `:86:` or has none."""
    bank_reference: str
    supplement: tuple[str, ...]
    """What follows: sub-field 9, and what is too long for the reference."""
    accounts: tuple[str, ...]
    """Where the bank may have written the other party's."""
    name: str
    """Of the other party, where the bank writes it into the next line."""
    text: str = ""
    """What the text in `:86:` begins with."""


class Money(NamedTuple):
    """Of a `:61:`: known before all else of it."""

    amount_minor: int
    currency: str
    direction: Direction
    mark: str
    """C, D, RC (reversal of a credit: a debit), RD (a credit), EC or ED (expected)."""


_DIRECTIONS = dict.fromkeys(("C", "RD", "EC"), Direction.CREDIT) | dict.fromkeys(
    ("D", "RC", "ED"), Direction.DEBIT
)


def match_line(lines: Sequence[str]) -> tuple[re.Match[str], Sequence[str]]:
    """The parts of a `:61:` and the lines behind them. Raises Unreadable."""
    first = lines[0]
    found = _LINE.fullmatch(first)
    if found is None and len(lines) > 1:
        found = _LINE.fullmatch(first + lines[1])
        if found is not None:
            return found, lines[2:]
    found = found or _LOOSE.fullmatch(first)
    if found is None:
        expected = "a value date, C or D, an amount and a type such as 2611231123C100,00NTRFNONREF"
        raise Unreadable("statement line", expected, first)
    return found, lines[1:]


def line_money(found: re.Match[str], currency: str) -> Money:
    """Raises Unreadable."""
    if not currency:
        raise Unreadable(
            "currency", "an opening balance or floor limit before it that tells the currency", ""
        )
    mark, amount = found.group("mark", "amount")
    mark = mark.upper()
    return Money(minor("amount", amount, currency), currency, _DIRECTIONS[mark], mark)


def line_details(found: re.Match[str], following: Sequence[str], account_first: bool = False) -> Line:
    """`account_first`: the bank is known to write the other party's account for the reference. Raises Unreadable."""
    value, entry, kind, rest = found.group("value", "entry", "type", "rest")
    value_on = day("value date", value)
    booked_on = entry_day(entry, value_on) if entry and not entry.isspace() else value_on
    if len(rest) > MAX_REFERENCES:
        raise Unreadable("references", f"at most {MAX_REFERENCES} characters", rest)
    told = ""
    if "/OCMT/" in rest or "/CHGS/" in rest:
        before, words = _TOLD.split(rest, 1)
        # Behind what a payer wrote, the bank's reference comes yet.
        if _REFERENCE.search(words.lstrip("/")) is None:
            rest, told = before, words
    parted = _REFERENCES.fullmatch(rest) if "//" in rest else None
    reference, bank_reference = parted.groups() if parted is not None else (rest, "")
    # Rabobank fills the reference up to its 16 characters and puts the other party's name behind.
    reference, _, beyond = reference.strip().partition("  ")
    supplement = [beyond.strip()] if beyond else []
    if told:
        supplement.append(f"/{told.lstrip('/')}")
    if "/" in bank_reference and (words := _REFERENCE_AND_WORDS.fullmatch(bank_reference)):
        bank_reference = words[1]
        supplement.append(words[2])
    name = begin = ""
    # Others do so as well; what has the length of a reference may be a payer's, an IBAN of Belgium or Norway.
    account_first = is_iban(reference) and (account_first or len(reference) > MAX_CUSTOMER_REFERENCE)
    behind: list[str] = []
    for at, text in enumerate(following):
        if (party := _NAME_AND_KIND.fullmatch(text)) is not None:
            name = party[1].strip()
            begin = party[2] if len(party[2]) == _CUT_AFTER else ""
        if at == 0 and parted is None and not account_first and text.startswith("//"):
            bank_reference = text[2:]
        elif text := text.strip():
            behind.append(text)
    if len(bank_reference) > MAX_REFERENCES:
        raise Unreadable("bank reference", f"at most {MAX_REFERENCES} characters", bank_reference)
    if account_first:
        # The name stands in the next line.
        name = behind.pop(0) if behind else ""
        behind.append(reference)
        reference = ""
    if reference.rstrip("+") in _POINTERS or not is_reference(reference):
        reference = ""
    kind, bank_reference = (kind or "").strip(), bank_reference.strip()
    supplement += behind
    return Line(
        value_on, booked_on, kind, reference, bank_reference, tuple(supplement), tuple(behind), name, begin
    )
