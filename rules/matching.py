"""Finds payment references in what a payer wrote and a bank passed on.

Our references have one shape (RF, two check digits, P, eleven digits). It is looked for in everything, after all
that is neither a letter nor a digit has been dropped and lines have been joined: so spaces, dots, dashes, slashes,
lower case and line breaks do not matter, and a text without a reference gives one only where chance makes the shape
and the check digits. A structured field may hold another creditor's ISO 11649 reference, of any length; it is found
where it is the whole field, and never in free text, where nobody can tell its end.
"""

import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from stdnum import iso11649

MAX_CHARACTERS = 20_000
"""Of one payment's remittance; what is beyond is not looked at."""
MAX_REFERENCES = 20
"""More than these in one payment, and it is no longer a question for a rule."""

_LENGTH = 16
_OURS = re.compile(r"RF[0-9]{2}P[0-9]{11}")
_ANY = re.compile(r"RF[0-9]{2}[0-9A-Z]{1,21}")
_NOISE = re.compile(r"[^0-9A-Z]+")


class Found(NamedTuple):
    """The valid references, each once, in the order of the text."""

    structured: tuple[str, ...]
    free: tuple[str, ...]


def references(structured: Sequence[str], free: Sequence[str]) -> Found:
    """All valid ISO 11649 references of a payment: in its structured fields, and in the lines of its free text."""
    found: list[str] = []
    for field in structured:
        found += _in_field(field)
    text = "\n".join(free)
    # Most free text is nothing but a filler, too short for a reference; a full-width letter may stand for several.
    short = len(text) < _LENGTH and text.isascii()
    return Found(_each_once(found), () if short else _each_once(_ours(_plain(text))))


def _in_field(field: str) -> list[str]:
    if _OURS.fullmatch(field) and _checks(field):
        return [field]
    plain = _plain(field)
    return _ours(plain) or _whole(plain)


def _plain(text: str) -> str:
    """Letters and digits only, in capitals, full-width ones made plain."""
    text = text[:MAX_CHARACTERS]
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return _NOISE.sub("", text.upper())


def _ours(plain: str) -> list[str]:
    return [shape for shape in _OURS.findall(plain) if _checks(shape)]


def _checks(shape: str) -> bool:
    # ISO 7064 MOD 97-10 over the rest and then RF and the check digits, letters counted from A = 10.
    return int(f"25{shape[5:]}2715{shape[2:4]}") % 97 == 1


def _whole(plain: str) -> list[str]:
    return [plain] if _ANY.fullmatch(plain) and iso11649.is_valid(plain) else []


def _each_once(found: Sequence[str]) -> tuple[str, ...]:
    return tuple(found if len(found) < 2 else dict.fromkeys(found))[:MAX_REFERENCES]
