"""Drawing documents: on a task queue of its own, in processes, stored once."""

import asyncio
import hashlib
from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine, func, update
from sqlmodel import Session, col
from temporalio import activity

from documents.form import from_json
from documents.pool import Renderer
from models import Document


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
        """Draw and store a document unless that has been done; returns the SHA-256 of the PDF."""
        content, drawn = await asyncio.to_thread(self._content, document_id)
        if drawn is not None:
            return drawn
        pdf = await self._renderer.render(from_json(content))
        return await asyncio.to_thread(self._store, document_id, pdf)

    def _content(self, document_id: int) -> tuple[bytes, str | None]:
        with Session(self._engine) as session:
            document = session.get_one(Document, document_id)
            return document.content, document.pdf_sha256

    def _store(self, document_id: int, pdf: bytes) -> str:
        digest = hashlib.sha256(pdf).hexdigest()
        undrawn = update(Document).where(col(Document.id) == document_id, col(Document.pdf).is_(None))
        with Session(self._engine) as session, session.begin():
            session.execute(undrawn.values(pdf=pdf, pdf_sha256=digest, drawn_at=func.now()))
        return digest
