"""Amounts, dates and names as a customer reads them."""

import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from documents import figures
from prepay.money import MAX_MINOR, digits


class TestLanguage:
    @pytest.mark.parametrize("locale", ["zh", "zh-CN", "zh-Hans", "zh_Hans_CN", "ZH-cn"])
    def test_chinese_for_every_chinese_locale(self, locale: str) -> None:
        assert figures.language(locale) == "zh"

    @pytest.mark.parametrize("locale", ["en", "de-DE", "", "zhx", "../zh", "x-zh"])
    def test_english_for_everyone_else(self, locale: str) -> None:
        assert figures.language(locale) == "en"


class TestAmount:
    @pytest.mark.parametrize(
        ("minor", "currency", "locale", "printed"),
        [
            (123456789, "EUR", "en", "1,234,567.89"),
            (123456789, "EUR", "de-DE", "1.234.567,89"),
            (123456789, "EUR", "fr-FR", "1\u202f234\u202f567,89"),
            (123456789, "INR", "en-IN", "12,34,567.89"),
            (123456789, "JPY", "ja-JP", "123,456,789"),
            (123456789, "KWD", "zh-CN", "123,456.789"),
            (123456789, "EUR", "de-QQ", "1.234.567,89"),
            (5, "EUR", "en", "0.05"),
            (MAX_MINOR, "JPY", "en", "9,223,372,036,854,775,807"),
            (MAX_MINOR, "KWD", "en", "9,223,372,036,854,775.807"),
            (MAX_MINOR, "EUR", "en", "92,233,720,368,547,758.07"),
        ],
    )
    def test_has_the_reader_s_separators(self, minor: int, currency: str, locale: str, printed: str) -> None:
        assert figures.amount(minor, currency, locale) == printed

    @pytest.mark.parametrize(("currency", "printed"), [("ISK", "1,000"), ("IQD", "1.000"), ("HUF", "10.00")])
    def test_digits_are_those_of_iso_4217(self, currency: str, printed: str) -> None:
        assert figures.amount(1000, currency, "en") == printed

    @given(
        minor=st.integers(1, MAX_MINOR),
        currency=st.sampled_from(["EUR", "JPY", "KWD", "CLF", "USD"]),
        locale=st.sampled_from(["en", "de", "fr", "pl", "hi", "de-CH", "ar-KW", "zh", "no-such", ""]),
    )
    def test_no_digit_is_lost(self, minor: int, currency: str, locale: str) -> None:
        printed = figures.amount(minor, currency, locale)
        only_digits = "".join(character for character in printed if character.isdigit())
        assert int(only_digits) == minor
        decimals = re.search(r"[.,](\d*)$", printed) if digits(currency) else None
        assert len(decimals[1] if decimals else "") == digits(currency)

    @given(locale=st.text(max_size=35))
    def test_any_text_is_a_locale(self, locale: str) -> None:
        assert "5" in figures.amount(5, "JPY", locale)


class TestWords:
    def test_days_are_written_out(self) -> None:
        assert figures.day(date(2026, 12, 7), "de-DE") == "7 December 2026"
        assert figures.day(date(2026, 12, 7), "en-US") == "December 7, 2026"
        assert figures.day(date(2026, 12, 7), "zh-CN") == "2026年12月7日"

    def test_countries_are_named(self) -> None:
        assert figures.country("DE", "en") == "Germany"
        assert figures.country("DE", "zh") == "德国"
        assert figures.country("QQ", "en") == "QQ"

    def test_currencies_are_named(self) -> None:
        assert figures.currency_name("JPY", "en") == "Japanese yen"
        assert figures.currency_name("JPY", "zh") == "日元"

    def test_groups_of_four(self) -> None:
        assert figures.in_fours("RF18539007547034") == "RF18 5390 0754 7034"
        assert figures.in_fours("") == ""
