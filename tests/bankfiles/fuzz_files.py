"""Sound bank files with known truth, and what accidents make of them: each from a format and a seed alone.

Sound files are made and searched once in a process, and an accident looks at the place where it happens and not at
the whole file: a million files of a format are to be made in minutes.
"""

import io
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from random import Random
from typing import AnyStr

from bankfiles import ANSWER_FORMATS, Format
from bankfiles.sample import Batch, Payment, Sheet, write_camt
from bankfiles.sample_bai2 import write_bai2
from bankfiles.sample_file import Wanted, payments
from bankfiles.sample_mt import write_mt940
from prepay.money import to_decimal
from tests.bankfiles import answer_files, bai2_files, camt_files, mt_files

MAX_BYTES = 512 * 1024
"""Mutated files are no larger: so that a second is long."""
LARGE_EVERY = 200
"""One file of so many is large, as it takes as long as a hundred others."""
_BASES = 24
"""Different sound files of a format; every fourth has what the truth cannot be told of."""
_ENTRIES = (1, 2, 1, 3, 2, 7, 2)
_LARGE_BASES = 4
_LARGE_ENTRIES = (100, 200, 400, 600)
"""Entries of sound files that are large already: more than 128 fields or 64 KiB, which are what is read at once."""
_ON = date(2026, 11, 23)
_VERSIONS = (2, 4, 6, 8, 13)
_XML_ENCODINGS = ("UTF-8", "UTF-8", "UTF-16", "ISO-8859-1", "windows-1252")


@dataclass(frozen=True, slots=True)
class Truth:
    """What the entries of a file sum to, in minor units of EUR, and how many they are."""

    credit_minor: int
    debit_minor: int
    entries: int


Places = tuple[tuple[int, int], ...]
"""Where things of a kind begin and end in a text."""


