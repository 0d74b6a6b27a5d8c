"""What a payment request form may say, and its canonical bytes."""

import hashlib
import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from documents.form import FormRefused, PaymentRequestForm, PayToAccount, form_digest, form_json, from_json
from prepay.money import MAX_MINOR, CurrencyRefused
from tests.documents.samples import EURO_ACCOUNT, MakeForm


class TestRefusals:
    """A form that could not be paid is not made."""

    @pytest.mark.parametrize(
        ("changes", "says"),
        [
            ({"reference": "RF17D2026000123"}, "check digits"),
            ({"expires_on": date(2026, 11, 22)}, "before its date of issue"),
            ({"amount_minor": 0}, "greater than or equal to 1"),
            ({"amount_minor": MAX_MINOR + 1}, "less than or equal to"),
            ({"amount_minor": 1.0}, "valid integer"),
            ({"note": "n" * 501}, "at most 500 characters"),
            ({"product": ""}, "at least 1 character"),
            ({"colour": "red"}, "not permitted"),
        ],
    )
    def test_names_what_is_wrong(self, make_form: MakeForm, changes: dict[str, Any], says: str) -> None:
        with pytest.raises(ValidationError, match=says):
            make_form(**changes)

    def test_currency_must_be_one(self, make_form: MakeForm) -> None:
        with pytest.raises((ValidationError, CurrencyRefused), match="ISO 4217"):
            make_form(currency="EURO")

    @pytest.mark.parametrize(
        ("numbers", "says"),
        [
            ({"iban": "DE88370400440532013000"}, "no valid IBAN"),
            ({"iban": "DE89 3704 0044 0532 0130 00"}, "no valid IBAN"),
            ({"iban": "de89370400440532013000"}, "no valid IBAN"),
            ({"iban": ""}, "IBAN or an account number"),
            ({"account_number": "123"}, "IBAN or an account number"),
        ],
    )
    def test_account_has_one_valid_number(self, numbers: dict[str, str], says: str) -> None:
        with pytest.raises(ValidationError, match=says):
            PayToAccount(**(EURO_ACCOUNT.model_dump() | numbers))

    def test_says_which_field(self) -> None:
        assert str(FormRefused("IBAN", "X", "is wrong")) == "The form's IBAN 'X' is wrong."


class TestCanonicalBytes:
    """The same form is the same bytes; another form is not."""

    def test_keys_are_sorted_without_spaces(self, make_form: MakeForm) -> None:
        content = form_json(make_form())
        assert content.startswith(b'{"amount_minor":1250000,"currency":"EUR","customer":{"address":[')
        assert content.decode() == json.dumps(
            json.loads(content), sort_keys=True, separators=(",", ":"), ensure_ascii=False
        )

    @given(note=st.text(max_size=500), amount=st.integers(1, MAX_MINOR))
    def test_reads_back_the_same_form(self, make_form: MakeForm, note: str, amount: int) -> None:
        form = make_form(note=note, amount_minor=amount)
        assert from_json(form_json(form)) == form

    def test_digest_is_of_these_bytes(self, make_form: MakeForm) -> None:
        form = make_form()
        assert form_digest(form) == hashlib.sha256(form_json(form)).hexdigest()

    def test_digest_tells_versions_apart(self, make_form: MakeForm) -> None:
        assert form_digest(make_form(version=1)) != form_digest(make_form(version=2))

    def test_form_is_frozen(self, make_form: MakeForm) -> None:
        form: PaymentRequestForm = make_form()
        with pytest.raises(ValidationError, match="frozen"):
            form.amount_minor = 1  # type: ignore[misc]
