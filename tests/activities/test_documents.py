"""Drawing: a form is stored once with its hash; what may come is waited for, what cannot be is said."""

import asyncio
import hashlib
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine
from temporalio.exceptions import ApplicationError

from activities.deposits import Deposits, Issue
from activities.documents import Documents, Undrawable
from documents.pool import Drawable, Renderer
from documents.refusal import DocumentRefused
from documents.render import FormTooLong, PdfLibrariesMissing
from prepay.deposits import DepositRequest
from settings import Settings
from tests.conftest import Database, engine_of

SETUP = Path(__file__).resolve().parents[2] / "examples" / "setup.toml"
Stored = tuple[bytes | None, str | None, datetime | None]


class Drawer(Renderer):
    """Draws a few bytes that are other ones each time, or fails, without a process."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.processes = 1
        self.failure = failure
        self.drawn = 0
        self.both = asyncio.Event()

    async def render(self, form: Drawable) -> bytes:
        if self.failure is not None:
            raise self.failure
        self.drawn += 1
        return f"%PDF of {form.number}, {self.drawn}".encode()


class Slow(Drawer):
    """Hands nothing out before two have asked."""

    async def render(self, form: Drawable) -> bytes:
        pdf = await super().render(form)
        if self.drawn == 2:
            self.both.set()
        await self.both.wait()
        return pdf


class Archive:
    """One document that waits to be drawn."""

    def __init__(self, database: Database, engine: Engine) -> None:
        self.url = database.app_url
        self.owner_url = database.owner_url
        self.engine = engine
        request = DepositRequest(
            customer="C-1001", request_id="r", amount="1000.00", currency="EUR", product="Compute"
        )
        issue = Issue(request=request, workflow_id="deposit-r", at=datetime.now(UTC))
        state = Deposits(engine, Settings()).issue(issue)
        self.id, self.number = state.document_id, state.number

    async def draw(self, renderer: Renderer) -> str:
        return await Documents(self.engine, renderer).draw(self.id)

    def stored(self) -> Stored:
        with psycopg.connect(self.url) as connection:
            row = connection.execute(
                "SELECT pdf, pdf_sha256, drawn_at FROM document WHERE id = %s", [self.id]
            ).fetchone()
        assert row is not None
        return row[0], row[1], row[2]


@pytest.fixture
def archive(set_up: Database) -> Archive:
    engine = engine_of(set_up.app_url)
    return Archive(set_up, engine)


class TestDraw:
    async def test_a_form_is_stored_once_with_its_hash(self, archive: Archive) -> None:
        drawer = Drawer()
        sha256 = await archive.draw(drawer)
        first = archive.stored()
        assert first[:2] == (f"%PDF of {archive.number}, 1".encode(), sha256)
        assert hashlib.sha256(first[0] or b"").hexdigest() == sha256
        assert await archive.draw(drawer) == sha256
        assert archive.stored() == first
        assert drawer.drawn == 1

    async def test_two_at_once_store_one_and_both_tell_its_hash(self, archive: Archive) -> None:
        slow = Slow()
        told = await asyncio.gather(archive.draw(slow), archive.draw(slow))
        assert slow.drawn == 2
        assert set(told) == {archive.stored()[1]}


class TestCannotBeDrawn:
    async def test_missing_libraries_are_waited_for(self, archive: Archive) -> None:
        drawer = Drawer(PdfLibrariesMissing("cannot load library 'libpango-1.0-0'"))
        with pytest.raises(PdfLibrariesMissing, match="apt-get install libpango") as failed:
            await archive.draw(drawer)
        assert not isinstance(failed.value, ApplicationError)  # Temporal tries it again
        assert archive.stored() == (None, None, None)
        drawer.failure = None
        assert await archive.draw(drawer) == archive.stored()[1]

    @pytest.mark.parametrize(
        "failure", [FormTooLong("D-2026-000001"), DocumentRefused("It may load nothing.")]
    )
    async def test_what_no_other_try_can_draw_is_not_tried_again(
        self, archive: Archive, failure: DocumentRefused
    ) -> None:
        with pytest.raises(Undrawable) as refused:
            await archive.draw(Drawer(failure))
        assert refused.value.non_retryable
        assert str(failure) in str(refused.value)
        assert archive.stored() == (None, None, None)

    async def test_content_that_is_no_form_is_named_without_what_it_says(self, archive: Archive) -> None:
        with psycopg.connect(archive.owner_url) as connection:
            connection.execute(
                "UPDATE document SET content = replace(convert_from(content, 'UTF8'), 'NL07', 'NL08')::bytea"
            )
        with pytest.raises(Undrawable, match=r"its pay_to cannot be printed") as refused:
            await archive.draw(Drawer())
        assert refused.value.non_retryable
        assert "MOCK0000001001" not in str(refused.value)
        assert refused.value.__cause__ is None

    async def test_a_document_that_does_not_exist(self, archive: Archive) -> None:
        with pytest.raises(Undrawable, match="Document 4711 cannot be drawn: there is no such row"):
            await Documents(archive.engine, Drawer()).draw(4711)
