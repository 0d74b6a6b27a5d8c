"""Drawing documents: on a task queue of its own, in processes, stored once."""

import asyncio
import hashlib
from collections.abc import Callable
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Engine, func, update
from sqlmodel import Session, col, select
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.database import reading
from documents.fonts import FontMissing
from documents.form import from_json
from documents.pool import Drawable, Renderer
from documents.refusal import DocumentRefused
from documents.render import PdfLibrariesMissing
from documents.statement import read_paper
from models import Document

BEAT_SECONDS = 3.0


class Undrawable(ApplicationError):
    """A document that no other try can draw. The sentence holds nothing of what the document says."""

    def __init__(self, document_id: int, why: str) -> None:
        super().__init__(
            f"Document {document_id} cannot be drawn: {why}", type="Undrawable", non_retryable=True
        )


class Documents:
    """The activity of the documents' task queue."""

    def __init__(self, engine: Engine, renderer: Renderer) -> None:
        self._engine = engine
        self._renderer = renderer

    def all(self) -> list[Callable[..., Any]]:
        """What a worker registers."""
        return [self.draw]

    @activity.defn(name="draw_document")
    async def draw(self, document_id: int) -> str:
        """Draw and store a document unless that has been done; returns the SHA-256 of the PDF.

        What is missing on this machine may come, so those failures are tried again. Raises Undrawable.
        """
        kind, content, drawn = await asyncio.to_thread(self._content, document_id)
        if drawn is not None:
            return drawn
        wanted = _wanted(document_id, kind, content)
        beating = asyncio.create_task(_beat())
        try:
            pdf = await self._renderer.render(wanted)
        except (PdfLibrariesMissing, FontMissing):
            raise
        except DocumentRefused as refusal:
            raise Undrawable(document_id, str(refusal)) from None
        finally:
            beating.cancel()
        return await asyncio.to_thread(self._store, document_id, pdf)

    def _content(self, document_id: int) -> tuple[str, bytes, str | None]:
        with reading(self._engine) as session:
            wanted = select(Document.kind, Document.content, Document.pdf_sha256).where(
                Document.id == document_id
            )
            document = session.exec(wanted).one_or_none()
            if document is None:
                raise Undrawable(document_id, "there is no such row.")
            return document

    def _store(self, document_id: int, pdf: bytes) -> str:
        """Keep the PDF; where another was quicker, theirs stays."""
        digest = hashlib.sha256(pdf).hexdigest()
        undrawn = update(Document).where(col(Document.id) == document_id, col(Document.pdf).is_(None))
        with Session(self._engine) as session, session.begin():
            session.execute(undrawn.values(pdf=pdf, pdf_sha256=digest, drawn_at=func.now()))
            stored = session.exec(select(Document.pdf_sha256).where(Document.id == document_id)).one()
        assert stored is not None
        return stored


def _wanted(document_id: int, kind: str, content: bytes) -> Drawable:
    try:
        return from_json(content) if kind == "payment_request" else read_paper(content)
    except ValidationError as error:
        fields = ", ".join(".".join(map(str, problem["loc"])) or kind for problem in error.errors()[:5])
        raise Undrawable(document_id, f"its {fields} cannot be printed.") from None


async def _beat() -> None:
    """Tell Temporal that the drawing lives: when its worker dies, another draws within seconds."""
    while activity.in_activity():
        activity.heartbeat()
        await asyncio.sleep(BEAT_SECONDS)
