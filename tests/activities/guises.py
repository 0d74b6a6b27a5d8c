"""Some days of money from a seed, and the guises in which a bank tells of it, each from a seed too.

A guise is a file: a statement, notification or report of one or more days in camt, MT940 or BAI2, whole or a part,
in pages or in one piece, with its batches as lump sums, with details or payment by payment, interim or booked, in
any order, encoding and version, marked as a copy or not. By `bankfiles.identity` and the decisions 9 and 12 all of
them are the same money, so what these say cannot be told is not made: without a reference of the bank's, money is
told by the formats that give it the same content; and a lump sum is told by its details, never payment by payment.
Some file always tells those: a lump sum whose details never come waits for a person, whatever the order.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from io import BytesIO
from itertools import pairwise
from random import Random
from typing import TypeVar

from bankfiles import Format
from bankfiles.sample import Batch, Payment, Sheet, write_camt
from bankfiles.sample_bai2 import write_bai2
from bankfiles.sample_file import Wanted, payments
from bankfiles.sample_mt import write_mt940

FIRST_DAY = date(2026, 11, 2)
LUMP = "L"
"""How the bank's reference of a batch begins that is told as a lump sum or by its details."""
_GROUP = "G"

Told = Payment | Batch
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Account:
    """A collection account, and the format that its bank has beside camt."""

    number: str
    currency: str
    other: Format | None


ACCOUNTS = (
    Account("NL07MOCK0000001001", "EUR", Format.MT940),
    Account("NL70MOCK0000002001", "USD", Format.BAI2),
    Account("NL43MOCK0000002002", "JPY", None),
)
"""Those of `examples/setup.toml`."""


@dataclass(frozen=True, slots=True)
class Day:
    """What is booked on an account on one day, and where a paged message of it is cut."""

    account: Account
    number: int
    opening_minor: int
    money: tuple[Told, ...]
    cuts: Mapping[Format, tuple[int, ...]]

    @property
    def on(self) -> date:
        return FIRST_DAY + timedelta(days=self.number)

    @property
    def closing_minor(self) -> int:
        return self.opening_minor + _sum(self.money)

    def pages(self, kind: Format) -> list[tuple[Told, ...]]:
        """The pages of a message, the same each time: by other ones nobody could tell equal money apart."""
        ends = (0, *self.cuts[kind], len(self.money))
        return [self.money[start:end] for start, end in pairwise(ends)]


def payments_of(money: Iterable[Told]) -> Iterator[Payment]:
    """One by one, those of batches too."""
    for item in money:
        yield from item.payments if isinstance(item, Batch) else (item,)


def _sum(money: Iterable[Told]) -> int:
    return sum(payment.amount_minor for payment in payments_of(money))


def credited(days: Iterable[Day], references: Iterable[str]) -> Counter[str]:
    """What each reference gets, in minor units: found by another way than that of the application."""
    found: Counter[str] = Counter()
    for payment in payments_of(item for day in days for item in day.money):
        text = "".join((payment.structured, *payment.free)).replace(" ", "").upper()
        if payment.amount_minor > 0 and not payment.reversal:
            found.update({r: payment.amount_minor for r in references if r in text})
    return found


def days_of_money(
    seed: int, references: Mapping[str, Sequence[str]], days: int, payments_a_day: int
) -> list[Day]:
    """The money of each account, with the payment references of its currency."""
    found = []
    for place, account in enumerate(ACCOUNTS):
        opening = 0
        for number in range(days):
            chance = Random(f"{seed} {place} {number}")
            wanted = Wanted(
                Format.CAMT_053,
                account.number,
                account.currency,
                payments_a_day,
                seed % 1000 * 100 + place * 10 + number,
                FIRST_DAY + timedelta(days=number),
                chance.sample(references[account.currency], len(references[account.currency])),
                debits=15,
            )
            plain = [payment for _, payment in payments(wanted)]
            money = tuple(_shaped(plain, account, chance))
            kinds = (Format.CAMT_052, Format.CAMT_053, Format.CAMT_054)
            cuts = {kind: tuple(sorted(chance.sample(range(1, len(money)), 2))) for kind in kinds}
            found.append(Day(account, number, opening, money, cuts))
            opening = found[-1].closing_minor
    return found


