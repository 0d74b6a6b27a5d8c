"""What the gathered fields of a camt entry and its transactions say: amounts, days, directions, charges."""

from datetime import date
from functools import lru_cache
from typing import NamedTuple

from bankfiles.camt_fields import Slots
from bankfiles.entry import Charge, Direction, Instructed
from bankfiles.refusals import Unreadable
from prepay.money import MAX_MINOR, AmountRefused, CurrencyRefused, to_decimal, to_minor

MAX_REFERENCE = 200
"""Characters of a bank's reference; the standards have 16 to 35, and a database cannot look up thousands."""
MAX_ACCOUNT = 100
"""Characters of an account's number; the standards have 34."""
FIRST_YEAR, LAST_YEAR = 1980, 2079
"""Those that MT940 can say: another one is a mistake or a filler, and money of no day would wait for ever."""

_DIRECTIONS = {"CRDT": Direction.CREDIT, "DBIT": Direction.DEBIT}
_STATUSES = {status: status for status in ("BOOK", "PDNG", "INFO", "FUTR")} | {
    "BOOKED": "BOOK",
    "PENDING": "PDNG",
}
"""By what is written for them, in capitals."""
_FLAGS = {"true": True, "1": True, "false": False, "0": False}
"""In any case: `True` is what a program makes of it that knows no XML."""


def amount(element: str, raw: tuple[str, str] | None) -> tuple[int, str]:
    """An amount's minor units and currency. Raises Unreadable; never rounds."""
    if raw is None:
        raise Unreadable(element, "one plain amount", "none, several, or elements inside")
    text, currency = raw
    try:
        return to_minor(text, currency), currency
    except CurrencyRefused:
        raise Unreadable(f"{element} Ccy", "an ISO 4217 currency in use", currency) from None
    except AmountRefused:
        expected = f"a plain decimal of {currency}, not rounded and at most {to_decimal(MAX_MINOR, currency)}"
        raise Unreadable(element, expected, text) from None


def direction(element: str, code: str | None) -> Direction:
    found = _DIRECTIONS.get(code or "")
    if found is None:
        raise Unreadable(element, "CRDT or DBIT", code)
    return found


@lru_cache(maxsize=4096)
def day(element: str, text: str) -> date | None:
    """The day of a date or time as the bank wrote it, in the bank's own time zone. Raises Unreadable."""
    if not text:
        return None
    try:
        if len(text) >= 10 and text[4] == text[7] == "-" and text[10:11] in ("", "T", "Z", "+", "-"):
            found = date.fromisoformat(text[:10])
            if FIRST_YEAR <= found.year <= LAST_YEAR:
                return found
    except ValueError:
        pass
    raise Unreadable(element, f"a date such as 2026-11-23, of {FIRST_YEAR} to {LAST_YEAR}", text)


EntryMoney = tuple[int, str, Direction, date]
"""Amount in minor units, currency, direction and value date."""


class Head(NamedTuple):
    """What an entry's parts take over from it, in the order of an `Entry`."""

    amount_minor: int
    currency: str
    direction: Direction
    status: str
    reversal: bool
    booked_on: date
    value_on: date
    bank_reference: str

    @property
    def signed_minor(self) -> int:
        return self.amount_minor if self.direction is Direction.CREDIT else -self.amount_minor


def money_of(slots: Slots) -> tuple[int, str, Direction]:
    """Amount, currency and direction: without them nothing of an entry can be used. Raises Unreadable."""
    minor, currency = amount("Amt", slots.get("amount", ("", "")))
    return minor, currency, direction("CdtDbtInd", slots.get("direction"))


def status_of(slots: Slots, unsaid: str) -> str:
    """Raises Unreadable for one that ISO 20022 does not know: whether that is money that came, nobody can tell.

    `unsaid` is the status of an entry that has none, where the message leaves no doubt.
    """
    said = slots.get("status", unsaid)
    status = _STATUSES.get(said) or _STATUSES.get((said or "").upper())
    if status is None:
        raise Unreadable("Sts", "BOOK, PDNG, INFO or FUTR", said)
    return status


def head_of(slots: Slots, statement_on: date | None, unsaid: str) -> Head:
    """Raises Unreadable."""
    minor, currency, way = money_of(slots)
    # A memo of the bank's of zero: it is shown, and is no money.
    status = status_of(slots, unsaid) if minor else "INFO"
    reversal = _FLAGS.get((slots.get("reversal", "false") or "").lower())
    if reversal is None:
        raise Unreadable("RvslInd", "true or false", slots["reversal"])
    value_on = day("ValDt", slots.get("value", ""))
    booked_on = day("BookgDt", slots.get("booked", "")) or value_on or statement_on
    if booked_on is None:
        raise Unreadable("BookgDt", "a booking or value date, or the day the statement was made", "")
    reference = bank_reference(slots)
    return Head(minor, currency, way, status, reversal, booked_on, value_on or booked_on, reference)


