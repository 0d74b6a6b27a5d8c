"""Small MT940 and MT942 files written by hand, field by field, for the tests of the reader."""

import io
from collections.abc import Iterable

from bankfiles.sample import Batch, Payment, Sheet
from bankfiles.sample_mt import write_mt940

ACCOUNT = "DE89370400440532013000"


def entry(
    details: str = "",
    *,
    mark: str = "C",
    amount: str = "100,00",
    dates: str = "2611241123",
    rest: str = "NTRFNONREF//R1",
) -> str:
    """A `:61:`, and its `:86:` where there are details."""
    return f":61:{dates}{mark}{amount}{rest}\n" + (f":86:{details}\n" if details else "")


def statement(
    *inside: str,
    opening: str = "C261122EUR0,00",
    closing: str = "C261123EUR100,00",
    account: str = ACCOUNT,
    number: str = "1/1",
    first: str = "60F",
    last: str = "62F",
) -> str:
    """A statement whose balances are those of one entry of 100.00."""
    head = f":20:S-1\n:25:{account}\n:28C:{number}\n:{first}:{opening}\n"
    return f"{head}{''.join(inside)}:{last}:{closing}\n-\n"


def of(*inside: str, closing: str = "C261123EUR100,00", **options: str) -> bytes:
    """The bytes of a file with one statement."""
    return statement(*inside, closing=closing, **options).encode()


def interim(*inside: str, floor: str = "EUR0,", sums: str = "") -> bytes:
    """An MT942."""
    head = f":20:I-1\n:25:{ACCOUNT}\n:28C:1/1\n:34F:{floor}\n:13D:2611231200+0100\n"
    return f"{head}{''.join(inside)}{sums}-\n".encode()


def written(entries: Iterable[Payment | Batch], **options: object) -> bytes:
    """What the sample writer makes of these, as one statement whose balances chain."""
    kept = list(entries)
    payments = [p for e in kept for p in (e.payments if isinstance(e, Batch) else (e,))]
    stream = io.BytesIO()
    sheet = Sheet(ACCOUNT, "EUR", kept, closing_minor=sum(p.amount_minor for p in payments))
    write_mt940(stream, [sheet], **options)  # type: ignore[arg-type]
    return stream.getvalue()
