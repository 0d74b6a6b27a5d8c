"""Amounts, dates, accounts and numbers of MT940 as banks write them; nothing is rounded and nothing guessed."""

import time
from datetime import date

import pytest

from bankfiles.mt_fields import (
    account,
    balance,
    day,
    entries_sum,
    entry_day,
    floor_limit,
    is_iban,
    match_line,
    minor,
    statement_number,
)
from bankfiles.refusals import Unreadable


class TestAmount:
    @pytest.mark.parametrize(
        ("text", "currency", "minor_units"),
        [
            ("1234,56", "EUR", 123456),
            ("1234,5", "EUR", 123450),
            ("1234,", "EUR", 123400),
            ("1234", "EUR", 123400),
            (",50", "EUR", 50),
            ("0,", "EUR", 0),
            ("000000001000,00", "EUR", 100000),
            ("1,500", "EUR", 150),
            ("1,500", "KWD", 1500),
            ("100,00", "JPY", 100),
            ("1211771.46", "EUR", 121177146),
            ("92233720368547758,07", "EUR", 2**63 - 1),
        ],
    )
    def test_has_a_comma_before_its_decimals(self, text: str, currency: str, minor_units: int) -> None:
        assert minor("amount", text, currency) == minor_units

    @pytest.mark.parametrize(
        "text",
        ["", ",", ".", "1,001", "1.001", "1.000", "1.000,00", "1.000,", "1,00.0", "1,0,0", " 1,00", "-1,00", "+1,00",
         "1e3", "٣,00", "92233720368547758,08", "1" * 60],
    )  # fmt: skip
    def test_that_is_none_is_unreadable(self, text: str) -> None:
        with pytest.raises(
            Unreadable, match="amount: expected an amount of EUR such as 1000,00, not rounded"
        ):
            minor("amount", text, "EUR")

    def test_of_no_currency_is_unreadable(self) -> None:
        with pytest.raises(Unreadable, match="currency: expected an ISO 4217 currency in use, found 'DEM'"):
            minor("amount", "1,00", "DEM")


class TestDay:
    def test_is_of_1980_to_2079(self) -> None:
        assert day("value date", "791231") == date(2079, 12, 31)
        assert day("value date", "800101") == date(1980, 1, 1)

    @pytest.mark.parametrize(
        ("text", "on"),
        [
            ("160230", date(2016, 2, 29)),
            ("170230", date(2017, 2, 28)),
            ("170229", date(2017, 2, 28)),
            ("160228", date(2016, 2, 28)),
        ],
    )
    def test_30_february_is_its_last_day(self, text: str, on: date) -> None:
        assert day("value date", text) == on

    @pytest.mark.parametrize(
        "text", ["", "260231", "261301", "260431", "26010", "2601O1", "20260101", "-10101"]
    )
    def test_that_is_none_is_unreadable(self, text: str) -> None:
        with pytest.raises(Unreadable):
            day("value date", text)


class TestEntryDay:
    @pytest.mark.parametrize(
        ("text", "value_on", "on"),
        [
            ("1123", date(2026, 11, 24), date(2026, 11, 23)),
            ("0102", date(2025, 12, 31), date(2026, 1, 2)),
            ("1231", date(2026, 1, 2), date(2025, 12, 31)),
            ("0301", date(2016, 2, 29), date(2016, 3, 1)),
            ("0229", date(2016, 3, 1), date(2016, 2, 29)),
        ],
    )
    def test_is_of_the_year_nearest_to_the_value_date(self, text: str, value_on: date, on: date) -> None:
        assert entry_day(text, value_on) == on

    def test_with_a_year_is_near_the_value_date(self) -> None:
        assert entry_day("261123", date(2026, 11, 24)) == date(2026, 11, 23)
        with pytest.raises(Unreadable):
            entry_day("251123", date(2026, 11, 24))


