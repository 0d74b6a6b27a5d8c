"""Writes MT940 and MT942 files of any size with known content, from the same sheets as `write_camt`: no judge.

The `:86:` is written in numbered pieces, as banks in Germany do; lines end as SWIFT ends them.
"""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from os import PathLike
from typing import BinaryIO

from bankfiles.sample import Batch, Payment, Sheet
from prepay.money import to_decimal

REFERENCE_CHARACTERS = 16
PIECE_CHARACTERS = 27
LINE_CHARACTERS = 65
_TEXT_PIECES = [*range(20, 30), *range(60, 64)]
_NAME_PIECES = [32, 33]


class NotInMt940(ValueError):
    """MT940 has no place for it."""

    def __init__(self, what: str, found: object) -> None:
        super().__init__(f"MT940 cannot say {what}: {str(found)[:40]!r}")


def write_mt940(
    target: str | PathLike[str] | BinaryIO,
    sheets: Iterable[Sheet],
    *,
    interim: bool = False,
    encoding: str = "UTF-8",
) -> None:
    """Write the sheets with opening and closing balances as given; as MT942 when they are interim.

    Booked payments only, in an interim report pending ones only. Raises NotInMt940.
    """
    if isinstance(target, str | PathLike):
        with open(target, "wb") as stream:
            write_mt940(stream, sheets, interim=interim, encoding=encoding)
        return
    lines: list[str] = []
    for sheet in sheets:
        for line in _sheet(sheet, interim):
            lines.append(f"{line}\r\n")
            if len(lines) >= 1_000:
                target.write("".join(lines).encode(encoding))
                lines.clear()
    target.write("".join(lines).encode(encoding))


def _sheet(sheet: Sheet, interim: bool) -> Iterator[str]:
    yield f":20:{_reference('statement id', sheet.statement_id)}"
    yield f":25:{sheet.account}"
    yield f":28C:{sheet.sequence}/1"
    if interim:
        yield f":34F:{sheet.currency}0,"
        yield f":13D:{sheet.created_on:%y%m%d}1200+0100"
    else:
        yield f":60F:{_balance(sheet.opening_minor, sheet.currency, sheet.created_on - timedelta(days=1))}"
    numbers, sums = {"C": 0, "D": 0}, {"C": 0, "D": 0}
    for entry in sheet.entries:
        payments = entry.payments if isinstance(entry, Batch) else (entry,)
        minor = sum(payment.amount_minor for payment in payments)
        mark = "C" if minor > 0 else "D"
        numbers[mark] += 1
        sums[mark] += abs(minor)
        yield from _entry(entry, payments, minor, sheet.currency, "PDNG" if interim else "BOOK")
    if interim:
        for mark in "DC":
            yield f":90{mark}:{numbers[mark]}{sheet.currency}{_amount(sums[mark], sheet.currency)}"
    else:
        yield f":62F:{_balance(sheet.closing_minor, sheet.currency, sheet.created_on)}"
    yield "-"


def _entry(
    entry: Payment | Batch, payments: tuple[Payment, ...], minor: int, currency: str, status: str
) -> Iterator[str]:
    first = payments[0]
    for payment in payments:
        if payment.status != status:
            raise NotInMt940(f"another status than {status} in this message", payment.status)
        if payment.payee_account:
            raise NotInMt940("the credited account", payment.payee_account)
    value_on = first.value_on or first.booked_on
    if abs(value_on - first.booked_on) > timedelta(days=180):
        raise NotInMt940("a booking date half a year from the value date", first.booked_on)
    mark = "C" if minor > 0 else "D"
    if first.reversal:
        mark = "RD" if minor > 0 else "RC"
    reference = _reference("bank reference", entry.bank_reference)
    yield (
        f":61:{value_on:%y%m%d}{first.booked_on:%m%d}{mark}{_amount(abs(minor), currency)}"
        f"NTRFNONREF{'//' if reference else ''}{reference}"
    )
    if isinstance(entry, Payment):
        yield from _lines(f":86:{166 if minor > 0 else 177}{_details(entry)}")
    else:
        yield f":86:{194 if minor > 0 else 191}?00{len(payments)} PAYMENTS"


def _details(payment: Payment) -> str:
    texts = [f"EREF+{payment.end_to_end_id}"] if payment.end_to_end_id else []
    remitted = [text for text in (payment.structured, *payment.free) if text]
    texts += [f"SVWZ+{text}" if number == 0 else text for number, text in enumerate(remitted)]
    pieces = [piece for text in texts for piece in _pieces(text)]
    return (
        f"?00{'GUTSCHRIFT' if payment.amount_minor > 0 else 'UEBERWEISUNG'}"
        f"{_numbered(pieces[:10], _TEXT_PIECES, 'a text of so many characters')}"
        f"?30{payment.payer_bank}?31{payment.payer_account}"
        f"{_numbered(_pieces(payment.payer_name), _NAME_PIECES, 'so long a name')}"
        f"{_numbered(pieces[10:], _TEXT_PIECES[10:], 'a text of so many characters')}"
    )


def _pieces(text: str) -> list[str]:
    if not text.isprintable() or "?" in text:
        raise NotInMt940("question marks and line breaks", text)
    return [text[at : at + PIECE_CHARACTERS] for at in range(0, len(text), PIECE_CHARACTERS)]


def _numbered(pieces: list[str], numbers: list[int], what: str) -> str:
    if len(pieces) > len(numbers):
        raise NotInMt940(what, "".join(pieces))
    return "".join(f"?{number}{piece}" for number, piece in zip(numbers, pieces, strict=False))


def _lines(text: str) -> Iterator[str]:
    """A field in lines; none of them begins with what begins a field or ends a message."""
    end = LINE_CHARACTERS + len(":86:")
    while len(text) > end:
        cut = end
        while text[cut] in ":-{":
            cut -= 1
        yield text[:cut]
        text, end = text[cut:], LINE_CHARACTERS
    yield text


def _reference(what: str, text: str) -> str:
    if len(text) > REFERENCE_CHARACTERS or not text.isprintable():
        raise NotInMt940(f"a {what} of more than {REFERENCE_CHARACTERS} printable characters", text)
    return text


def _balance(minor: int, currency: str, on: date) -> str:
    return f"{'C' if minor >= 0 else 'D'}{on:%y%m%d}{currency}{_amount(abs(minor), currency)}"


def _amount(minor: int, currency: str) -> str:
    text = to_decimal(minor, currency).replace(".", ",")
    return text if "," in text else f"{text},"
