"""The payment request form as a PDF: one tagged page, PDF/A-3, the same bytes for the same form."""

import os
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, time
from functools import cache
from importlib.resources import files
from threading import Lock
from typing import Any

from documents.epc import epc_png
from documents.fonts import fontconfig_xml
from documents.form import PaymentRequestForm, form_digest, form_json
from documents.page import form_html
from documents.refusal import DocumentRefused

DENSEST = 4
_QR = "form:qr.png"
_ONE_AT_A_TIME = Lock()


class PdfLibrariesMissing(DocumentRefused):
    """The system libraries that draw text are not installed."""

    def __init__(self, reason: object) -> None:
        super().__init__(
            "PDF forms need Pango and HarfBuzz, which this machine lacks: on Debian or Ubuntu run "
            "`apt-get install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0`, on macOS "
            f"`brew install pango`, then restart the worker ({str(reason).splitlines()[0]})."
        )


class FormTooLong(DocumentRefused):
    """The form does not fit on one page, even at the smallest legible size."""

    def __init__(self, number: str) -> None:
        super().__init__(f"The form {number} does not fit on one page: shorten its note, names or addresses.")


class ResourceRefused(DocumentRefused):
    """The page asked for something that is not part of the form."""

    def __init__(self, url: str) -> None:
        super().__init__(f"The form may not load {url[:100]!r}: only packaged files are served.")


@dataclass(frozen=True)
class Engine:
    """WeasyPrint with our fonts and stylesheet, loaded once in a process."""

    weasyprint: Any
    fonts: Any
    stylesheet: Any

    def html(self, source: str, picture: bytes | None) -> Any:
        """The parsed page, which can load its QR code and nothing else."""
        fetcher = _fetcher({} if picture is None else {_QR: (picture, "image/png")})
        return self.weasyprint.HTML(string=source, url_fetcher=fetcher)

    def options(self, form: PaymentRequestForm) -> dict[str, Any]:
        """The options of the PDF, none of which depends on the clock."""
        issued = datetime.combine(form.issued_on, time(), UTC)
        request = self.weasyprint.Attachment(
            string=form_json(form),
            name="request.json",
            description="The payment request as JSON",
            created=issued,
            modified=issued,
            relationship="Source",
        )
        return {
            "stylesheets": [self.stylesheet],
            "pdf_variant": "pdf/a-3u",
            "pdf_tags": True,
            "pdf_identifier": form_digest(form).encode(),
            "attachments": [request],
        }


def render_form(form: PaymentRequestForm) -> bytes:
    """The form's PDF. Takes about a tenth of a second; one form at a time in a process.

    Raises PdfLibrariesMissing, FontMissing or FormTooLong.
    """
    with _ONE_AT_A_TIME:
        loaded, picture = engine(), epc_png(form)
        options = loaded.options(form)
        for fit in range(DENSEST + 1):
            source = form_html(form, qr=picture is not None, fit=fit)
            document = loaded.html(source, picture).render(font_config=loaded.fonts, **options)
            if len(document.pages) == 1:
                return bytes(document.write_pdf(finisher=_associate_once, **options))
    raise FormTooLong(form.number)


def missing_libraries() -> list[str]:
    """A sentence that says which system libraries to install, if they are missing."""
    try:
        import weasyprint  # noqa: F401
    except OSError as error:
        return [str(PdfLibrariesMissing(error))]
    return []


@cache
def engine() -> Engine:
    """Load WeasyPrint, fonts and stylesheet. Raises PdfLibrariesMissing or FontMissing."""
    try:
        import weasyprint
    except OSError as error:
        raise PdfLibrariesMissing(error) from error
    # Without HarfBuzz-Subset, fontTools cuts the fonts, and writes the time of day into them unless it is told one.
    os.environ.setdefault("SOURCE_DATE_EPOCH", "0")
    fonts = _font_configuration()
    css = (files("documents") / "templates" / "form.css").read_text("utf-8")
    stylesheet = weasyprint.CSS(string=css, font_config=fonts, url_fetcher=_fetcher({}))
    return Engine(weasyprint, fonts, stylesheet)


def _associate_once(_document: Any, pdf: Any) -> None:
    # WeasyPrint 70 names the attachment twice among the files that belong to the document.
    pdf.catalog["AF"][:] = dict.fromkeys(pdf.catalog["AF"])


def _font_configuration() -> Any:
    from weasyprint.text.fonts import FontConfiguration

    # Fontconfig reads its file once, here; the packaged fonts are used where they lie, without a copy.
    before = os.environ.get("FONTCONFIG_FILE")
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".conf") as file:
        file.write(fontconfig_xml())
        file.flush()
        os.environ["FONTCONFIG_FILE"] = file.name
        try:
            return FontConfiguration()
        finally:
            os.environ.pop("FONTCONFIG_FILE")
            if before is not None:
                os.environ["FONTCONFIG_FILE"] = before


def _fetcher(served: dict[str, tuple[bytes, str]]) -> Any:
    from weasyprint.urls import URLFetcher, URLFetcherResponse

    class OnlyServed(URLFetcher):  # type: ignore[misc]
        def fetch(self, url: str, headers: Any = None) -> Any:
            if url not in served:
                raise ResourceRefused(url)
            body, kind = served[url]
            return URLFetcherResponse(url, body, {"Content-Type": kind})

    return OnlyServed()
