"""From the gathered fields of a camt entry to an `Entry` with its parts, or to a `Quarantine` that says why not."""

from datetime import date
from functools import lru_cache
from typing import NamedTuple

from bankfiles.camt_fields import Slots
from bankfiles.entry import Batch, Charge, Direction, Entry, Instructed, Part, Quarantine
from bankfiles.identity import Identities, named
from bankfiles.refusals import Unreadable
from prepay.money import MAX_MINOR, AmountRefused, CurrencyRefused, to_decimal, to_minor

MAX_PARTS = 100_000
"""Transactions of one entry; the payment schemes stop a batch at 99,999."""

MAX_REFERENCE = 200
"""Characters of a bank's reference; the standards have 16 to 35, and a database cannot look up thousands."""
MAX_ACCOUNT = 100
"""Characters of an account's number; the standards have 34."""
FIRST_YEAR, LAST_YEAR = 1980, 2079
"""Those that MT940 can say: another one is a mistake or a filler, and money of no day would wait for ever."""

_DIRECTIONS = {"CRDT": Direction.CREDIT, "DBIT": Direction.DEBIT}
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


class Place(NamedTuple):
    """Where an entry stands."""

    ordinal: int
    statement: int
    path: str
    line: int


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


def money_of(slots: Slots, unsaid: str) -> tuple[int, str, Direction, str]:
    """Amount, currency, direction and status: without them nothing of an entry can be used. Raises Unreadable.

    `unsaid` is the status of an entry that has none, where the message leaves no doubt.
    """
    minor, currency = amount("Amt", slots.get("amount", ("", "")))
    way = direction("CdtDbtInd", slots.get("direction"))
    status = slots.get("status", unsaid)
    if not status or len(status) > 35:
        raise Unreadable("Sts", "a status such as BOOK", status)
    return minor, currency, way, status


def head_of(slots: Slots, statement_on: date | None, unsaid: str) -> Head:
    """Raises Unreadable."""
    minor, currency, way, status = money_of(slots, unsaid)
    if minor == 0:
        # A memo of the bank's: it is shown, and is no money.
        status = "INFO"
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


def _amount_in(currency: str, slots: Slots) -> int | None:
    """What a transaction of a batch adds to it, None without an amount in its currency. Raises Unreadable."""
    for element, minor in _amounts_in(currency, slots):
        if minor == 0:
            raise Unreadable(element, "an amount above zero", "0")
        return minor
    return None


def _instructed(slots: Slots) -> Instructed | None:
    """What was ordered, where it can be read: the money is what came."""
    try:
        return Instructed(*amount("InstdAmt/Amt", slots.get("instructed")))
    except Unreadable:
        return None


def _ordered_in(currency: str, slots: Slots) -> int | None:
    """What was ordered, where it is above zero and in this currency."""
    ordered = _instructed(slots)
    return ordered.amount_minor or None if ordered is not None and ordered.currency == currency else None


def _amounts_in(currency: str | None, slots: Slots) -> list[tuple[str, int]]:
    """What a transaction tells in a currency, or in any. Raises Unreadable."""
    names = {
        "amount": "Amt",
        "transaction_amount": "AmtDtls/TxAmt/Amt",
        "counter_value": "AmtDtls/CntrValAmt/Amt",
    }
    read = [(element, *amount(element, slots[slot])) for slot, element in names.items() if slot in slots]
    return [(element, minor) for element, minor, told in read if currency in (None, told)]


def _told_in(currency: str | None, slots: Slots) -> list[tuple[str, int]]:
    """What an only transaction says it is. A zero tells nothing: some banks fill in what newer versions demand."""
    return [(element, minor) for element, minor in _amounts_in(currency, slots) if minor]


