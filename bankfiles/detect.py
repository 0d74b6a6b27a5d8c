"""Which format a file has, by its content and never by its name, and the reader for it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from bankfiles.camt import MESSAGES, read_camt
from bankfiles.entry import Entry, Event, Format, Quarantine
from bankfiles.refusals import Refused
from bankfiles.xmlsource import HEAD_BYTES, first_element, head_text

_MESSAGE = re.compile(rf"<(?:[\w.-]+:)?({'|'.join(MESSAGES)})[\s/>]")
_VERSION = re.compile(r"camt\.05[234]\.\d{3}\.\d{2}")


@dataclass(frozen=True, slots=True)
class Detected:
    """A format, and the version where the file names it, such as `camt.054.001.08`."""

    format: Format
    version: str


def detect(data: bytes) -> Detected | None:
    """The format of a file by its first bytes; None when it is none that is read here."""
    try:
        text = head_text(data[:HEAD_BYTES])
        first_element(text)
    except Refused:
        return None
    message, version = _MESSAGE.search(text), _VERSION.search(text)
    named = version[0] if version else ""
    if message is not None:
        return Detected(MESSAGES[message[1]], named)
    return Detected(Format(named[:8]), named) if named else None


def read(source: bytes | BinaryIO) -> Iterator[Event]:
    """What a bank file holds, as a stream. Raises Refused, and Held where its structure is broken."""
    return read_camt(source)


def entries(source: bytes | BinaryIO, start: int = 0) -> Iterator[Entry | Quarantine]:
    """The entries of a file from a cursor on, which is the `ordinal` of an entry."""
    for event in read(source):
        if isinstance(event, Entry | Quarantine) and event.ordinal >= start:
            yield event