def charges_of(slots: Slots) -> tuple[Charge, ...]:
    """The fees, record by record where the bank gives records. Raises Unreadable."""
    found = []
    for group in slots.get("charges", ()):
        total = [{"amount": group["total"]}] if "total" in group else []
        plain = [group] if "amount" in group else total
        for record in group.get("records", plain):
            minor, currency = amount("Chrgs/Amt", record.get("amount", ("", "")))
            if minor:
                way = direction("Chrgs/CdtDbtInd", record.get("direction", "DBIT"))
                found.append(
                    Charge(minor, currency, way, record.get("included", "").lower() in ("true", "1"))
                )
    return tuple(found)


def account_number(text: str) -> str:
    """An account as it is compared: without spaces, in capitals. Raises Unreadable."""
    number = text.replace(" ", "").upper()
    if len(number) > MAX_ACCOUNT:
        raise Unreadable("account number", f"at most {MAX_ACCOUNT} characters", text)
    return number


def bank_reference(slots: Slots) -> str:
    """Raises Unreadable."""
    text: str = slots.get("bank_reference", "")
    if len(text) > MAX_REFERENCE:
        raise Unreadable("AcctSvcrRef", f"at most {MAX_REFERENCE} characters", text)
    return text


def amount_in(currency: str, slots: Slots) -> int | None:
    """What a transaction of a batch adds to it, None without an amount in its currency. Raises Unreadable."""
    for element, minor in _amounts_in(currency, slots):
        if minor == 0:
            raise Unreadable(element, "an amount above zero", "0")
        return minor
    return None


def instructed(slots: Slots) -> Instructed | None:
    """What was ordered, where it can be read: the money is what came."""
    try:
        return Instructed(*amount("InstdAmt/Amt", slots.get("instructed")))
    except Unreadable:
        return None


def ordered_in(currency: str, slots: Slots) -> int | None:
    """What was ordered, where it is above zero and in this currency."""
    ordered = instructed(slots)
    return ordered.amount_minor or None if ordered is not None and ordered.currency == currency else None


def has_money(slots: Slots) -> bool:
    """Whether a transaction says that any money came or was ordered. Raises Unreadable."""
    ordered = instructed(slots)
    return bool(told_in(None, slots)) or (ordered is not None and ordered.amount_minor > 0)


def _amounts_in(currency: str | None, slots: Slots) -> list[tuple[str, int]]:
    """What a transaction tells in a currency, or in any. Raises Unreadable."""
    names = {
        "amount": "Amt",
        "transaction_amount": "AmtDtls/TxAmt/Amt",
        "counter_value": "AmtDtls/CntrValAmt/Amt",
    }
    read = [(element, *amount(element, slots[slot])) for slot, element in names.items() if slot in slots]
    return [(element, minor) for element, minor, told in read if currency in (None, told)]


def told_in(currency: str | None, slots: Slots) -> list[tuple[str, int]]:
    """What an only transaction says it is. A zero tells nothing: some banks fill in what newer versions demand."""
    return [(element, minor) for element, minor in _amounts_in(currency, slots) if minor]


def check_single(head: Head, slots: Slots, entry_slots: Slots) -> None:
    """The only transaction of an entry is its whole amount, but for what charges explain. Raises Unreadable."""
    told = told_in(head.currency, slots)
    if not told or any(minor == head.amount_minor for _, minor in told):
        return
    if not any(_explained(head, minor, slots, entry_slots) for _, minor in told):
        element, minor = told[0]
        expected, found = (
            f"the entry's {decimal(head.amount_minor, head.currency)}",
            decimal(minor, head.currency),
        )
        raise Unreadable(f"TxDtls[1]/{element}", expected, found)


def _explained(head: Head, minor: int, slots: Slots, entry_slots: Slots) -> bool:
    """Whether charges are the difference, told with the transaction, with the entry, or with both."""
    told_of = (charges_of(slots), charges_of(entry_slots))
    charges = (sum(c.amount_minor for c in some if c.currency == head.currency) for some in told_of)
    return abs(head.amount_minor - minor) in charges


def came_with_others(head: Head, slots: Slots, entry_slots: Slots) -> bool:
    """Whether the only transaction told does not say what it is, and cannot be all that came. Raises Unreadable.

    It was ordered for less, and nothing says why more came; or it takes money away. What leaves the account, or comes
    back to it, may well be more than was ordered: charges are added to it.
    """
    takes_away = slots.get("direction") == "DBIT"
    if head.direction is not Direction.CREDIT or not (takes_away or "instructed" in slots):
        return False
    if head.reversal or "return_reason" in slots or slots.get("amount") == entry_slots["amount"]:
        return False
    if told_in(head.currency, slots):
        return False
    ordered = ordered_in(head.currency, slots)
    less = ordered is not None and ordered < head.amount_minor
    return takes_away or (less and not _explained(head, ordered or 0, slots, entry_slots))


def code_of(slots: Slots) -> str:
    codes = (slots.get("domain"), slots.get("family"), slots.get("sub_family"))
    return "/".join(filter(None, codes)) or str(slots.get("proprietary", ""))


def decimal(amount_minor: int, currency: str) -> str:
    return f"{to_decimal(amount_minor, currency)} {currency}"
