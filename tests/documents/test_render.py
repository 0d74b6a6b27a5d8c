"""The PDF: one tagged page, PDF/A-3, the request attached, the same bytes for the same form."""

import hashlib
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
import time_machine
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from documents import render
from documents.epc import epc_png
from documents.form import FormCustomer, Issuer, PaymentRequestForm, PayToAccount, form_json, from_json
from documents.page import form_html
from documents.render import FormTooLong, PdfLibrariesMissing, render_form
from prepay.money import MAX_MINOR
from tests.documents.samples import (
    CUSTOMER,
    VIRTUAL_ACCOUNT,
    MakeForm,
    payment_reference,
)

ReadPdf = Callable[[bytes], PdfReader]
A4_POINTS = (595, 842)
SMALLEST_LEGIBLE_POINTS = 6.0


def _longest(make_form: MakeForm, wide: str, locale: str) -> PaymentRequestForm:
    """A form with as much text as a form may have, all of it in the widest letters."""
    name, address, short = wide * 140, (wide * 70,) * 5, wide * 70
    issuer = Issuer(
        legal_name=name,
        address=address,
        country="GS",
        registration_id=short,
        tax_id=short,
        verify_phone="W" * 35,
        verify_url="https://" + "W" * 92,
    )
    account = PayToAccount(
        kind="collection",
        holder="W" * 70,
        bank_name=name,
        bank_address=address,
        bic="COBADEFFXXX",
        iban="MT84MALT011000012345MTLCAST001S",
        clearing_code=short,
        intermediary=name,
    )
    return make_form(
        number=wide * 35,
        version=9999,
        expires_on=date(2027, 9, 30),
        issuer=issuer,
        customer=FormCustomer(number=wide * 35, legal_name=name, address=address, country="GS"),
        amount_minor=99_999_999_999,
        product=wide * 139 + "🙂",
        note=wide * 500,
        pay_to=account,
        reference=payment_reference("W" * 21),
        locale=locale,
    )


@pytest.fixture(scope="module")
def pdf(make_form: MakeForm, read_pdf: ReadPdf) -> PdfReader:
    """An ordinary form in EUR."""
    return read_pdf(render_form(make_form()))


def _root(pdf: PdfReader) -> Any:
    return pdf.root_object


def _page(pdf: PdfReader) -> Any:
    return pdf.pages[0]


def _structure(pdf: PdfReader) -> Iterator[Any]:
    """Every element of the structure tree."""
    elements = [_root(pdf)["/StructTreeRoot"]]
    while elements:
        element = elements.pop().get_object()
        if isinstance(element, list):
            elements.extend(element)
        elif isinstance(element, dict):
            yield element
            elements.append(element.get("/K", []))


class TestOnePage:
    @pytest.mark.parametrize("amount", [1, MAX_MINOR])
    @pytest.mark.parametrize("currency", ["EUR", "JPY", "KWD"])
    def test_every_amount(self, make_form: MakeForm, read_pdf: ReadPdf, amount: int, currency: str) -> None:
        pdf = read_pdf(render_form(make_form(amount_minor=amount, currency=currency, pay_to=VIRTUAL_ACCOUNT)))
        assert len(pdf.pages) == 1
        digits = "".join(
            c for c in pdf.pages[0].extract_text().partition(currency)[2].split("\n")[0] if c.isdigit()
        )
        assert int(digits) == amount

    def test_of_a4(self, pdf: PdfReader) -> None:
        box = pdf.pages[0].mediabox
        assert (round(box.width), round(box.height)) == A4_POINTS

    @pytest.mark.parametrize(("wide", "locale"), [("W", "de"), ("國", "zh")])
    def test_the_longest_form_stays_legible(
        self, make_form: MakeForm, read_pdf: ReadPdf, wide: str, locale: str
    ) -> None:
        pdf = read_pdf(render_form(_longest(make_form, wide, locale)))
        sizes: set[float] = set()

        def note_size(text: str, matrix: list[float], text_matrix: list[float], _: Any, size: float) -> None:
            if text.strip():
                sizes.add(abs(matrix[3] * text_matrix[3]) * size)

        pdf.pages[0].extract_text(visitor_text=note_size)
        assert len(pdf.pages) == 1
        assert min(sizes) >= SMALLEST_LEGIBLE_POINTS

    @pytest.mark.parametrize("fit", range(render.DENSEST + 1))
    def test_nothing_stands_in_the_margin(self, make_form: MakeForm, fit: int) -> None:
        form = _longest(make_form, "W", "de")
        engine, picture = render.engine(), epc_png(form)
        page = engine.html(form_html(form, qr=True, fit=fit), picture)
        document = page.render(font_config=engine.fonts, **engine.options(form))
        box = document.pages[0]._page_box
        right = box.content_box_x() + box.width
        texts = [child for child in box.descendants() if hasattr(child, "text")]
        assert texts
        assert [text.text for text in texts if text.position_x + text.width > right + 1] == []

    @settings(max_examples=8, deadline=None)
    @given(
        name=st.text(min_size=1, max_size=140),
        note=st.text(max_size=500),
        amount=st.integers(1, MAX_MINOR),
    )
    def test_whatever_it_says(
        self, make_form: MakeForm, read_pdf: ReadPdf, name: str, note: str, amount: int
    ) -> None:
        form = make_form(
            customer=CUSTOMER.model_copy(update={"legal_name": name}), note=note, amount_minor=amount
        )
        assert len(read_pdf(render_form(form)).pages) == 1

    def test_what_cannot_fit_is_refused(self, make_form: MakeForm) -> None:
        with pytest.raises(FormTooLong, match="D-2026-000123 does not fit on one page"):
            render_form(make_form().model_copy(update={"note": "word " * 4000}))


