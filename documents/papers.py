"""Statements and receipts as PDFs: PDF/A-3, tagged, the same bytes for the same content.

Typst sets them, not WeasyPrint: a statement of 10,000 movements takes it seconds instead of minutes (decision 26).
"""

import json
from datetime import UTC, date, datetime, time
from importlib.resources import as_file, files

from documents.fonts import folders
from documents.refusal import DocumentRefused
from documents.statement import AccountStatement, Paper
from documents.statement_page import page


class PaperUndrawable(DocumentRefused):
    """The typesetter refuses the page: a fault of ours."""

    def __init__(self, number: str, reason: object) -> None:
        super().__init__(f"The paper {number} cannot be set: {str(reason).splitlines()[0][:200]}.")


def render_paper(paper: Paper) -> bytes:
    """The PDF. Raises FontMissing or PaperUndrawable."""
    import typst

    made = paper.recorded_until if isinstance(paper, AccountStatement) else _midnight(paper.issued_on)
    with as_file(files("documents") / "templates") as templates:
        try:
            return typst.compile(
                templates / "paper.typ",
                root=templates,
                font_paths=folders(),
                ignore_system_fonts=True,
                sys_inputs={"data": json.dumps(page(paper), ensure_ascii=False)},
                pdf_standards=["a-3b"],
                timestamp=made.replace(microsecond=0),
            )
        except typst.TypstError as error:
            raise PaperUndrawable(paper.number, error) from None


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
