"""Which format a file has, by its content and never by its name, and the reader for it."""

import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, cast

from bankfiles.answers import ANSWERS
from bankfiles.bai2 import read_bai2
from bankfiles.camt import MESSAGES, read_camt
from bankfiles.entry import Entry, Event, Format, Quarantine
from bankfiles.identity import Identities
from bankfiles.mt import find_mt, read_mt
from bankfiles.refusals import Refused
from bankfiles.xmlsource import HEAD_BYTES, first_element, head_text

_KINDS = {**MESSAGES, **ANSWERS}
_MESSAGE = re.compile(rf"<(?:[\w.-]+:)?({'|'.join(map(re.escape, _KINDS))})[\s/>]")
_VERSION = re.compile(r"(?:camt\.05[234]|pain\.002|pacs\.004)\.\d{3}\.\d{2}")
_BAI2 = re.compile(r"\s*01,[^,\n]*,[^,\n]*, *\d{6} *,")

Reader = Callable[[bytes | BinaryIO, type[Identities]], Iterator[Event]]
_READERS: dict[Format, Reader] = {Format.BAI2: read_bai2, Format.MT940: read_mt, Format.MT942: read_mt}
"""The readers of what is no XML."""


@dataclass(frozen=True, slots=True)
class Detected:
    """A format, and the version where the file names it, such as `camt.054.001.08`."""

    format: Format
    version: str


def detect(data: bytes) -> Detected | None:
    """The format of a file by its first bytes; None when it is none that is read here."""
    try:
        text = head_text(data[:HEAD_BYTES])
        xml = first_element(text) >= 0
    except Refused:
        return None
    if _BAI2.match(text):
        return Detected(Format.BAI2, "")
    if not xml:
        mt = find_mt(text)
        return None if mt is None else Detected(mt, "")
    message, version = _MESSAGE.search(text), _VERSION.search(text)
    named = version[0] if version else ""
    if message is not None:
        return Detected(_KINDS[message[1]], named)
    # A schema of an answer names its version too; an answer without its message is none.
    return Detected(Format(named[:8]), named) if named.startswith("camt") else None


def read(source: bytes | BinaryIO, identities: type[Identities] = Identities) -> Iterator[Event]:
    """What a bank file holds, as a stream. Raises Refused, and Held where its structure is broken."""
    head, stream = rewound(source)
    return _reader(head)(stream, identities)


def rewound(source: bytes | BinaryIO) -> tuple[bytes, bytes | BinaryIO]:
    """The first bytes, and the source as if they had not been read."""
    if isinstance(source, bytes):
        return source, source
    head = b""
    while len(head) < HEAD_BYTES and (more := source.read(HEAD_BYTES)):
        head += more
    return head, cast("BinaryIO", _Rewound(head, source))


def _reader(head: bytes) -> Reader:
    found = detect(head)
    # What is not recognised is said by the reader of XML, which looks closest.
    return read_camt if found is None else _READERS.get(found.format, read_camt)


class _Rewound:
    """A stream of which the first bytes have been read, as if they had not."""

    def __init__(self, head: bytes, stream: BinaryIO) -> None:
        self._head, self._stream = io.BytesIO(head), stream

    def read(self, size: int) -> bytes:
        return self._head.read(size) or self._stream.read(size)


def entries(source: bytes | BinaryIO) -> Iterator[Entry | Quarantine]:
    """The entries of a file alone."""
    return (event for event in read(source) if isinstance(event, Entry | Quarantine))
