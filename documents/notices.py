"""What customers are told, in their language. The words are in `notices/<language>.toml`."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined, Template

FOLDER = Path(__file__).parent / "notices"


def language(locale: str) -> str:
    """The language we write in for a customer's locale: Chinese for `zh…`, else English."""
    return "zh" if locale.lower().startswith("zh") else "en"


@cache
def _template(locale_language: str, kind: str, field: str) -> Template:
    # Plain text: there is no HTML to escape.
    words = tomllib.loads((FOLDER / f"{locale_language}.toml").read_text(encoding="utf-8"))
    return Environment(undefined=StrictUndefined, autoescape=False).from_string(words[kind][field].strip())


def notice_text(kind: str, locale: str, facts: dict[str, Any]) -> tuple[str, str]:
    """Subject and body of one kind of notice. Raises KeyError for a kind without words."""
    subject, body = (_template(language(locale), kind, field).render(facts) for field in ("subject", "body"))
    return subject, body
