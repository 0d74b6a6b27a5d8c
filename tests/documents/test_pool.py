"""Forms rendered in processes that may die."""

import asyncio
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from documents.pool import FormTimedOut, Renderer, RendererDied
from documents.render import FormTooLong, render_form
from tests.documents.samples import MakeForm

# Each process that starts imports WeasyPrint first, which takes seconds: the tests share a renderer, and its loop.
in_one_loop = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def renderer() -> AsyncIterator[Renderer]:
    """A renderer with one process."""
    async with Renderer(processes=1) as renderer:
        yield renderer


def _kill_children() -> None:
    for child in multiprocessing.active_children():
        os.kill(child.pid or 0, signal.SIGKILL)


@in_one_loop
class TestRender:
    async def test_is_what_one_process_renders(self, renderer: Renderer, make_form: MakeForm) -> None:
        forms = [make_form(number=f"D-{n}") for n in range(3)]
        assert await asyncio.gather(*map(renderer.render, forms)) == [render_form(form) for form in forms]

    async def test_refusals_come_through(self, renderer: Renderer, make_form: MakeForm) -> None:
        with pytest.raises(FormTooLong, match="The form D-2026-000123 does not fit on one page"):
            await renderer.render(make_form().model_copy(update={"note": "word " * 4000}))

    async def test_a_caller_may_give_up(self, renderer: Renderer, make_form: MakeForm) -> None:
        for _ in range(3):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(renderer.render(make_form()), 0.001)
        assert (await renderer.render(make_form())).startswith(b"%PDF")

    async def test_no_form_is_taken_after_the_close(self, make_form: MakeForm) -> None:
        renderer = Renderer(processes=1)
        await renderer.close()
        await renderer.close()
        with pytest.raises(RuntimeError, match="after shutdown"):
            await renderer.render(make_form())


@in_one_loop
class TestDeath:
    async def test_a_killed_process_is_replaced(self, renderer: Renderer, make_form: MakeForm) -> None:
        await renderer.render(make_form())
        _kill_children()
        assert (await renderer.render(make_form())).startswith(b"%PDF")

    async def test_a_form_that_kills_twice_is_given_up(
        self, renderer: Renderer, make_form: MakeForm, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("documents.pool._render_within", _die)
        with pytest.raises(RendererDied, match="Two processes died"):
            await renderer.render(make_form())
        monkeypatch.undo()
        assert (await renderer.render(make_form())).startswith(b"%PDF")

    async def test_a_form_that_takes_too_long_is_ended(
        self, renderer: Renderer, make_form: MakeForm, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(renderer, "timeout", 0.01)
        with pytest.raises(FormTimedOut, match=r"D-2026-000123 took longer than 0\.01 s"):
            await renderer.render(make_form())
        monkeypatch.undo()
        assert (await renderer.render(make_form())).startswith(b"%PDF")


def test_no_process_outlives_the_worker() -> None:
    program = (
        "import multiprocessing, time; from documents.pool import Renderer\n"
        "if __name__ == '__main__':\n"
        " renderer = Renderer(processes=2)\n"
        " print(*(c.pid for c in multiprocessing.active_children()), flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        assert len(worker.stdout.readline().split()) == 2
        worker.kill()
        # They hold this pipe as well: it ends with the last of them.
        assert worker.communicate(timeout=30)[0] == ""


def _die(*_: object) -> None:
    os._exit(9)