def _shaped(plain: Sequence[Payment], account: Account, chance: Random) -> Iterator[Told]:
    """The payments as a bank books them: alone, in batches, some of them equal, some of them without a reference."""
    left = list(plain)
    while left:
        if chance.random() < 0.4 and len(left) > 3:
            some = [left.pop() for _ in range(chance.randint(1, 4) if chance.random() < 0.5 else 3)]
            batch = _batch(some, account, chance)
            yield batch
            if not batch.bank_reference and chance.random() < 0.5:
                yield batch.payments[0]
        else:
            yield from chance.choice(_ALONE)(left.pop(), account, chance)


def _batch(some: Sequence[Payment], account: Account, chance: Random) -> Batch:
    first = some[0]
    if chance.random() < 0.5:
        # A lump sum goes one way: of credits and debits only a person could tell.
        sign = 1 if first.amount_minor > 0 else -1
        parts = [replace(p, amount_minor=sign * abs(p.amount_minor)) for p in some]
        if chance.random() < 0.5:
            parts = [replace(p, bank_reference="") for p in parts]
        return Batch(_one_twice(parts, chance), f"{LUMP}{first.bank_reference}")
    if account.other is None and chance.random() < 0.5:
        return Batch(_one_twice([replace(p, bank_reference="") for p in some], chance))
    return Batch(_one_twice(some, chance), f"{_GROUP}{first.bank_reference}")


def _one_twice(some: Sequence[Payment], chance: Random) -> tuple[Payment, ...]:
    return (*some, some[0]) if chance.random() < 0.3 or not _sum(some) else tuple(some)


def _plain(payment: Payment, account: Account, chance: Random) -> Iterator[Payment]:
    yield payment


def _stranger(payment: Payment, account: Account, chance: Random) -> Iterator[Payment]:
    """It names no payment reference of ours."""
    yield replace(payment, structured="", free=("Grüße und vielen Dank",), payer_name="Übermut & Söhne GmbH")


def _nameless(payment: Payment, account: Account, chance: Random) -> Iterator[Payment]:
    """It has no reference of the bank's, if its content is the same in all formats of the account."""
    same = payment.amount_minor > 0 and not payment.structured and account.other is not Format.BAI2
    yield replace(payment, bank_reference="") if same or account.other is None else payment


def _equal(payment: Payment, account: Account, chance: Random) -> Iterator[Payment]:
    """Two or three payments that are equal in everything, or in all but the bank's reference."""
    (equal,) = chance.choice((_plain, _nameless))(payment, account, chance)
    apart = bool(equal.bank_reference) and chance.random() < 0.3
    for number in range(chance.choice((2, 2, 3))):
        yield replace(equal, bank_reference=f"{equal.bank_reference}E{number}") if apart else equal


def _later(payment: Payment, account: Account, chance: Random) -> Iterator[Payment]:
    yield replace(payment, value_on=payment.booked_on + timedelta(days=1))


def _reversal(payment: Payment, account: Account, chance: Random) -> Iterator[Payment]:
    yield replace(payment, reversal=True)


_ALONE = (_plain, _plain, _stranger, _nameless, _nameless, _equal, _equal, _later, _reversal)


@dataclass(frozen=True, slots=True)
class File:
    """What a sender delivers."""

    name: str
    content: bytes


def guises(days: Sequence[Day], seed: int, number: int) -> list[File]:
    """So many different files: each day in all its kinds and pages, then whatever chance makes of them."""
    chance = Random(f"{seed} guises")
    found: dict[bytes, File] = {}
    for file in _each_once(days, chance):
        found.setdefault(file.content, file)
    while len(found) < number:
        file = chance.choice(_GUISES)(days, chance)
        found.setdefault(file.content, file)
    return list(found.values())


