"""The packaged fonts: where they are, which characters they have, what is missing.

Only packaged fonts are used, never those of the machine: a form has the same bytes everywhere.
"""

import unicodedata
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from xml.sax.saxutils import escape

from documents.refusal import DocumentRefused

LATIN_PACKAGE = "fontpkg_fira_sans"
CJK_PACKAGE = "noto_cjk_sans_otc"
UNPRINTABLE = "▯"
"""Printed in the place of a character that no packaged font has."""

_CJK_NAMES = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "IDEOGRAPHIC", "BOPOMOFO", "FULLWIDTH", "HALFWIDTH")
_INSTALL = {
    LATIN_PACKAGE: ("Fira Sans", "uv sync --group app"),
    CJK_PACKAGE: ("Noto Sans CJK", "uv sync --group cjk"),
}


class FontMissing(DocumentRefused):
    """A font that the form needs is not installed."""

    def __init__(self, package: str) -> None:
        font, command = _INSTALL[package]
        distribution = package.replace("_", "-")
        super().__init__(
            f"The form needs the font {font}, which is not installed: "
            f"run `{command}` (or `pip install {distribution}`), then restart the worker."
        )


def missing_fonts() -> list[str]:
    """One sentence for each packaged font that is not installed, with the command that installs it."""
    return [str(FontMissing(package)) for package in _INSTALL if not _folder(package)]


def fontconfig_xml() -> str:
    """A Fontconfig configuration that knows the packaged fonts and no others."""
    return f"<fontconfig>{''.join(f'<dir>{escape(str(folder))}</dir>' for folder in folders())}</fontconfig>"


def folders() -> list[Path]:
    """Where the packaged fonts are. Raises FontMissing without the one that every page needs."""
    if not _folder(LATIN_PACKAGE):
        raise FontMissing(LATIN_PACKAGE)
    return [folder for package in _INSTALL if (folder := _folder(package))]


def printable(text: str) -> str:
    """The text as it is printed: no control or direction characters, only characters the fonts have.

    Raises FontMissing where a Chinese, Japanese or Korean character needs the font that is not installed.
    """
    text = unicodedata.normalize("NFC", text)
    if _printed().issuperset(text):
        return text
    return "".join(map(_print_one, text))


def _print_one(character: str) -> str:
    if character in _printed():
        return character
    category = unicodedata.category(character)
    if category == "Zs":
        return "\N{NO-BREAK SPACE}"
    if category in ("Cc", "Zl", "Zp"):
        return " "
    if category == "Cf":
        return ""
    if not _folder(CJK_PACKAGE) and unicodedata.name(character, "").startswith(_CJK_NAMES):
        raise FontMissing(CJK_PACKAGE)
    return UNPRINTABLE


@cache
def _printed() -> frozenset[str]:
    from fontTools.ttLib import TTFont

    codes: set[int] = set()
    for package in _INSTALL:
        if folder := _folder(package):
            file = next(iter(sorted(folder.glob("*-Regular.tt[cf]"))))
            with TTFont(file, fontNumber=0, lazy=True) as font:
                codes.update(font.getBestCmap())
    return frozenset(c for c in map(chr, codes) if unicodedata.category(c)[0] != "C")


@cache
def _folder(package: str) -> Path | None:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        return None
    files = Path(spec.origin).parent
    return files / "files" if (files / "files").is_dir() else files
