"""The words of the page, and that text from outside stays text."""

import re
import string
from html.parser import HTMLParser
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from documents.figures import Language
from documents.form import PaymentRequestForm
from documents.page import form_html, words
from tests.documents.samples import CUSTOMER, EURO_ACCOUNT, ISSUER, VIRTUAL_ACCOUNT, MakeForm

HOSTILE = (
    '<img src="file:///etc/passwd">',
    "<script>alert(1)</script>",
    "</td></table><style>@import url(http://169.254.169.254/)</style>",
    '"><link rel=attachment href=file:///etc/passwd>',
    "{{ 7*7 }} {% include '/etc/passwd' %} {number}",
)


class _Elements(HTMLParser):
    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.text = ""
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(name for name, _ in attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def _said(form: PaymentRequestForm) -> str:
    return re.sub(r"\s+", " ", _Elements(form_html(form, qr=False)).text)


class TestWords:
    def test_both_languages_say_the_same_things(self) -> None:
        english, chinese = (words(language) for language in get_args(Language))
        assert english.keys() == chinese.keys()
        for key, text in english.items():
            assert _holes(text) == _holes(chinese[key]), key

    @pytest.mark.parametrize(
        "sentence",
        [
            "It is not a tax invoice.",
            "An indication, not an agreed supply.",
            "EUR 12,500.00",
            "Send this currency: euros (EUR).",
            "RF16 D202 6000 123",
            "Quote it exactly",
            "DE89 3704 0044 0532 0130 00",
            "Choose OUR: you bear all charges of the transfer. We credit what arrives.",
            "Pay from an account in your own name.",
            "After 7 December 2026",
            "still credited to your balance, and marked late",
            "call +49 40 555 0199, or see nordwind.example/bank-details",
            "Open a ticket with the proof of payment",
            "Registration HRB 104 512 · Tax id DE 812 345 678",
        ],
    )
    def test_the_payer_is_told(self, make_form: MakeForm, sentence: str) -> None:
        assert sentence in _said(make_form())

    def test_a_virtual_account_is_called_the_customer_s_own(self, make_form: MakeForm) -> None:
        said = _said(make_form(pay_to=VIRTUAL_ACCOUNT))
        assert "This account number belongs to you alone." in said
        assert "Open a ticket" not in said

    @pytest.mark.parametrize(
        ("phone", "url", "told"),
        [
            ("+49 1", "", "call +49 1. A number you already know"),
            ("", "https://x.example", "see x.example. Type the address yourself"),
            ("", "", "call the number that you know from your contract"),
        ],
    )
    def test_how_to_check_the_account(self, make_form: MakeForm, phone: str, url: str, told: str) -> None:
        issuer = ISSUER.model_copy(update={"verify_phone": phone, "verify_url": url})
        assert told in _said(make_form(issuer=issuer))

    def test_a_new_version_replaces_the_earlier_ones(self, make_form: MakeForm) -> None:
        assert "2, replaces all earlier ones" in _said(make_form(version=2))
        assert "replaces" not in _said(make_form(version=1))

    def test_foreign_figures_are_repeated_in_those_of_the_page(self, make_form: MakeForm) -> None:
        said = _said(make_form(locale="de-DE", currency="KWD", amount_minor=1234))
        assert "KWD 1,234 In English figures 1.234." in said
        assert "In English figures" not in _said(make_form(locale="en-GB"))

    def test_chinese_for_who_reads_it(self, chinese_form: PaymentRequestForm) -> None:
        said = _said(chinese_form)
        assert "付款通知书" in said
        assert "不是税务发票" in said
        assert "仅供参考，不构成供货约定。" in said
        assert "Pay to" not in said

    def test_says_what_could_not_be_printed(self, make_form: MakeForm) -> None:
        assert "could not be printed" in _said(make_form(note="Thanks 🙂"))
        assert "could not be printed" not in _said(make_form(note="Thanks"))


class TestTextFromOutside:
    @pytest.mark.parametrize("text", HOSTILE)
    def test_stays_text_wherever_it_stands(self, make_form: MakeForm, text: str) -> None:
        form = make_form(
            number=text[:35],
            issuer=ISSUER.model_copy(update={"legal_name": text, "tax_id": text}),
            customer=CUSTOMER.model_copy(update={"legal_name": text, "address": (text, text)}),
            product=text,
            note=text,
            pay_to=EURO_ACCOUNT.model_copy(update={"bank_name": text, "bank_address": (text,)}),
        )
        assert _tags(form) == _tags(
            form.model_copy(
                update={
                    "note": "n",
                    "product": "p",
                    "issuer": ISSUER,
                    "customer": CUSTOMER,
                    "pay_to": EURO_ACCOUNT,
                    "number": "D",
                }
            )
        )
        assert text in _said(form)

    @given(text=st.text(min_size=1, max_size=140), locale=st.text(max_size=35))
    def test_never_becomes_an_element(self, make_form: MakeForm, text: str, locale: str) -> None:
        form = make_form(
            product=text, note=text, locale=locale, customer=CUSTOMER.model_copy(update={"legal_name": text})
        )
        plain = form.model_copy(update={"product": "p", "note": "n", "customer": CUSTOMER})
        told = ("p", ("class",))  # the line about characters that could not be printed
        assert [tag for tag in _tags(form) if tag != told] == [tag for tag in _tags(plain) if tag != told]


def _tags(form: PaymentRequestForm) -> list[tuple[str, tuple[str, ...]]]:
    return _Elements(form_html(form, qr=True)).tags


def _holes(text: str) -> set[str | None]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}