@dataclass(frozen=True, slots=True)
class Base:
    """A sound file; its truth when it has one statement whose balances or totals cover every entry."""

    text: str
    encoding: str
    data: bytes
    truth: Truth | None = None
    amounts: Places = ()
    signs: Places = ()
    entries: Places = ()
    """These three are known where the truth is."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """A file after accidents; with the truth where there was one accident, to one amount, sign or entry."""

    data: bytes
    truth: Truth | None
    accidents: tuple[str, ...]


def mutant(format: Format, seed: int) -> Mutant:
    """The file of this seed, always the same."""
    random = Random(f"{format} {seed}")
    large = seed % LARGE_EVERY == 0
    enlarged = large and random.random() < 0.7
    if large and not enlarged:
        base = _base(format, _BASES + random.randrange(_LARGE_BASES))
    else:
        base = _base(format, random.randrange(_BASES))
    if base.truth is not None and not enlarged and random.random() < 0.3:
        return _with_one_wrong(format, base, random)
    accidents = [random.choice(_ACCIDENTS) for _ in range(random.choice((1, 1, 1, 2, 2, 3, 5)))]
    if enlarged:
        accidents[random.randrange(len(accidents))] = random.choice(_ENLARGING)
    data = base.data
    for accident in accidents:
        data = accident(data, random)[:MAX_BYTES]
    return Mutant(data, None, tuple(accident.__name__.strip("_") for accident in accidents))


@lru_cache(maxsize=(_BASES + _LARGE_BASES) * len(Format))
def _base(format: Format, number: int) -> Base:
    large = number >= _BASES
    if format in ANSWER_FORMATS:
        texts = _answers(format, _LARGE_ENTRIES[number - _BASES] if large else 7)
        # The first holds the most payments.
        return _without_truth(texts[0 if large else number % len(texts)])
    if number % 4 == 3 and not large:
        others = _OTHERS[format]()
        return _without_truth(others[number // 4 % len(others)])
    entries = _LARGE_ENTRIES[number - _BASES] if large else _ENTRIES[number % len(_ENTRIES)]
    wanted = Wanted(format, camt_files.ACCOUNT, "EUR", entries, number, _ON, debits=30)
    interim = format is Format.MT942 or (format is Format.BAI2 and number % 5 == 4)
    status = "PDNG" if interim else "BOOK"
    made = [replace(payment, status=status) for _, payment in payments(wanted)]
    credit = sum(payment.amount_minor for payment in made if payment.amount_minor > 0)
    debit = sum(-payment.amount_minor for payment in made if payment.amount_minor < 0)
    opening = (0, 12_345, -700)[number % 3]
    sheet = Sheet(
        camt_files.ACCOUNT,
        "EUR",
        made,
        opening_minor=opening,
        closing_minor=opening + credit - debit,
        created_on=_ON,
    )
    truth, stream = Truth(credit, debit, len(made)), io.BytesIO()
    if format is Format.BAI2:
        write_bai2(stream, [sheet], interim=interim)
    elif format in (Format.MT940, Format.MT942):
        write_mt940(stream, [sheet], interim=interim)
    else:
        encoding = _XML_ENCODINGS[number % len(_XML_ENCODINGS)]
        version = _VERSIONS[number // 2 % len(_VERSIONS)]
        write_camt(stream, [sheet], format=format, version=version, encoding=encoding)
        text = stream.getvalue().decode(encoding)
        if format is not Format.CAMT_053:
            # These have no balances: they get the bank's totals.
            text = text.replace("</Acct>\n", f"</Acct>\n{_summary(made, truth)}\n", 1)
        return _with_truth(format, text, encoding, truth)
    return _with_truth(format, stream.getvalue().decode(), "UTF-8", truth)


def _without_truth(text: str) -> Base:
    return Base(text, "UTF-8", text.encode())


def _with_truth(format: Format, text: str, encoding: str, truth: Truth) -> Base:
    family = str(format).rstrip("0123456789.").replace("bai", "bai2")
    amounts, signs, entries = (
        tuple(found.span() for found in re.finditer(patterns[family], text))
        for patterns in (_AMOUNTS, _SIGNS, _ENTRIES_IN)
    )
    return Base(text, encoding, text.encode(encoding), truth, amounts, signs, entries)


def _summary(made: list[Payment], truth: Truth) -> str:
    net = truth.credit_minor - truth.debit_minor
    credits = sum(payment.amount_minor > 0 for payment in made)

    def total(name: str, count: int, minor: int, more: str = "") -> str:
        return f"<{name}><NbOfNtries>{count}</NbOfNtries><Sum>{to_decimal(minor, 'EUR')}</Sum>{more}</{name}>"

    way = "CRDT" if net >= 0 else "DBIT"
    more = f"<TtlNetNtryAmt>{to_decimal(abs(net), 'EUR')}</TtlNetNtryAmt><CdtDbtInd>{way}</CdtDbtInd>"
    return (
        f"<TxsSummry>{total('TtlNtries', len(made), truth.credit_minor + truth.debit_minor, more)}"
        f"{total('TtlCdtNtries', credits, truth.credit_minor)}"
        f"{total('TtlDbtNtries', len(made) - credits, truth.debit_minor)}</TxsSummry>"
    )


def _camts(format: str) -> list[str]:
    batch = Batch((Payment(100, "T1"), Payment(-30, "T2"), Payment(7, "T3")), "B1")
    odd = Payment(7, payee_account="DE02120300000000202051", status="PDNG", reversal=True)
    files = [
        camt_files.written([batch, Payment(5), Payment(5)], format),
        camt_files.written([odd, Batch((Payment(5), Payment(6)), "B2", details=False)], format, version=2),
        camt_files.written([Payment(100, payer_name="Müller & Söhne", free=("a < b",))], format) * 3,
    ]
    return [file.decode() for file in files]


def _mt940s() -> list[str]:
    words = "/EREF/E-1//CNTP/NL91ABNA0417164300/ABNANL2A/ACME//REMI/USTD//at 12\n:20:59/"
    return [
        f"{{1:F01ABNANL2AXXXX0000000000}}{{4:\n{mt_files.statement(mt_files.entry(words))}-}}\n",
        mt_files.statement(mt_files.entry("100?00X?20EREF+E1?21SVWZ+a text?31DE02?32ACME", mark="RD"))
        + mt_files.statement(mt_files.entry("/REMI/free"), mt_files.entry(amount="0,00"), number="2/1"),
        mt_files.statement(mt_files.entry("text", amount="60,00"), last="62M", closing="C261123EUR60,00")
        + mt_files.statement(
            mt_files.entry("108?00X?34901?20back", amount="40,00"),
            number="1/2",
            first="60M",
            opening="C261123EUR60,00",
        ),
    ]


def _mt942s() -> list[str]:
    made = (mt_files.entry("text"), mt_files.entry("/REMI/free", mark="D"))
    return [
        mt_files.interim(*made, floor="EURC10,", sums=":90C:3EUR112,00\n:90D:1EUR100,00\n").decode(),
        mt_files.interim(*made).decode() * 2,
    ]


def _bai2s() -> list[str]:
    details = (
        bai2_files.detail(funds="S,1,2,3"),
        bai2_files.detail("495", "2045", funds="D,2,0,45,1,2000"),
        bai2_files.detail("890", "", text="told") + "\n88,DBNM: ACME GmbH/\n88,EREF: E-1/",
    )
    whole = bai2_files.report(*details, items="015,5,,,100,10000,1,,400,2045,1,").decode()
    two = bai2_files.file(
        bai2_files.group(bai2_files.account(*details[:1]), bai2_files.account(*details[1:2])),
        bai2_files.group(bai2_files.account(*details, items="010,1,,")),
    ).decode()
    return [whole, two, two.replace("/\n", "/").replace("\n", ""), whole.replace("/\n", "\n")]


def _answers(format: Format, payments: int) -> list[str]:
    names = [f"R-2026-{number:06}-1" for number in range(1, payments + 1)]
    if format is Format.PACS_004:
        files = [
            answer_files.pacs004("PP-1", [(name, "AC04") for name in names[:many]])
            for many in (payments, 1, 3)
        ]
        return [file.decode() for file in files]
    said = [(name, "RJCT" if number % 3 else "ACCP", "AM04") for number, name in enumerate(names)]
    files = [
        answer_files.pain002("PP-1", said, "PART", text="account DE02120300000000202051"),
        answer_files.pain002("PP-1", group="RJCT", reason="FF01"),
        answer_files.pain002("PP-1", said[:2], version="03") + answer_files.pain002("PP-2", batch="ACCP"),
    ]
    return [file.decode() for file in files]


_OTHERS: dict[Format, Callable[[], list[str]]] = {
    Format.CAMT_052: lambda: _camts("camt.052"),
    Format.CAMT_053: lambda: _camts("camt.053"),
    Format.CAMT_054: lambda: _camts("camt.054"),
    Format.MT940: _mt940s,
    Format.MT942: _mt942s,
    Format.BAI2: _bai2s,
}

# One wrong amount, sign or entry -----------------------------------------------------------------------------------

_AMOUNTS = {
    "camt": r'(?<=<Amt Ccy="EUR">)[0-9.]+|(?<=<Sum>)[0-9.]+',
    "mt": r"(?m)(?<=^:61:..........[CD])[0-9,]+|(?<=^:6[02]F:.......EUR)[0-9,]+|(?<=EUR)[0-9]+,[0-9]+$",
    "bai2": r"(?m)(?<=^16,...,)[0-9]+|(?<=,01[05],)-?[0-9]+|(?<=^[49][98],)-?[0-9]+",
}
_SIGNS = {
    "camt": r"CRDT|DBIT",
    "mt": r"(?m)(?<=^:61:..........)[CD]|(?<=^:6[02]F:)[CD]|(?<=^:90)[CD]",
    "bai2": r"(?m)(?<=^16,)[14]95",
}
_ENTRIES_IN = {
    "camt": r"<Ntry>.*</Ntry>\n",
    "mt": r"(?s)(?<=\n):61:.*?(?=:61:|:62F:|:90)",
    "bai2": r"(?sm)^16,.*?(?=^16,|^49,)",
}
_OTHER_SIGN = {"CRDT": "DBIT", "DBIT": "CRDT", "C": "D", "D": "C", "195": "495", "495": "195"}
_OTHER_DIGITS = ("٠١٢٣٤٥٦٧٨٩", "०१२३४५६७८९", "０１２３４５６７８９", "𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def _with_one_wrong(format: Format, base: Base, random: Random) -> Mutant:
    text, kinds = base.text, ["amount", "amount", "sign", "dropped", "doubled", "swapped", "cut"]
    kind = random.choice(kinds[:-1] if format is Format.MT942 else kinds)
    if kind == "cut":
        return Mutant(_cut_off(base.data, random), base.truth, (kind,))
    places = {"amount": base.amounts, "sign": base.signs}.get(kind, base.entries)
    start, end = place = random.choice(places)
    piece = text[start:end]
    if kind == "amount":
        text = text[:start] + _other_amount(piece, random) + text[end:]
    elif kind == "sign":
        text = text[:start] + _OTHER_SIGN[piece] + text[end:]
    elif kind == "dropped":
        text = text[:start] + text[end:]
    elif kind == "doubled":
        text = text[:start] + piece * 2 + text[end:]
    else:
        text = _swapped(text, place, random.choice(places))
    return Mutant(text.encode(base.encoding, "replace"), base.truth, (kind,))


def _other_amount(text: str, random: Random) -> str:
    at = random.randrange(len(text))
    return random.choice(
        (
            text[:at] + random.choice("0123456789.,-+eE ") + text[at + 1 :],
            text[:at] + random.choice("0123456789.,'_ \u00a0") + text[at:],
            text[:at] + text[at + 1 :],
            _in_other_digits(text, random),
            f"{random.choice('-+ 0')}{text}",
            str(random.randrange(10**9)),
            "",
            "9" * random.choice((15, 18, 19, 40, 400)),
        )
    )


def _in_other_digits(text: str, random: Random) -> str:
    return text.translate(str.maketrans("0123456789", random.choice(_OTHER_DIGITS)))


# Accidents ---------------------------------------------------------------------------------------------------------

_PIECES = (
    *b"< > / & &#x30; <!DOCTYPE <!-- --> <![CDATA[ ]]> </Ntry> <Ntry> <TxDtls> </Stmt> <x/> <NtryDtls>".split(),
    *b"&#0; &lt; <?xml-x?> xmlns='' xmlns:a='b' <a:b/> </a:b> ]]> <Amt> </Amt> <Sts/> <Btch> <Bal>".split(),
    *b", / 16, 88, 49,0,2/ 03,1,USD,/ 99, V,261122, D,2, D,999, S,1, \r \n16,195,5,Z,,,x/".split(b" "),
    *b":61: :86: :62F: \n:20: {4: -} \n- :60M:C261122EUR1,00\n ?20 /REMI/ SVWZ+ RC :90C: \n:34F:EUR0,".split(
        b" "
    ),
    *(b"<?xml version='1.0'?>", b"<Amt Ccy='JPY'>", b'"', b"\x00", b"\xff", b"1e9", b"-", b"9" * 400),
    *(b"\xef\xbb\xbf", b"\xff\xfe", b"\xe2\x80\xa8", b"\x85", b"\x1c", b"\x1a", "٣".encode(), b"\xc2\xa0"),
)
_CODECS = (
    "utf-16",
    "utf-16-le",
    "utf-16-be",
    "utf-32",
    "utf-7",
    "cp037",
    "latin-1",
    "cp1252",
    "utf-8-sig",
    "gb18030",
)
_FORMATS = tuple(Format)
_DECLARED = (
    *_CODECS,
    "big5",
    "euc-jp",
    "iso-8859-15",
    "us-ascii",
    "ISO-8859-16",
    "cp1259",
    "latin-99",
    "x",
    "",
)


def _place(data: bytes, random: Random) -> int:
    return random.randrange(len(data) + 1)


def _bytes_flipped(data: bytes, random: Random) -> bytes:
    changed = bytearray(data)
    for _ in range(random.choice((1, 1, 2, 8, 64)) if changed else 0):
        changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
    return bytes(changed)


def _byte_changed(data: bytes, random: Random) -> bytes:
    at = _place(data, random)
    return data[:at] + bytes((random.randrange(256),)) + data[at + 1 :]


def _piece_put_in(data: bytes, random: Random) -> bytes:
    at = _place(data, random)
    return data[:at] + random.choice(_PIECES) + data[at + random.choice((0, 0, 1, 5)) :]


def _cut_out(data: bytes, random: Random) -> bytes:
    at = _place(data, random)
    return data[:at] + data[at + random.choice((1, 3, 20, 100, 1000)) :]


def _cut_off(data: bytes, random: Random) -> bytes:
    return data[: _place(data, random)]


def _doubled(data: bytes, random: Random) -> bytes:
    at, length = _place(data, random), random.choice((1, 10, 100, 1000, 10_000))
    return data[: at + length] + data[at:]


def _line(data: bytes, random: Random, count: int = 1) -> tuple[int, int]:
    """Where a line or element by chance begins, and where so many end."""
    # The one behind a place, so that one place is enough to look at; behind the last one comes the first.
    start = _end_of_line(data, _place(data, random))
    start = start if start < len(data) else 0
    end = start
    for _ in range(count):
        end = _end_of_line(data, end)
    return start, end


def _end_of_line(data: bytes, at: int) -> int:
    found = _LINE_END.search(data, at)
    return len(data) if found is None else found.end()


_LINE_END = re.compile(rb"\n|>(?=<)")


def _lines_swapped(data: bytes, random: Random) -> bytes:
    return _swapped(data, _line(data, random), _line(data, random))


def _swapped(text: AnyStr, one: tuple[int, int], other: tuple[int, int]) -> AnyStr:
    """With two pieces in each other's place, where they do not touch."""
    (a, b), (c, d) = sorted((one, other))
    return text[:a] + text[c:d] + text[b:c] + text[a:b] + text[d:] if b <= c else text


