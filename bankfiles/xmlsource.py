"""The bytes of an XML bank file, read forward in safety: size, encoding, no DOCTYPE, document after document."""

import codecs
import io
import re
from codecs import BOM_UTF8
from collections.abc import Iterator
from typing import Any, BinaryIO

from lxml import etree

from bankfiles.refusals import Broken, HasDoctype, NotABankFile, TooDeep, TooLarge, UnknownEncoding

MAX_BYTES = 4 * 1024**3
"""A file of a million entries with all their details has about 2 GB."""
MAX_UNREAD_BYTES = 2 * 1024**2
"""Between two things the reader takes from the file: no transaction or statement head is as large.

An empty element of four bytes takes 80 times as many in memory.
"""
MAX_DEPTH = 256
"""Elements inside one another; libxml2 stops there when huge trees are off."""
HEAD_BYTES = 64 * 1024
"""Where the first element must have begun."""

KEPT_BYTES = 512
"""What may stand between two documents and is looked at as one."""
CHUNK_BYTES = 64 * 1024
# Their bytes for "<", "!" and letters are those of ASCII, so a DOCTYPE cannot hide in them.
_ASCII_LIKE = re.compile(
    r"utf-?8|us-ascii|ascii|iso-?8859-?\d{1,2}|latin-?\d{1,2}|(?:windows|cp)-?125\d|gb2312|gbk|gb18030|big5|euc-\w{2}",
    re.IGNORECASE,
)
_DECLARED = re.compile(r"""<\?xml\s[^>]*?encoding\s*=\s*["']([^"'>]*)["']""")
_DECLARATION = re.compile(rb"<\?xml\s")
_OWN_DECLARATION = 9
"""How far into a document the declaration of the next one cannot stand."""
# One expression, as each of two would look through what is in memory for what ends a later document.
_END_OR_DECLARATION = re.compile(
    rb"<(?:(/(?:[\w.-]+:)?Document\s{0,9}>)[\s\x00\x1a]{0,400}(?=<(?:[\w.-]{1,64}:)?(?:Document|AppHdr)[\s>])|\?xml\s)",
    re.ASCII,
)
_HEADER = re.compile(
    rb"<((?:[\w.-]{1,64}:)?)AppHdr(?:\s[^<>]*(?<!/))?>[^<]*(?:<(?!/?(?:[\w.-]{1,64}:)?(?:AppHdr|Document)[\s/>])[^<]*)*"
    rb"</\1AppHdr\s{0,9}>(?=\s{0,400}((?:\xef\xbb\xbf)?<\?xml\s[^<>]{0,200}\?>\s{0,400})?<(?:[\w.-]{1,64}:)?Document[\s>])"
)
"""The business application header, where it stands before its document and not around it or around another."""
_ROOT = re.compile(r"<(?:[\w.-]+:)?Document[\s>]")
_PADDING = b"\x00\x1a"
"""What some programs write behind the end."""


# Bytes that begin no character of UTF-8, and first bytes of one that have no second. Some of them at a time: the
# pattern remembers each, and possessive patterns are wrong in Python 3.11.2.
_NO_UTF_8 = re.compile(rb"(?:[\x80-\xc1\xf5-\xff]|[\xc2-\xf4](?=[\x00-\x7f\xc0-\xff])){0,1000}")


