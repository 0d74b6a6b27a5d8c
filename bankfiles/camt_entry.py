"""From the gathered fields of a camt entry to an `Entry` with its parts, or to a `Quarantine` that says why not."""

from datetime import date
from typing import NamedTuple

from bankfiles.camt_fields import Slots
from bankfiles.camt_values import (
    EntryMoney,
    Head,
    account_number,
    amount_in,
    bank_reference,
    came_with_others,
    charges_of,
    check_single,
    code_of,
    decimal,
    direction,
    has_money,
    head_of,
    instructed,
    money_of,
    ordered_in,
    status_of,
    told_in,
)
from bankfiles.entry import Batch, Direction, Entry, Part, Quarantine
from bankfiles.identity import Identities, named
from bankfiles.refusals import Unreadable

MAX_PARTS = 100_000
"""Transactions of one entry; the payment schemes stop a batch at 99,999."""


MAX_STATUS = 35
"""Characters of a status; the standard's have four, a bank's own at most so many."""


class Place(NamedTuple):
    """Where an entry stands."""

    ordinal: int
    statement: int
    path: str
    line: int


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
            self._has_money = self._has_money or (not head.amount_minor and has_money(slots))
            minor = amount_in(head.currency, slots)
            if minor is None:
                minor = ordered_in(head.currency, slots)
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
            if not head.amount_minor and (self._has_money or self.parts or has_money(self._first)):
                raise Unreadable("Amt", "an amount above zero, as that of its transactions is", "0")
            net = head.signed_minor
            if self._stands_for_several(head) or (self._ordered and self._net != net):
                self._splits = False
            if self.count <= 1 or not self._splits:
                self._single(head, money)
            elif self._net != head.signed_minor:
                expected = f"transactions that sum to {decimal(head.signed_minor, head.currency)}"
                raise Unreadable("NtryDtls", expected, decimal(self._net, head.currency))
            return self._entry(head, money, place)
        except Unreadable as reason:
            return self._quarantine(str(reason), place)

    def _stands_for_several(self, head: Head) -> bool:
        """Whether the bank counts more transactions than the one it gives, or than the few that are not the sum.

        Where it does not count them, the only one is one of several if more came than was ordered.
        """
        counted: str = self.slots.get("batch_count", "")
        if self.count == 1:
            counted = counted.lstrip("0")
            return counted != "1" if counted else came_with_others(head, self._first, self.slots)
        more = counted.isascii() and counted.isdigit() and len(counted) <= 15 and int(counted) > self.count
        return more and self._net != head.signed_minor

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
            check_single(head, slots, self.slots)
        part = self._part(head, slots, money)
        if self.count == 1 and not self._splits and not told_in(head.currency, slots):
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
            instructed(slots) if "instructed" in slots else None,
            get("return_reason", ""),
            " ".join(get("return_text", ())),
        )

    def _entry(self, head: Head, money: EntryMoney, place: Place) -> Entry:
        slots = self.slots
        get = slots.get
        key, keyed_by = self._identities.entry(head.bank_reference, money)
        counted = get("batch_count", "")
        if self.count and not self._splits and counted.lstrip("0") in ("", "1"):
            # Where the bank does not say how many, or says what it does not mean: what it gives, and at least two.
            counted = str(max(self.count, 2))
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
            code_of(slots) or (code_of(self._first) if self.count == 1 else ""),
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
            return Quarantine(*where, *money_of(self.slots), self._written_status())
        except Unreadable:
            return Quarantine(*where)

    def _written_status(self) -> str:
        try:
            return status_of(self.slots, self._unsaid)
        except Unreadable:
            # The balances of a statement tell that the entry is not booked; of others, people have to.
            written = self.slots.get("status") or ""
            return written if self._unsaid and len(written) <= MAX_STATUS else ""
