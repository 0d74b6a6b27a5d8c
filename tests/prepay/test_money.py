"""Amounts: minor units by ISO 4217, never rounded, never a float."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prepay.money import MAX_MINOR, AmountRefused, CurrencyRefused, Money, digits, to_decimal, to_minor


class TestToMinor:
    @pytest.mark.parametrize(
        ("text", "currency", "minor"),
        [
            ("1000.00", "EUR", 100_000),
            ("1000", "EUR", 100_000),
            ("0.1", "EUR", 10),
            ("1000.00", "JPY", 1000),
            ("1.234", "KWD", 1234),
            ("1.2340", "KWD", 1234),
        ],
    )
    def test_of_plain_decimals(self, text: str, currency: str, minor: int) -> None:
        assert to_minor(text, currency) == minor

    @pytest.mark.parametrize(
        "text",
        ["", " ", "1,000", "1e3", "+1", "-1", ".5", "5.", "1_000", "٣", "１", "NaN", "0x10", "1 000", "1\n"],
    )
    def test_refuses_all_else(self, text: str) -> None:
        with pytest.raises(AmountRefused, match="write digits with a decimal point"):
            to_minor(text, "EUR")

    @pytest.mark.parametrize(("text", "currency"), [("1.001", "EUR"), ("1.5", "JPY"), ("1.0001", "KWD")])
    def test_never_rounds(self, text: str, currency: str) -> None:
        with pytest.raises(AmountRefused, match="decimals and it has more"):
            to_minor(text, currency)

    def test_refuses_more_than_the_database_holds(self) -> None:
        assert to_minor(str(MAX_MINOR), "JPY") == MAX_MINOR
        with pytest.raises(AmountRefused, match="too large"):
            to_minor(str(MAX_MINOR + 1), "JPY")

    @pytest.mark.parametrize("currency", ["", "eur", "XXL", "XAU", "EURO"])
    def test_refuses_what_is_no_currency(self, currency: str) -> None:
        with pytest.raises(CurrencyRefused):
            to_minor("1", currency)


class TestToDecimal:
    @given(minor=st.integers(0, MAX_MINOR), currency=st.sampled_from(["EUR", "JPY", "KWD", "CLF"]))
    def test_reads_back_as_it_was(self, minor: int, currency: str) -> None:
        assert to_minor(to_decimal(minor, currency), currency) == minor

    def test_of_less_than_nothing(self) -> None:
        assert to_decimal(-5, "EUR") == "-0.05"


class TestDigits:
    def test_are_the_currencys_own(self) -> None:
        assert [digits(code) for code in ("EUR", "JPY", "KWD", "CLF")] == [2, 0, 3, 4]


class TestMoney:
    def test_reads_well(self) -> None:
        assert str(Money(amount_minor=123_456_789, currency="EUR")) == "1,234,567.89 EUR"
        assert str(Money(amount_minor=-5, currency="KWD")) == "-0.005 KWD"
        assert str(Money(amount_minor=250_000, currency="JPY")) == "250,000 JPY"

    def test_takes_no_float(self) -> None:
        with pytest.raises(ValueError, match="int"):
            Money(amount_minor=1.0, currency="EUR")