def one_delivery(days: Sequence[Day]) -> list[File]:
    """The money once: a statement of each day, with all details."""
    return [_camt([_sheet([day], day.money)], Format.CAMT_053, Random(0)) for day in days]


def _each_once(days: Sequence[Day], chance: Random) -> Iterator[File]:
    for day in days:
        for kind in day.cuts:
            yield _camt([_whole([day], kind, chance)], kind, chance)
            for page in _paged(day, kind, chance):
                yield _camt([page], kind, chance)
        if day.account.other:
            yield _other([_whole([day], day.account.other, chance)], day.account.other, chance)
        if lumps := [item for item in day.money if is_lump(item)]:
            yield _camt([_notice([day], _shuffled(lumps, chance), chance)], Format.CAMT_054, chance)


def is_lump(item: Told) -> bool:
    """Whether a bank may tell of it as a lump sum, and of its details elsewhere."""
    return isinstance(item, Batch) and item.bank_reference.startswith(LUMP)


def _statement(days: Sequence[Day], chance: Random) -> File:
    """One or more days of one or more accounts; it may overlap with others."""
    kind = chance.choice((Format.CAMT_053, Format.CAMT_053, Format.CAMT_052, Format.CAMT_054))
    return _camt([_whole(run, kind, chance) for run in _runs(days, chance)], kind, chance)


def _pages(days: Sequence[Day], chance: Random) -> File:
    """Some pages of a day, in any order."""
    day = chance.choice(days)
    kind = chance.choice(list(day.cuts))
    pages = _paged(day, kind, chance)
    return _camt(chance.sample(pages, chance.randint(1, len(pages))), kind, chance)


def _some(days: Sequence[Day], chance: Random) -> File:
    """A notification or report of some of the money."""
    kind = chance.choice((Format.CAMT_052, Format.CAMT_054))
    return _camt([_part(run, kind, chance) for run in _runs(days, chance)], kind, chance)


def _interim(days: Sequence[Day], chance: Random) -> File:
    """Some of the money before it is booked, or for information."""
    kind, status = chance.choice(((Format.CAMT_052, "PDNG"), (Format.CAMT_054, "INFO")))
    return _camt([_part(run, kind, chance, status) for run in _runs(days, chance)], kind, chance)


def _other_statement(days: Sequence[Day], chance: Random) -> File:
    """The same money in MT940 or BAI2."""
    kind = chance.choice((Format.MT940, Format.BAI2))
    runs = _runs([day for day in days if day.account.other is kind], chance, kind)
    return _other([_whole(run, kind, chance) for run in runs], kind, chance)


def _other_interim(days: Sequence[Day], chance: Random) -> File:
    """Some of it before it is booked, in MT942 or BAI2."""
    kind = chance.choice((Format.MT940, Format.BAI2))
    runs = _runs([day for day in days if day.account.other is kind], chance, kind)
    return _other([_part(run, kind, chance, "PDNG") for run in runs], kind, chance, interim=True)


_GUISES: tuple[Callable[[Sequence[Day], Random], File], ...] = (
    _statement,
    _statement,
    _pages,
    _pages,
    _some,
    _interim,
    _other_statement,
    _other_interim,
)


def _runs(days: Sequence[Day], chance: Random, kind: Format | None = None) -> list[list[Day]]:
    """Days that follow one another, of up to three accounts."""
    runs = []
    accounts = list(dict.fromkeys(day.account.number for day in days))
    for account in chance.sample(accounts, chance.randint(1, len(accounts))):
        own = [day for day in days if day.account.number == account]
        start = chance.randrange(len(own))
        # A BAI2 group is about one day.
        end = start + 1 if kind is Format.BAI2 else chance.randint(start + 1, min(start + 3, len(own)))
        runs.append(own[start:end])
    return runs


def _whole(run: Sequence[Day], kind: Format, chance: Random) -> Sheet:
    return _sheet(run, _told(_money(run), kind, chance))


