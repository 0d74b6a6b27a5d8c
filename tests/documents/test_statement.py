"""Statements and receipts as pages: complete in each language, the same bytes for the same content, nothing run."""

import io
from datetime import UTC, date, datetime
from typing import Any

import pytest
from pydantic import ValidationError
from pypdf import PdfReader

from documents.papers import render_paper
from documents.statement import (
    AccountStatement,
    CreditReceipt,
    StatementLine,
    paper_digest,
    paper_json,
    read_paper,
)
from documents.statement_page import LANGUAGES, language, page, words
from prepay.movements import KINDS
from tests.documents.samples import CUSTOMER, ISSUER

CREDIT = StatementLine(
    effective_on=date(2026, 10, 2), value_on=date(2026, 10, 3), kind="deposit", about="D-2026-000001",
    product="Compute", payer="启明示例有限公司", bank_reference="NL-77", amount_minor=250_000,
)  # fmt: skip
PAYMENT = StatementLine(
    effective_on=date(2026, 9, 29), kind="pay", about="order 17", product="Storage", amount_minor=-40_000
)


def statement(**changes: Any) -> AccountStatement:
    facts: dict[str, Any] = {
        "number": "S-2026-000007", "issuer": ISSUER, "customer": CUSTOMER, "currency": "EUR",
        "begins_on": date(2026, 10, 1), "through_on": date(2026, 10, 31),
        "recorded_until": datetime(2026, 11, 2, 7, 30, tzinfo=UTC), "final": True, "opening_minor": 10_000,
        "lines": (PAYMENT, CREDIT), "closing_minor": 220_000, "held_minor": 5_000, "coming_minor": 0,
        "receivable_minor": 0,
    }  # fmt: skip
    return AccountStatement(**{**facts, **changes})


def receipt(**changes: Any) -> CreditReceipt:
    facts: dict[str, Any] = {
        "number": "CR-2026-000008", "issuer": ISSUER, "customer": CUSTOMER, "currency": "EUR",
        "issued_on": date(2026, 10, 5), "line": CREDIT,
    }  # fmt: skip
    return CreditReceipt(**{**facts, **changes})


def text_of(pdf: bytes) -> str:
    return "\n".join(one.extract_text() for one in PdfReader(io.BytesIO(pdf)).pages)


class TestWords:
    @pytest.mark.parametrize("spoken", LANGUAGES)
    def test_each_language_has_all_of_them(self, spoken: str) -> None:
        assert set(words(spoken)) == set(words("en"))
        assert set(words(spoken)["kinds"]) == set(KINDS)
        for name in ("ending", "page_of"):
            marks = [mark for mark in ("{date}", "{page}", "{pages}") if mark in words("en")[name]]
            assert all(mark in words(spoken)[name] for mark in marks)

    def test_a_language_that_we_do_not_write_is_english(self) -> None:
        assert [language(locale) for locale in ("de-AT", "zh_TW", "ja", "fr-CH", "nl", "")] == [
            "de", "zh", "ja", "fr", "en", "en"
        ]  # fmt: skip

    def test_a_kind_without_words_is_shown_by_its_name(self) -> None:
        odd = StatementLine(effective_on=date(2026, 10, 2), kind="gift-card", amount_minor=1)
        shown = page(statement(lines=(odd,), closing_minor=10_001))
        assert shown["lines"][0][2] == "Gift card"


class TestPage:
    def test_balances_run_and_what_was_recorded_late_is_marked(self) -> None:
        shown = page(statement())
        assert [(line[2], line[4], line[5]) for line in shown["lines"]] == [
            ("Payment order 17", "−400.00", "−300.00"),
            ("Deposit D-2026-000001", "+2,500.00", "2,200.00"),
        ]
        assert shown["lines"][0][3] == "recorded late · Storage"
        assert words("en")["late_note"] in shown["notes"]
        assert [row[1] for row in shown["ending"]] == ["50.00", "2,150.00", "0.00", "0.00"]

    def test_figures_are_those_of_the_currency_and_the_locale(self) -> None:
        yen = statement(currency="JPY", locale="de-DE")
        assert page(yen)["sums"][3][1] == "220.000"
        assert page(statement(currency="KWD", locale="en-US"))["sums"][3][1] == "220.000"

    def test_many_products_end_with_the_rest_of_them(self) -> None:
        lines = tuple(
            StatementLine(effective_on=date(2026, 10, 2), kind="deposit", product=f"P{n}", amount_minor=n)
            for n in range(1, 12)
        )
        bars = page(statement(opening_minor=0, lines=lines, closing_minor=66))["bars"]
        assert [bar[0] for bar in bars] == ["P11", "P10", "P9", "P8", "P7", "P6", "Others"]
        assert bars[-1][3] == "+0.15"
        assert max(share for bar in bars for share in bar[1:3]) == 1

    def test_a_bill_counts_for_the_product_of_each_of_its_lines(self) -> None:
        parts = (("Compute", 30_000), ("Storage", 10_000))
        bill = PAYMENT.model_copy(update={"kind": "bill", "product": "Compute, Storage", "parts": parts})
        bars = page(statement(lines=(bill, PAYMENT), closing_minor=-70_000))["bars"]
        assert [(bar[0], bar[4]) for bar in bars] == [("Storage", "−500.00"), ("Compute", "−300.00")]

    def test_movements_that_do_not_add_up_are_refused(self) -> None:
        with pytest.raises(ValidationError, match="do not lead from the opening balance"):
            statement(closing_minor=1)


class TestPdf:
    @pytest.mark.parametrize("spoken", LANGUAGES)
    def test_it_says_it_all_in_the_customers_language(self, spoken: str) -> None:
        said = text_of(render_paper(statement(locale=spoken)))
        for printed in (words(spoken)["statement"], "S-2026-000007", "D-2026-000001", "NL-77", "Compute"):
            assert printed in said
        assert words(spoken)["receipt"] in text_of(render_paper(receipt(locale=spoken)))

    def test_the_same_content_is_the_same_bytes(self) -> None:
        for paper in (statement(), receipt()):
            again = read_paper(paper_json(paper))
            assert again == paper
            assert paper_digest(again) == paper_digest(paper)
            assert render_paper(again) == render_paper(paper)

    def test_it_is_for_archives_and_says_what_it_is(self) -> None:
        reader = PdfReader(io.BytesIO(render_paper(statement())))
        assert reader.metadata
        assert reader.metadata.title == "Account statement S-2026-000007"
        assert b"<pdfaid:part>3" in reader.trailer["/Root"]["/Metadata"].get_data()  # type: ignore[index]
        assert reader.trailer["/Root"]["/MarkInfo"]["/Marked"]  # type: ignore[index]

    def test_text_is_never_markup(self) -> None:
        nasty = '#panic("x") $1$ *bold* <b> \\ "quoted" @ref [a]'
        line = CREDIT.model_copy(update={"about": nasty, "payer": "\x00\u202eevil"})
        said = text_of(render_paper(statement(lines=(PAYMENT, line))))
        assert '#panic("x") $1$ *bold* <b>' in said.replace("\n", " ")

    def test_pages_are_counted_and_columns_named_on_each(self) -> None:
        lines = tuple(CREDIT.model_copy(update={"about": f"D-{n}"}) for n in range(100))
        pdf = PdfReader(io.BytesIO(render_paper(statement(lines=lines, closing_minor=25_010_000))))
        for number, one in enumerate(pdf.pages, 1):
            assert f"Page {number} of {len(pdf.pages)}" in one.extract_text()
        assert all("Movement" in one.extract_text() for one in pdf.pages[:-1])