def _check_single(head: Head, slots: Slots) -> None:
    """The only transaction of an entry is its whole amount, but for what its charges explain. Raises Unreadable."""
    told = _told_in(head.currency, slots)
    if not told or any(minor == head.amount_minor for _, minor in told):
        return
    charges = sum(charge.amount_minor for charge in charges_of(slots) if charge.currency == head.currency)
    if all(abs(head.amount_minor - minor) != charges for _, minor in told):
        element, minor = told[0]
        expected, found = (
            f"the entry's {_decimal(head.amount_minor, head.currency)}",
            _decimal(minor, head.currency),
        )
        raise Unreadable(f"TxDtls[1]/{element}", expected, found)


def _code_of(slots: Slots) -> str:
    codes = (slots.get("domain"), slots.get("family"), slots.get("sub_family"))
    return "/".join(filter(None, codes)) or str(slots.get("proprietary", ""))


def _decimal(amount_minor: int, currency: str) -> str:
    return f"{to_decimal(amount_minor, currency)} {currency}"


class EntryBuilder:
    """One entry being read. Its transactions come one by one, its own fields before and after them in `slots`."""

    count = 0
    _head: Head | None = None
    _net = 0
    _splits = True
    _ordered = False
    """Some transaction has no amount but the one ordered: they are its details only where they sum to it."""
    _has_money = False
    """Some transaction of a batch of zero is not zero."""
    _fault: Unreadable | None = None

    def __init__(
        self, account: str, statement_on: date | None, identities: Identities, unsaid: str = ""
    ) -> None:
        self._account, self._statement_on, self._identities = account, statement_on, identities
        self._unsaid = unsaid
        self.slots: Slots = {}
        self.parts: list[Part] = []
        self._first: Slots = {}

    def fault(self, reason: Unreadable) -> None:
        """Something of this entry is unreadable; the first reason is told."""
        self._fault = self._fault or reason

    def add(self, slots: Slots) -> None:
        """A transaction of this entry. From the second on, `slots` of the entry must have its head."""
        self.count += 1
        if self.count == 1:
            self._first = slots
            return
        if self._fault:
            return
        try:
            if self.count > MAX_PARTS:
                raise Unreadable("NtryDtls", f"at most {MAX_PARTS} transactions", "more")
            if self._head is None:
                self._head = head_of(self.slots, self._statement_on, self._unsaid)
                self._add_to_batch(1, self._head, self._first)
            self._add_to_batch(self.count, self._head, slots)
        except Unreadable as reason:
            self.fault(reason)

    def _add_to_batch(self, number: int, head: Head, slots: Slots) -> None:
        try:
            self._has_money = self._has_money or (not head.amount_minor and bool(_told_in(None, slots)))
            minor = _amount_in(head.currency, slots)
            if minor is None:
                minor = _ordered_in(head.currency, slots)
                self._ordered = True
            if minor is None:
                self._splits = False
                return
            code = slots.get("direction", "")
            way = direction("CdtDbtInd", code) if code != "" else head.direction
            self.parts.append(self._part(head, slots, (minor, head.currency, way, head.value_on)))
        except Unreadable as reason:
            raise reason.inside(f"TxDtls[{number}]") from None
        self._net += self.parts[-1].signed_minor

    def finish(self, place: Place) -> Entry | Quarantine:
        """The entry, once all of it has been seen."""
        try:
            if self._fault:
                raise self._fault
            head = head_of(self.slots, self._statement_on, self._unsaid)
            if self._head is not None and head != self._head:
                raise Unreadable(
                    "NtryDtls", "the entry's own amount, dates and reference before it", "some after it"
                )
            money = (head.amount_minor, head.currency, head.direction, head.value_on)
            if not head.amount_minor and (self._has_money or self.parts or _told_in(None, self._first)):
                raise Unreadable("Amt", "an amount above zero, as that of its transactions is", "0")
            net = head.signed_minor
            if self._stands_for_several(net) or (self._ordered and self._net != net):
                self._splits = False
            if self.count <= 1 or not self._splits:
                self._single(head, money)
            elif self._net != head.signed_minor:
                expected = f"transactions that sum to {_decimal(head.signed_minor, head.currency)}"
                raise Unreadable("NtryDtls", expected, _decimal(self._net, head.currency))
            return self._entry(head, money, place)
        except Unreadable as reason:
            return self._quarantine(str(reason), place)

    def _stands_for_several(self, signed_minor: int) -> bool:
        """Whether the bank counts more transactions than the one it gives, or than the few that are not the sum."""
        counted: str = self.slots.get("batch_count", "")
        if self.count == 1:
            return counted.lstrip("0") not in ("", "1")
        more = counted.isascii() and counted.isdigit() and len(counted) <= 15 and int(counted) > self.count
        return more and self._net != signed_minor

    def _single(self, head: Head, money: EntryMoney) -> None:
        if self.count > 1:
            # Transactions that do not say what they add to the entry are no details of it: it is a lump sum.
            self._first = {}
            self.parts.clear()
            self._identities.take_back()
        written, slots = self.slots["amount"], self._first
        if "instructed" in self.slots:
            # Some banks say of the entry what was ordered, and not of its only transaction.
            slots = {"instructed": self.slots["instructed"], **slots}
        if slots and slots.get("amount") != written:
            _check_single(head, slots)
        part = self._part(head, slots, money)
        if self.count == 1 and not self._splits and not _told_in(head.currency, slots):
            # One of several that does not say which part of the entry it is: whose the rest is, nobody knows. What it
            # says tells this lump sum from others all the same, and of which batch it is.
            self._first, batch = {}, (part.message_id, part.payment_information_id)
            part = Part(0, *money[:3], part.key, message_id=batch[0], payment_information_id=batch[1])
        self.parts.append(part)

    def _part(self, head: Head, slots: Slots, money: EntryMoney) -> Part:
        get = slots.get
        minor, currency, way, _ = money
        own = bank_reference(slots)
        end_to_end = get("end_to_end_id", "")
        structured, free = tuple(get("structured", ())), tuple(get("free", ()))
        payer_account = account_number(get("payer_account", ""))
        payee_account = named(account_number(get("payee_account", "")))
        key = self._identities.part(
            (own, head.bank_reference),
            money,
            head.booked_on,
            (named(end_to_end), "".join(structured), "".join(free), payer_account),
        )
        sent_on = way is Direction.CREDIT and payee_account != self._account
        return Part(
            len(self.parts),
            minor,
            currency,
            way,
            key,
            own,
            end_to_end,
            get("instruction_id", ""),
            get("transaction_id", ""),
            get("uetr", ""),
            get("message_id", ""),
            get("payment_information_id", ""),
            structured,
            free,
            # NOTPROVIDED names nobody: who paid is unknown.
            named(get("payer_name", "")),
            named(payer_account),
            named(get("payer_bank", "")),
            named(get("ultimate_payer", "")),
            named(get("payee_name", "")),
            payee_account,
            named(get("payee_bank", "")),
            payee_account if sent_on else "",
            charges_of(slots) if "charges" in slots else (),
            _instructed(slots) if "instructed" in slots else None,
            get("return_reason", ""),
            " ".join(get("return_text", ())),
        )

    def _entry(self, head: Head, money: EntryMoney, place: Place) -> Entry:
        slots = self.slots
        get = slots.get
        key, keyed_by = self._identities.entry(head.bank_reference, money)
        counted = get("batch_count") or ("" if self._splits else str(self.count))
        batch = (get("batch_message_id", ""), get("batch_payment_information_id", ""), counted)
        return Entry(
            place.ordinal,
            place.statement,
            place.path,
            place.line,
            key,
            keyed_by,
            self._account,
            *head,
            get("entry_reference", ""),
            # German banks leave the entry's own code empty and give that of its transaction.
            _code_of(slots) or (_code_of(self._first) if self.count == 1 else ""),
            get("note", ""),
            Batch(*batch) if any(batch) else None,
            charges_of(slots) if "charges" in slots else (),
            self.count > 0 and self._splits,
            tuple(self.parts),
        )

    def _quarantine(self, reason: str, place: Place) -> Quarantine:
        self._identities.forget()
        where = (*place, f"{place.path}/{reason}")
        try:
            return Quarantine(*where, *money_of(self.slots, self._unsaid))
        except Unreadable:
            return Quarantine(*where)