class TestText:
    def test_can_be_read_and_copied(self, pdf: PdfReader) -> None:
        text = pdf.pages[0].extract_text()
        for said in (
            "EUR 12,500.00",
            "RF16 D202 6000 123",
            "DE89 3704 0044 0532 0130 00",
            "ACME GmbH",
            "Germany",
        ):
            assert said in text

    def test_in_chinese_too(self, chinese_form: PaymentRequestForm, read_pdf: ReadPdf) -> None:
        pdf = read_pdf(render_form(chinese_form))
        text = pdf.pages[0].extract_text()
        for said in ("付款通知书", "晨光示例贸易有限公司", "USD 12,500.00", "741-123456-888"):
            assert said in text
        assert _root(pdf)["/Lang"] == "zh-Hans"


class TestArchive:
    """What PDF/A-3 and tagging ask for, as far as it shows without a validator."""

    def test_says_that_it_is_pdf_a_3u(self, pdf: PdfReader) -> None:
        xmp = _root(pdf)["/Metadata"].get_data().decode()
        assert 'pdfaid:part="3"' in xmp
        assert 'pdfaid:conformance="U"' in xmp
        intent = _root(pdf)["/OutputIntents"][0]
        assert intent["/S"] == "/GTS_PDFA1"
        assert intent["/DestOutputProfile"].get_data()

    def test_every_font_is_embedded_and_readable(self, pdf: PdfReader) -> None:
        fonts = [font.get_object() for font in _page(pdf)["/Resources"]["/Font"].values()]
        assert fonts
        for font in fonts:
            descriptor = font["/DescendantFonts"][0]["/FontDescriptor"]
            assert "/FontFile2" in descriptor or "/FontFile3" in descriptor
            assert "/ToUnicode" in font

    def test_is_tagged(self, pdf: PdfReader) -> None:
        kinds = {str(element.get("/S")) for element in _structure(pdf)}
        assert _root(pdf)["/MarkInfo"]["/Marked"]
        assert _root(pdf)["/Lang"] == "en"
        assert {"/Document", "/H1", "/H2", "/H3", "/P", "/Table", "/TR", "/TH", "/TD", "/Figure"} <= kinds

    def test_qr_code_has_words_for_who_cannot_see_it(self, pdf: PdfReader) -> None:
        figures = [element for element in _structure(pdf) if element.get("/S") == "/Figure"]
        assert [figure["/Alt"][:11] for figure in figures] == ["EPC QR code"]

    def test_names_itself_and_its_day(self, pdf: PdfReader) -> None:
        about = pdf.metadata
        assert about is not None
        assert (about.title, about.author) == ("Payment request D-2026-000123", "Nordwind Handels GmbH")
        assert about.creation_date is not None
        assert about.creation_date.date().isoformat() == "2026-11-23"

    def test_nothing_in_it_runs(self, pdf: PdfReader) -> None:
        assert not _root(pdf).keys() & {"/OpenAction", "/AA", "/AcroForm"}
        assert "/JavaScript" not in _root(pdf)["/Names"]
        assert "/Annots" not in _page(pdf)


class TestAttachment:
    def test_is_the_request(self, make_form: MakeForm, pdf: PdfReader) -> None:
        (content,) = pdf.attachments["request.json"]
        assert content == form_json(make_form())
        assert from_json(content) == make_form()

    def test_belongs_to_the_document(self, pdf: PdfReader) -> None:
        (file,) = (reference.get_object() for reference in _root(pdf)["/AF"])
        assert file["/AFRelationship"] == "/Source"
        assert file["/EF"]["/F"]["/Subtype"] == "/application/json"

    def test_its_digest_is_printed(self, make_form: MakeForm, pdf: PdfReader) -> None:
        assert hashlib.sha256(form_json(make_form())).hexdigest() in pdf.pages[0].extract_text()