def _windows_1252(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    # Many that follow, as being asked for each byte takes a second for a MiB.
    found = _NO_UTF_8.match(error.object, error.end)
    end = error.end if found is None else found.end()
    return error.object[error.start : end].decode("cp1252", "replace"), end


codecs.register_error("windows-1252", _windows_1252)


def wide_encoding(head: bytes) -> str:
    """Which UTF-16 the first bytes are in, by their byte order mark or by their zeros; empty when in none."""
    zeros = [byte == 0 for byte in head[:4]]
    if head.startswith(codecs.BOM_UTF16_LE) or zeros == [False, True, False, True]:
        return "utf-16-le"
    if head.startswith(codecs.BOM_UTF16_BE) or zeros == [True, False, True, False]:
        return "utf-16-be"
    return ""


def head_text(head: bytes) -> str:
    """The first bytes as text in which markup can be looked for. Raises UnknownEncoding."""
    if head.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff", b"\0\0\0<", b"<\0\0\0")):
        raise UnknownEncoding("UTF-32")
    if wide := wide_encoding(head):
        return head.decode(wide, "replace").lstrip("\ufeff")
    text = head.removeprefix(BOM_UTF8).decode("latin-1")
    declared = _DECLARED.match(text.lstrip())
    if declared is not None and not _ASCII_LIKE.fullmatch(declared[1]):
        raise UnknownEncoding(declared[1])
    return text


def first_element(text: str) -> int:
    """Where the first element begins, after declaration, comments and instructions; -1 without one.

    Raises HasDoctype: in XML a DOCTYPE can stand nowhere else.
    """
    at = 0
    while True:
        while at < len(text) and text[at].isspace():
            at += 1
        if text.startswith("<?", at):
            end, width = text.find("?>", at + 2), 2
        elif text.startswith("<!--", at):
            end, width = text.find("-->", at + 4), 3
        elif text[at : at + 9].upper() == "<!DOCTYPE":
            raise HasDoctype
        else:
            return at if text.startswith("<", at) else -1
        if end < 0:
            return -1
        at = end + width


class XmlSource:
    """The documents of a file: one, or several after one another, each with its `<?xml` line or without.

    What is no UTF-8 in a document that says so is taken for Windows-1252, which covers Latin-1.
    """

    def __init__(self, source: bytes | BinaryIO) -> None:
        self._stream: BinaryIO = io.BytesIO(source) if isinstance(source, bytes) else source
        self._ahead = self._stream.read(HEAD_BYTES)
        self._read = self._unread = len(self._ahead)
        self._splits = self._at_start = True
        self._in_document = self._ended = False
        self._decoder: codecs.IncrementalDecoder | None = None
        self.line_offset = 0
        """Lines of the file before the current document."""
        self._lines = 0

    def documents(self) -> Iterator["XmlSource"]:
        """Go to each document in turn; it is read by `read` until that returns nothing."""
        while self._start_document():
            yield self

    def _start_document(self) -> bool:
        if not self._wide():
            self._ahead = self._ahead.removeprefix(BOM_UTF8)
            skipped = b" \t\r\n" if self._at_start else b" \t\r\n" + _PADDING
            blank = len(self._ahead) - len(self._ahead.lstrip(skipped))
            self._lines += self._ahead.count(b"\n", 0, blank)
            self._ahead = self._ahead[blank:]
        if not self._ahead:
            return False
        while len(self._ahead) < HEAD_BYTES and (more := self._more(HEAD_BYTES)):
            self._ahead += more
        text = head_text(self._ahead)
        self._splits = not self._wide()
        self.line_offset = self._lines
        root = first_element(text)
        if root < 0:
            raise NotABankFile
        header = None if self._wide() else _HEADER.match(self._ahead, root)
        if header is not None:
            # It has no money in it, and two first elements are no XML. What stands before it, such as the encoding, is
            # said of the document, unless that says so itself.
            kept, end = (0, header.start(2)) if header[2] else (root, header.end())
            self._lines += self._ahead.count(b"\n", kept, end)
            self._ahead = self._ahead[:kept] + self._ahead[end:]
            return self._start_document()
        self._in_document = _ROOT.match(text, root) is not None
        self._decoder = (
            codecs.getincrementaldecoder("utf-8")("windows-1252") if self._is_utf_8(text) else None
        )
        self._at_start, self._ended = True, False
        return True

    def _wide(self) -> bool:
        return wide_encoding(self._ahead) != ""

    def _is_utf_8(self, text: str) -> bool:
        declared = _DECLARED.match(text.lstrip())
        return self._splits and (declared is None or declared[1].upper() in ("UTF-8", "UTF8"))

    def read(self, size: int) -> bytes:
        """The next bytes of the current document; nothing when it has ended."""
        while True:
            piece = self._piece(size)
            if self._decoder is None or (piece.isascii() and not self._decoder.getstate()[0]):
                return piece
            text = self._decoder.decode(piece, not piece)
            if text or not piece:
                return text.encode()

    def _piece(self, size: int) -> bytes:
        while not self._ended:
            end = self._end_of_document()
            if end is not None:
                self._ended = True
                return self._take(end)
            # The last bytes may be the first half of the next document's declaration.
            if len(self._ahead) > KEPT_BYTES:
                return self._take(len(self._ahead) - KEPT_BYTES)
            more = self._more(size)
            if not more:
                self._ahead = self._ahead.rstrip(_PADDING) if self._splits else self._ahead
                return self._take(len(self._ahead))
            self._ahead += more
        return b""

    def _end_of_document(self) -> int | None:
        """Where the next document's first element, or what stands before that, stands in what was read."""
        if not self._splits:
            return None
        ends = self._in_document and b"Document" in self._ahead
        if not ends and b"<?xml" not in self._ahead:
            return None
        pattern = _END_OR_DECLARATION if ends else _DECLARATION
        following = pattern.search(self._ahead, _OWN_DECLARATION if self._at_start else 0)
        if following is None:
            return None
        if following.lastindex:
            return following.end(1)
        at = following.start()
        return at - len(BOM_UTF8) if self._ahead.endswith(BOM_UTF8, 0, at) else at

    def _take(self, length: int) -> bytes:
        piece, self._ahead = self._ahead[:length], self._ahead[length:]
        self._at_start = False
        self._lines += piece.count(b"\n")
        return piece

    def _more(self, size: int) -> bytes:
        piece = self._stream.read(size)
        self._read += len(piece)
        self._unread += len(piece)
        if self._read > MAX_BYTES:
            raise TooLarge("The file", f"{MAX_BYTES // 1024**2} MiB")
        if self._unread > MAX_UNREAD_BYTES:
            raise TooLarge("One element of the file", f"{MAX_UNREAD_BYTES // 1024**2} MiB")
        return piece

    def progress(self) -> None:
        """The reader has taken what it was given; the memory of it is free again."""
        self._unread = 0


def elements(document: XmlSource, names: tuple[str, ...]) -> Iterator[etree._Element]:
    """Each element of these local names when it has ended. Raises Refused or Broken."""
    options: dict[str, Any] = {
        "no_network": True,
        "load_dtd": False,
        "huge_tree": False,
        "recover": False,
        "remove_comments": True,
        "remove_pis": True,
    }
    parser = etree.XMLPullParser(events=("end",), tag=[f"{{*}}{name}" for name in names], **options)
    error, more = None, b"<"
    while more and error is None:
        more = document.read(CHUNK_BYTES)
        try:
            if more:
                parser.feed(more)
            else:
                parser.close()
        except etree.XMLSyntaxError as found:
            error = found
        # Each is let go of before the next one is taken: to clear an element of which a part is still known here
        # takes lxml the square of the time.
        ended = list(parser.read_events())
        ended.reverse()
        while ended:
            yield ended.pop()[1]
    if error is not None:
        raise _refusal(error, document.line_offset)


def _refusal(error: etree.XMLSyntaxError, line_offset: int) -> TooDeep | UnknownEncoding | Broken:
    line = line_offset + (error.lineno or 0)
    if error.code == etree.ErrorTypes.ERR_RESOURCE_LIMIT:
        return TooDeep(line, MAX_DEPTH)
    if error.code == etree.ErrorTypes.ERR_UNSUPPORTED_ENCODING:
        return UnknownEncoding(str(error.msg).rpartition(" ")[2])
    said = str(error.msg).split(", line ")[0]
    return Broken(line, f"expected well-formed XML, found {said!r}")
