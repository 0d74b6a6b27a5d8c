"""The bytes of a bank file that is no XML, piece by piece: of limited size, and in one byte a character or UTF-8.

And the text in them without control characters.
"""

import codecs
from collections.abc import Iterator
from typing import BinaryIO

from bankfiles.refusals import TooLarge
from bankfiles.xmlsource import CHUNK_BYTES, HEAD_BYTES, MAX_BYTES, wide_encoding

_KNOWN_CHARACTERS = 1_000


class _Printable(dict[int, str]):
    """What stands for each character that was met; a few are kept."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        shown = character if character.isprintable() else " "
        if len(self) < _KNOWN_CHARACTERS:
            self[code] = shown
        return shown


_PRINTABLE = _Printable()


def printable(text: str) -> str:
    """With a space for each character that is not: control characters, other separators than a space."""
    return text if text.isprintable() else text.translate(_PRINTABLE)


def chunks(stream: BinaryIO) -> Iterator[bytes]:
    """Without a byte order mark; the first piece is long enough to tell how lines are written. Raises TooLarge."""
    head = b""
    while len(head) < HEAD_BYTES and (more := stream.read(HEAD_BYTES)):
        head += more
    wide = wide_encoding(head)
    decoder = codecs.getincrementaldecoder(wide or "utf-8")("replace")
    count, chunk = 0, head.removeprefix(codecs.BOM_UTF8)
    while chunk:
        count += len(chunk)
        if count > MAX_BYTES:
            raise TooLarge("The file", f"{MAX_BYTES // 1024**2} MiB")
        piece = decoder.decode(chunk).lstrip("\ufeff").encode("utf-8", "replace") if wide else chunk
        if piece:
            yield piece
        chunk = stream.read(CHUNK_BYTES)