def _lines_dropped(data: bytes, random: Random) -> bytes:
    start, end = _line(data, random, random.choice((1, 1, 2, 5)))
    return data[:start] + data[end:]


def _lines_doubled(data: bytes, random: Random) -> bytes:
    start, end = _line(data, random, random.choice((1, 1, 2, 5)))
    at, _ = _line(data, random)
    return data[:at] + data[start:end] + data[at:]


def _number(data: bytes, random: Random) -> tuple[int, int] | None:
    """Where a number by chance begins and ends."""
    found = _NUMBER.search(data, _place(data, random)) or _NUMBER.search(data)
    return None if found is None else found.span()


_NUMBER = re.compile(rb"(?<![0-9])[0-9]+")


def _number_changed(data: bytes, random: Random) -> bytes:
    place = _number(data, random)
    if place is None:
        return data
    start, end = place
    number = random.choice(
        (b"0", b"-1", b"", b"00", b"1", b"99", b"9" * random.choice((6, 10, 18, 19, 30, 5000)))
    )
    if random.random() < 0.5:
        number = str(int(data[start:end][:15]) + random.choice((-1, 1, 10, 100))).encode()
    return data[:start] + number + data[end:]


def _other_digits(data: bytes, random: Random) -> bytes:
    place = _number(data, random)
    if place is None:
        return data
    start, end = place
    return data[:start] + _in_other_digits(data[start:end].decode(), random).encode() + data[end:]


