"""Amounts, dates and names as the customer reads them."""

from contextlib import suppress
from copy import copy
from datetime import date
from decimal import Decimal
from typing import Literal

from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from babel.numbers import get_currency_name

from prepay.money import to_decimal

Language = Literal["en", "zh"]


def language(locale: str) -> Language:
    """Which of our two languages a customer's locale asks for: Chinese for `zh…`, else English."""
    return "zh" if _subtags(locale)[0] == "zh" else "en"


def amount(amount_minor: int, currency: str, locale: str) -> str:
    """The figures with the customer's separators and the currency's ISO 4217 digits: `1,234.50`.

    CLDR counts other digits for some currencies, so Babel is told how many there are.
    """
    plain = to_decimal(amount_minor, currency)
    reader = known(locale)
    pattern = copy(reader.decimal_formats[None])
    places = len(plain.partition(".")[2])
    pattern.frac_prec = (places, places)
    return str(pattern.apply(Decimal(plain), reader))


def day(value: date, locale: str) -> str:
    """The date in words, in the form's language: `23 November 2026`."""
    return format_date(value, "long", locale=_form_locale(locale))


def country(code: str, locale: str) -> str:
    """The country's name in the form's language; an unknown code stays as it is."""
    return str(_form_locale(locale).territories.get(code, code))


def currency_name(code: str, locale: str) -> str:
    """The currency's name in the form's language: `euros`, `Japanese yen`."""
    return get_currency_name(code, count=2, locale=_form_locale(locale))


def in_fours(text: str) -> str:
    """The characters in groups of four: `RF18 5390 0754 7034`."""
    return " ".join(text[start : start + 4] for start in range(0, len(text), 4))


def _subtags(locale: str) -> list[str]:
    return locale.strip().replace("_", "-").lower().split("-")


def known(locale: str) -> Locale:
    """CLDR's locale of that name, or of its language, else English."""
    subtags = _subtags(locale)
    for candidate in ("_".join(subtags), subtags[0]):
        with suppress(ValueError, UnknownLocaleError):
            return Locale.parse(candidate)
    return Locale("en")


def _form_locale(locale: str) -> Locale:
    if language(locale) == "zh":
        return Locale("zh", "CN", script="Hans")
    found = known(locale)
    return found if found.language == "en" and found.territory else Locale("en", "GB")
