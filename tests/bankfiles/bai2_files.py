"""Small BAI2 files written by hand, record by record, for the tests of the reader; the trailers are added up here."""

import io
from collections.abc import Iterable

from bankfiles.sample import Batch, Payment, Sheet
from bankfiles.sample_bai2 import write_bai2

ACCOUNT = "0123456789"


def detail(
    code: str = "195",
    amount: str = "10000",
    funds: str = "Z",
    bank: str = "R1",
    customer: str = "C1",
    text: str = "order 1",
) -> str:
    """A 16 record; `funds` may carry what belongs to it."""
    return f"16,{code},{amount},{funds},{bank},{customer},{text}/"


def account(*details: str, head: str = f"03,{ACCOUNT},USD", items: str = "", total: int | None = None) -> str:
    """An account with its trailer; `items` are those of its 03 record, such as `010,500,,`."""
    records = [f"{head},{items}/" if items else f"{head},/", *details]
    if total is None:
        words = items.split(",")
        total = sum(int(amount or 0) for amount in words[1::4]) + sum(_amount(record) for record in details)
    count = sum(record.count("\n") + 1 for record in records) + 1
    return "\n".join([*records, f"49,{total},{count}/"])


def _amount(record: str) -> int:
    amount = record.split(",")[2]
    return int(amount) if amount.removeprefix("-").isdigit() else 0


def _stated(trailer: str, of: str) -> int:
    return int(of.rsplit(f"\n{trailer},", 1)[1].split(",", 1)[0])


def group(*accounts: str, head: str = "02,ACME,122099999,1,261122,2400,,2/") -> str:
    count = sum(each.count("\n") + 1 for each in accounts) + 2
    total = sum(_stated("49", each) for each in accounts)
    return "\n".join([head, *accounts, f"98,{total},{len(accounts)},{count}/"])


def file(*groups: str, head: str = "01,122099999,ACME,261123,0600,1,,,2/") -> bytes:
    count = sum(each.count("\n") + 1 for each in groups) + 2
    total = sum(_stated("98", each) for each in groups)
    return "\n".join([head, *groups, f"99,{total},{len(groups)},{count}/\n"]).encode()


def report(*details: str, items: str = "", **group_options: str) -> bytes:
    """A file of one account with these 16 records."""
    return file(group(account(*details, items=items), **group_options))


def chained(opening: int, closing: int, *details: str) -> bytes:
    """The same with these ledger balances."""
    return report(*details, items=f"010,{opening},,,015,{closing},,")


def written(entries: Iterable[Payment | Batch], **options: object) -> bytes:
    """What the sample writer makes of these, as one account whose balances chain."""
    kept = list(entries)
    payments = [p for e in kept for p in (e.payments if isinstance(e, Batch) else (e,))]
    stream = io.BytesIO()
    sheet = Sheet(ACCOUNT, "EUR", kept, closing_minor=sum(p.amount_minor for p in payments))
    write_bai2(stream, [sheet], **options)  # type: ignore[arg-type]
    return stream.getvalue()