def _other_encoding(data: bytes, random: Random) -> bytes:
    if random.random() < 0.5:
        return data.decode("utf-8", "replace").encode(random.choice(_CODECS), "replace")
    declared = b'encoding="%s"' % random.choice(_DECLARED).encode()
    return re.sub(rb'encoding="[^"]*"', declared, data, count=1)


def _nuls(data: bytes, random: Random) -> bytes:
    at = _place(data, random)
    return data[:at] + b"\x00" * random.choice((1, 2, 100, 10_000)) + data[at:]


def _line_ends(data: bytes, random: Random) -> bytes:
    ends = random.choice((b"\r\n", b"\r", b"\n\n", b"", b" ", b"\x0b", b"\x85", b"\xe2\x80\xa8"))
    return data.replace(b"\r\n", b"\n").replace(b"\n", ends)


def _splice(data: bytes, random: Random) -> bytes:
    other = _base(random.choice(_FORMATS), random.randrange(_BASES)).data
    if random.random() < 0.3:
        return data + other
    return data[: _line(data, random)[0]] + other[_line(other, random)[0] :]


def _deep(data: bytes, random: Random) -> bytes:
    at, depth = _place(data, random), random.choice((200, 255, 300, 5_000, 50_000))
    begin, end = random.choice(
        ((b"<x>", b"</x>"), (b"<Ntry>", b"</Ntry>"), (b"{4:", b"-}"), (b"<Id>", b"</Id>"))
    )
    return data[:at] + begin * depth + end * random.choice((depth, 0)) + data[at:]


