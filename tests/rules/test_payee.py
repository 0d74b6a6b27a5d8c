"""Payees: what no bank would pay is refused in one sentence, before anybody approves it."""

from typing import Any

import pytest

from rules.payee import CLEARING, PayeeFields, is_sepa, refuse_payee, written_payee

IBAN = "DE02120300000000202051"
IN = {"account_number": "1234567", "clearing_code": "HDFC0000001", "country": "IN", "town": "Pune"}
US = {"account_number": "123456789", "country": "US", "town": "New York", "clearing_code": "021000021"}


def refused(currency: str = "EUR", name: str = "ACME GmbH", **fields: Any) -> str:
    return refuse_payee(PayeeFields(name, **fields), currency) or ""


class TestTaken:
    @pytest.mark.parametrize(
        ("currency", "fields"),
        [
            ("EUR", {"iban": IBAN}),
            ("EUR", {"iban": "de02 1203 0000 0000 2020 51", "bic": "BYLADEM1001"}),
            ("EUR", {"iban": "CH9300762011623852957"}),
            ("EUR", {"iban": "FR1420041010050500013M02606", "bic": "BNPAGFGX"}),
            ("USD", {"iban": IBAN, "bic": "BYLADEM1001", "country": "DE", "town": "Berlin"}),
            ("USD", US),
            ("USD", US | {"charge_bearer": "DEBT"}),
            ("JPY", {"account_number": "1234567", "bic": "BOTKJPJT", "country": "JP", "town": "Tokyo"}),
            ("INR", IN | {"purpose": "GDDS"}),
        ],
    )  # fmt: skip
    def test_what_a_bank_pays(self, currency: str, fields: dict[str, Any]) -> None:
        assert refused(currency, **fields) == ""


class TestRefused:
    @pytest.mark.parametrize(
        ("currency", "fields", "why"),
        [
            ("EUR", {"name": " ", "iban": IBAN}, "name is missing"),
            ("EUR", {"name": "京东", "iban": IBAN}, "the character '京' cannot be written"),
            ("EUR", {"name": "N" * 71, "iban": IBAN}, "71 characters"),
            ("EUR", {"name": "...", "iban": IBAN}, "neither letters nor digits"),
            ("EUR", {}, "either an IBAN or an account number"),
            ("EUR", {"iban": IBAN, "account_number": "1"}, "either an IBAN or an account number"),
            ("EUR", {"iban": "DE03120300000000202051"}, "The IBAN is wrong"),
            ("EUR", {"iban": "DE0212030000000020205"}, "The IBAN is wrong"),
            ("EUR", {"iban": "XX02120300000000202051"}, "The IBAN is wrong"),
            ("EUR", {"iban": IBAN, "bic": "BYLA"}, "8 or 11 characters"),
            ("EUR", {"iban": IBAN, "bic": "BYLADE10"}, "8 or 11 characters"),
            ("EUR", {"iban": IBAN, "bic": "BNPAFRPP"}, "one is wrong"),
            ("EUR", {"iban": IBAN, "charge_bearer": "DEBT"}, "A SEPA payment shares the charges"),
            ("EUR", {"iban": IBAN, "purpose": "gdds"}, "four capitals"),
            ("USD", US | {"charge_bearer": "SLEV"}, "SLEV is for SEPA"),
            ("USD", US | {"charge_bearer": "OUR"}, "must be SHAR, DEBT or CRED"),
            ("USD", US | {"town": ""}, "town and country are missing"),
            ("USD", US | {"country": "USA"}, "two capitals"),
            ("USD", US | {"town": "紐約"}, "The payee's town"),
            ("USD", US | {"clearing_code": ""}, "its BIC or a routing number of 9 digits"),
            ("USD", US | {"clearing_code": "021000022"}, "The clearing code is wrong"),
            ("USD", {"iban": IBAN, "country": "DE", "town": "Berlin"}, "give its BIC"),
            ("USD", {"account_number": "1", "country": "BR", "town": "Rio", "clearing_code": "1"}, "No clearing codes"),
            ("USD", US | {"account_number": "1" * 35}, "at most 34"),
            ("USD", US | {"account_number": IBAN}, "looks like an IBAN"),
            ("INR", IN, "need a purpose"),
        ],
    )  # fmt: skip
    def test_in_one_sentence(self, currency: str, fields: dict[str, Any], why: str) -> None:
        said = refused(currency, **fields)
        assert why in said
        assert said.endswith((".", "+"))
        assert "\n" not in said


class TestWritten:
    def test_as_the_file_has_it(self) -> None:
        fields = PayeeFields("Bäckerei Süß", iban="de02 1203 0000 0000 2020 51")
        assert written_payee(fields)["name"] == "Baeckerei Suess"
        assert written_payee(fields)["iban"] == IBAN

    def test_a_clearing_code_comes_with_its_system(self) -> None:
        assert written_payee(PayeeFields("ACME", **US))["clearing_system"] == CLEARING["US"].code


class TestSepa:
    @pytest.mark.parametrize(
        ("currency", "iban", "sepa"),
        [
            ("EUR", IBAN, True),
            ("USD", IBAN, False),
            ("EUR", "", False),
            ("EUR", "AE070331234567890123456", False),
        ],
    )
    def test_is_euro_to_the_sepa_zone(self, currency: str, iban: str, sepa: bool) -> None:
        assert is_sepa(currency, iban) is sepa