class TestSameBytes:
    def test_at_any_time(self, make_form: MakeForm) -> None:
        with time_machine.travel(datetime(2031, 5, 6, tzinfo=UTC), tick=False):
            later = render_form(make_form())
        assert render_form(make_form()) == later

    def test_after_other_forms(self, make_form: MakeForm, chinese_form: PaymentRequestForm) -> None:
        first = render_form(make_form())
        render_form(chinese_form)
        assert render_form(make_form()) == first

    def test_in_another_process_and_time_zone(
        self, chinese_form: PaymentRequestForm, make_form: MakeForm
    ) -> None:
        program = (
            "import sys; from documents.form import from_json; from documents.render import render_form\n"
            "for form in sys.stdin.buffer: sys.stdout.buffer.write(render_form(from_json(form)))"
        )
        forms = [chinese_form, make_form()]
        elsewhere = subprocess.run(
            [sys.executable, "-c", program],
            input=b"\n".join(map(form_json, forms)),
            env=os.environ | {"TZ": "Pacific/Auckland", "PYTHONHASHSEED": "7", "LC_ALL": "C"},
            stdout=subprocess.PIPE,
            check=True,
            timeout=60,
        )
        assert elsewhere.stdout == b"".join(map(render_form, forms))

    def test_without_harfbuzz_subset(self, make_form: MakeForm, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("weasyprint.pdf.fonts.harfbuzz_subset", None)
        first = render_form(make_form())
        with time_machine.travel(datetime(2031, 5, 6, tzinfo=UTC), tick=False):
            assert render_form(make_form()) == first

    def test_another_form_is_another_file(self, make_form: MakeForm) -> None:
        assert render_form(make_form(note="a")) != render_form(make_form(note="b"))


class TestNothingIsLoaded:
    @pytest.mark.parametrize(
        "source",
        [
            "<img src='file:///etc/passwd' alt='x'>",
            "<img src='http://169.254.169.254/latest' alt='x'>",
            "<img src='data:image/png;base64,AAAA' alt='x'>",
            "<link rel=stylesheet href='file:///etc/passwd'>",
            "<style>@import url(http://169.254.169.254/a.css)</style>",
            "<style>body { background: url(form:other.png) }</style>",
            "<object data='file:///etc/passwd'></object>",
            "<link rel=attachment href='file:///etc/passwd'>",
        ],
    )
    def test_by_any_element(self, caplog: pytest.LogCaptureFixture, read_pdf: ReadPdf, source: str) -> None:
        with caplog.at_level(logging.DEBUG, "weasyprint"):
            page = render.engine().html(f"<html lang=en>{source}<p>text", None)
            pdf = read_pdf(page.write_pdf(font_config=render.engine().fonts))
        assert "only packaged files are served" in caplog.text
        assert not pdf.attachments
        assert "/XObject" not in _page(pdf)["/Resources"] or not _page(pdf)["/Resources"]["/XObject"]

    def test_and_our_own_page_asks_for_nothing_else(
        self, make_form: MakeForm, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.WARNING, "weasyprint"):
            render_form(make_form(note="url(http://x.example) <img src=file:///etc/passwd>"))
        # A machine without HarfBuzz-Subset is told so, which is no request for anything.
        assert [record for record in caplog.records if "HarfBuzz" not in record.getMessage()] == []


class TestMissingLibraries:
    @pytest.fixture
    def without_pango(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A machine without Pango: WeasyPrint raises OSError when it is imported."""

        class NoPango:
            @staticmethod
            def find_spec(name: str, *_: Any) -> None:
                if name == "weasyprint":
                    raise OSError("cannot load library 'libpango-1.0-0'\nlong explanation")

        monkeypatch.setattr(sys, "meta_path", [NoPango, *sys.meta_path])
        monkeypatch.delitem(sys.modules, "weasyprint", raising=False)

    def test_says_what_to_install(self, without_pango: None) -> None:
        with pytest.raises(PdfLibrariesMissing, match=r"apt-get install libpango-1\.0-0") as caught:
            render.engine.__wrapped__()
        assert "brew install pango" in str(caught.value)
        assert "long explanation" not in str(caught.value)

    def test_doctor_is_told(self, without_pango: None) -> None:
        assert len(render.missing_libraries()) == 1

    def test_nothing_is_missing_here(self) -> None:
        assert render.missing_libraries() == []
