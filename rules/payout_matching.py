"""Which payouts a booked entry settles, and which came back with it: by what the bank quotes of ours."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

MOST_FEE = 2
"""A fee of more than a half is no fee: a person looks."""


class PartFacts(NamedTuple):
    """A booked part that names a payout of ours, or a payment file."""

    part: int
    direction: str
    amount_minor: int
    reversal: bool
    return_reason: str
    received: bool
    """The book has its money as a receipt already."""
    may_wait: bool
    """It is told in detail, so that nothing takes its place later."""
    booked_on: date
    account: str
    payouts: tuple[int, ...]
    """The one that it names, or all of the file that it names."""
    batch: bool


class PayoutFacts(NamedTuple):
    """A payout that is in a file."""

    payout: int
    stage: str
    amount_minor: int
    account: str
    announced_code: str
    """Of the pacs.004 that told that it comes back; empty where none did."""
    settled_part: int | None
    back_part: int | None


class Settles(NamedTuple):
    """The part books these payouts."""

    part: int
    payouts: tuple[int, ...]


class Returns(NamedTuple):
    """The part is a payout that came back, less a fee."""

    part: int
    payout: int
    fee_minor: int
    reason_code: str
    waits: bool
    """The entry with which it left has not come."""


class Odd(NamedTuple):
    """The part names one of ours, and a person must look: why."""

    part: int
    why: str


Decision = Settles | Returns | Odd


def decide(part: PartFacts, payouts: Sequence[PayoutFacts]) -> Decision:
    """What the part is. `payouts` are as they are now."""
    if part.direction == "debit":
        return _batch(part, payouts) if part.batch else _single(part, payouts[0])
    return _returned(part, payouts[0])


def _single(part: PartFacts, payout: PayoutFacts) -> Settles | Odd:
    name = f"it names payout {payout.payout}"
    if part.account != payout.account:
        return Odd(part.part, f"{name}, which another account of ours pays")
    if part.amount_minor != payout.amount_minor:
        return Odd(part.part, f"{name}, which has another amount")
    if part.reversal or payout.stage != "sent":
        return Odd(part.part, f"{name}, which is {payout.stage} already")
    return Settles(part.part, (payout.payout,))


def _batch(part: PartFacts, payouts: Sequence[PayoutFacts]) -> Settles | Odd:
    open_ = [payout for payout in payouts if payout.stage == "sent"]
    if part.reversal or part.amount_minor != sum(p.amount_minor for p in open_):
        return Odd(part.part, "it names a payment file of ours, whose open payouts have another sum")
    if any(payout.account != part.account for payout in open_):
        return Odd(part.part, "it names a payment file of another account of ours")
    return Settles(part.part, tuple(payout.payout for payout in open_))


def _returned(part: PartFacts, payout: PayoutFacts) -> Returns | Odd:
    code = part.return_reason or payout.announced_code
    fee = payout.amount_minor - part.amount_minor
    name = f"it names payout {payout.payout}"
    if not (code or part.reversal):
        return Odd(part.part, f"{name}, and the bank does not call it a return")
    if part.received:
        return Odd(
            part.part, f"{name}, which came back ({code}), and its money was received before as a lump sum"
        )
    if part.account != payout.account:
        return Odd(part.part, f"{name}, which came back ({code}) on another account of ours")
    if payout.stage not in ("sent", "settled") or payout.back_part is not None:
        return Odd(part.part, f"{name}, which is {payout.stage} already ({code})")
    if fee < 0 or fee * MOST_FEE > payout.amount_minor:
        return Odd(part.part, f"{name}, which came back with another amount ({code})")
    waits = payout.stage == "sent"
    if waits and not part.may_wait:
        return Odd(part.part, f"{name}, which came back ({code}) before the bank booked it")
    return Returns(part.part, payout.payout, fee, code, waits)


def wait_words(payout: int) -> str:
    """Of a part that came back before the entry with which it left."""
    return f"payout {payout} came back before the bank has booked it; it waits for that entry"
