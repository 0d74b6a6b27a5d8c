"""Text in the characters that banks take: the SEPA subset of Latin, with what becomes of other scripts.

Sources: EPC217-08, Best Practices on the SEPA Requirements for an Extended Character Set; ISO 843 as ELOT 743 writes
Greek; the Bulgarian transliteration law of 2009; DK, DFÜ-Abkommen Anlage 3, for umlauts in German.
"""

import re
import unicodedata

ALLOWED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/-?:().,'+ ")
"""EPC217-08, section 1; every bank takes these."""

GERMAN = ("DE", "AT", "CH", "LI", "LU")
"""Where a u with dots is written ue, as on passports; elsewhere it loses its dots."""
_UMLAUTS = {"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"}
_LETTERS = {
    "ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L",
    "đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th", "ı": "i", "ħ": "h", "Ħ": "H", "ŧ": "t", "Ŧ": "T",
    "ŋ": "n", "Ŋ": "N", "ĸ": "k", "ſ": "s",
}  # fmt: skip
_GREEK_WRITTEN = "a v g d e z i th i k l m n x o p r s s t y f ch ps o"
_GREEK = dict(zip("αβγδεζηθικλμνξοπρσςτυφχψω", _GREEK_WRITTEN.split(), strict=True))
_BULGARIAN_WRITTEN = "a b v g d e zh z i y k l m n o p r s t u f h ts ch sh sht a y yu ya"
_BULGARIAN = dict(zip("абвгдежзийклмнопрстуфхцчшщъьюя", _BULGARIAN_WRITTEN.split(), strict=True))
# Signs that say the same in another shape. Others are refused: a name without its # is another name.
_SIGNS = {
    **dict.fromkeys('’‘‛`´ʼ"“”„«»', "'"),
    **dict.fromkeys("‐‑‒–—―_", "-"),
    "&": "+",
    "[": "(",
    "]": ")",
    "{": "(",
    "}": ")",
    ";": ",",
    "…": "...",
    "\u00a0": " ",
    "\t": " ",
}


class Unwritable(ValueError):
    """A character that no bank takes, and that nothing says the same as."""

    def __init__(self, character: str) -> None:
        self.character = character
        super().__init__(
            f"the character {character!r} cannot be written in a payment: banks take Latin letters, digits and "
            "/ - ? : ( ) . , ' +"
        )


def bank_text(text: str, country: str = "") -> str:
    """The text as a payment file has it, single spaces between its words. Raises Unwritable.

    `country` is the payee's: it decides how umlauts are written.
    """
    written = "".join(_plain(character, country) for character in unicodedata.normalize("NFC", text))
    return re.sub(r" +", " ", written).strip()


def _plain(character: str, country: str) -> str:
    if character in ALLOWED:
        return character
    if character in _UMLAUTS and country in GERMAN:
        return _UMLAUTS[character]
    if character in _SIGNS or character in _LETTERS:
        return _SIGNS.get(character) or _LETTERS[character]
    # Letters of the other scripts carry marks too, but й is a letter of its own.
    lower = character.lower()
    if lower in _BULGARIAN:
        return _cased(_BULGARIAN[lower], character)
    base = "".join(c for c in unicodedata.normalize("NFKD", character) if not unicodedata.combining(c))
    if base and base != character:
        return "".join(_plain(c, country) for c in base)
    if lower in _GREEK:
        return _cased(_GREEK[lower], character)
    raise Unwritable(character)


def _cased(written: str, character: str) -> str:
    return written.capitalize() if character.isupper() else written