class TestBalance:
    def test_is_negative_when_overdrawn(self) -> None:
        found = balance("OPBD", "D261123EUR1000,5")
        assert (found.code, found.amount_minor, found.currency, found.on) == (
            "OPBD", -100050, "EUR", date(2026, 11, 23),
        )  # fmt: skip

    def test_of_no_day_is_a_balance_all_the_same(self) -> None:
        assert balance("OPBD", "C000000EUR1,00").on is None

    @pytest.mark.parametrize(
        "text", ["", "X261123EUR1,00", "C261123EU1,00", "C261123EUR", "C261123EUR1,00 2"]
    )
    def test_that_is_none_is_unreadable(self, text: str) -> None:
        with pytest.raises(Unreadable):
            balance("OPBD", text)


class TestSums:
    def test_have_number_currency_and_sum(self) -> None:
        assert entries_sum("12EUR1500,00") == (12, "EUR", 150000)
        with pytest.raises(Unreadable):
            entries_sum("EUR1500,00")
        assert entries_sum("EUR,00") == (0, "EUR", 0)

    def test_of_no_entries_need_no_number(self) -> None:
        assert entries_sum("EUR,00") == entries_sum("0EUR0,") == (0, "EUR", 0)

    def test_a_floor_limit_is_for_debits_credits_or_both(self) -> None:
        assert floor_limit("EURD5,") == ("EUR", "D", 500)
        assert floor_limit("PLN0") == ("PLN", "", 0)
        assert floor_limit("EUR 0,00") == ("EUR", "", 0)
        assert floor_limit("EUR") == floor_limit("EUR,") == ("EUR", "", 0)


class TestStatementNumber:
    @pytest.mark.parametrize(
        ("text", "number"),
        [
            ("00135/001", ("135", 1)),
            ("1/2", ("1", 2)),
            ("17", ("17", 1)),
            ("0", ("", 1)),
            ("00000/00", ("", 1)),
            ("036/2009/BPL", ("036/2009/BPL", 1)),
            ("", ("", 1)),
            ("/1", ("", 1)),
        ],
    )
    def test_has_a_page(self, text: str, number: tuple[str, int]) -> None:
        assert statement_number(text) == number


class TestAccount:
    @pytest.mark.parametrize(
        ("text", "number"),
        [
            ("DE89370400440532013000", "DE89370400440532013000"),
            ("DE89 3704 0044 0532 0130 00", "DE89370400440532013000"),
            ("NL91ABNA0417164300EUR", "NL91ABNA0417164300"),
            ("NL91ABNA0417164300 EUR", "NL91ABNA0417164300"),
            ("NL91ABNA0417164300001", "NL91ABNA0417164300001"),
            ("/PL61109010140000071219812874", "PL61109010140000071219812874"),
            ("ABNANL2A/NL91ABNA0417164300", "NL91ABNA0417164300"),
            ("SC18SSCB11010000000000001497USD", "SC18SSCB11010000000000001497USD"),
            ("37040044/0532013000", "37040044/0532013000"),
            ("37040044/0532013000EUR", "37040044/0532013000"),
            ("1291.99.348EUR", "1291.99.348"),
            ("0123456789", "0123456789"),
            ("TRIODOSBANK/0454545454", "TRIODOSBANK/0454545454"),
            ("ACCOUNTEUR", "ACCOUNTEUR"),
        ],
    )
    def test_is_an_iban_alone_else_what_the_bank_writes(self, text: str, number: str) -> None:
        assert account(text, "EUR") == number

    def test_an_iban_has_the_length_of_its_country(self) -> None:
        assert is_iban("DE89370400440532013000")
        assert not is_iban("DE8937040044053201300")
        assert not is_iban("XX89370400440532013000")


class TestLine:
    @pytest.mark.parametrize(
        "text", ["1" * 60_000, "2611231123C" + "1" * 60_000, "2611231123C" + "1," * 30_000]
    )
    def test_of_any_length_takes_no_time(self, text: str) -> None:
        before = time.process_time()
        with pytest.raises(Unreadable):
            match_line([text])
        assert time.process_time() - before < 0.5