def _part(run: Sequence[Day], kind: Format, chance: Random, status: str = "BOOK") -> Sheet:
    """Some of the money of these days, as a message of its own."""
    money = [_with_status(item, status) for item in _money(run)]
    told = _told(chance.sample(money, chance.randint(1, len(money))), kind, chance)
    # Some payments of a batch without the others.
    return _notice(run, told[: chance.randint(1, len(told))], chance)


def _notice(run: Sequence[Day], told: Sequence[Told], chance: Random) -> Sheet:
    sheet = replace(_sheet(run, told), statement_id=f"P-{chance.randrange(10**9)}", sequence="0")
    return replace(sheet, closing_minor=sheet.opening_minor + _sum(told))


def _money(run: Iterable[Day]) -> list[Told]:
    return [item for day in run for item in day.money]


def _sheet(run: Sequence[Day], money: Iterable[Told]) -> Sheet:
    """Numbered when it is the statement of one day; others have a name only."""
    first, last = run[0], run[-1]
    return Sheet(
        first.account.number,
        first.account.currency,
        list(money),
        f"S-{first.account.currency}-{first.number}-{last.number}",
        str(first.number + 1) if len(run) == 1 else "0",
        first.opening_minor,
        last.closing_minor,
        last.on,
    )


def _paged(day: Day, kind: Format, chance: Random) -> list[Sheet]:
    found, opening = [], day.opening_minor
    pages = day.pages(kind)
    for number, money in enumerate(pages, 1):
        sheet = _sheet([day], _told(money, kind, chance))
        closing = opening + _sum(money)
        found.append(
            replace(
                sheet,
                opening_minor=opening,
                closing_minor=closing,
                page=number,
                last_page=number == len(pages),
            )
        )
        opening = closing
    return found


def _told(money: Sequence[Told], kind: Format, chance: Random) -> list[Told]:
    """In another order; a batch as the bank pleases."""
    told: list[Told] = []
    for item in _shuffled(money, chance):
        if isinstance(item, Payment):
            told.append(item)
            continue
        parts = _shuffled(item.payments, chance)
        if is_lump(item):
            told.append(replace(item, payments=tuple(parts), details=chance.random() < 0.5))
        elif kind not in (Format.MT940, Format.BAI2) and chance.random() < 0.5:
            told.append(replace(item, payments=tuple(parts)))
        else:
            told += parts
    return told


def _shuffled(items: Sequence[_T], chance: Random) -> list[_T]:
    return chance.sample(items, len(items))


def _with_status(item: Told, status: str) -> Told:
    """The same money, with another status."""
    if isinstance(item, Payment):
        return replace(item, status=status)
    return replace(item, payments=tuple(replace(payment, status=status) for payment in item.payments))


def _camt(sheets: Sequence[Sheet], kind: Format, chance: Random) -> File:
    encoding = chance.choice(("UTF-8", "UTF-8", "UTF-16", "ISO-8859-1"))
    file = BytesIO()
    write_camt(file, sheets, format=kind, version=chance.choice((2, 4, 6, 8, 13)), encoding=encoding)
    text = file.getvalue().decode(encoding)
    copy = chance.choice(("", "", "COPY", "CODU", "DUPL"))
    if copy:
        text = text.replace("</CreDtTm>\n<Acct>", f"</CreDtTm>\n<CpyDplctInd>{copy}</CpyDplctInd><Acct>")
    return File(f"{kind}-{chance.randrange(10**6)}.xml", text.encode(encoding))


def _other(sheets: Sequence[Sheet], kind: Format, chance: Random, *, interim: bool = False) -> File:
    write, wide = (write_mt940, "UTF-8-SIG") if kind is Format.MT940 else (write_bai2, "UTF-16")
    file = BytesIO()
    write(file, sheets, interim=interim, encoding=chance.choice(("UTF-8", "ISO-8859-1", wide)))
    return File(f"{kind}-{chance.randrange(10**6)}.txt", file.getvalue())