def _long_line(data: bytes, random: Random) -> bytes:
    at, piece = _place(data, random), random.choice((*_PIECES, b"x", b" ", b"\t", b":61:261123", b"x'y"))
    return data[:at] + piece * (random.choice((9_990, 20_000, 70_000, 900_000)) // len(piece)) + data[at:]


def _times(part: bytes, random: Random) -> int:
    """How often to repeat it."""
    most = random.choice((50_000, 250_000, 1_000_000)) // max(len(part), 1)
    return min(random.choice((1_000, 2_000, 20_000, 200_000)), most)


def _thousands(data: bytes, random: Random) -> bytes:
    """A few lines or elements that follow each other, again and again."""
    start, end = _line(data, random, random.choice((1, 2, 3, 8, 20, 200)))
    block = data[start:end]
    return data[:start] + block * _times(block, random) + data[start:]


def _parts_thousands(data: bytes, random: Random) -> bytes:
    """An element, document, group or statement again and again, in its place, so that the file stays well formed."""
    # From the beginning on it is the whole document, group or statement.
    found = _PARTS.search(data, random.choice((0, _place(data, random))))
    if found is None:
        return data
    part = random.choice((found[0], found[0], b"<x/>", b"<?xml version='1.0'?><x/>"))
    return data[: found.start()] + part * _times(part, random) + data[found.start() :]


def _whole_thousands(data: bytes, random: Random) -> bytes:
    return data * _times(data, random)


_PARTS = re.compile(
    rb"<(\w+)[ >](?s:.*?)</\1>|^02,(?s:.*?)^98.*\n|^03,(?s:.*?)^49.*\n|^(?:16|88|02),.*\n|^:20:(?s:.*?)(?=^:20:|\Z)"
    rb"|^:(?:61|86|20|25|28C|90[CD]|6[02][FM]):.*\n|\Z",
    re.MULTILINE,
)

Accident = Callable[[bytes, Random], bytes]
_ACCIDENTS: tuple[Accident, ...] = (
    *(_bytes_flipped, _byte_changed, _piece_put_in, _piece_put_in, _cut_out, _cut_off, _doubled),
    *(_lines_swapped, _lines_dropped, _lines_doubled, _number_changed, _number_changed, _other_digits),
    *(_other_encoding, _nuls, _line_ends, _splice),
)
_ENLARGING: tuple[Accident, ...] = (
    _deep,
    _long_line,
    _thousands,
    _parts_thousands,
    _parts_thousands,
    _whole_thousands,
)
"""What makes large files."""
