"""Forms rendered in processes of their own: as many at once as there are cores, each with a deadline."""

import asyncio
import faulthandler
import multiprocessing
import os
import signal
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing.connection import wait
from threading import Thread
from time import monotonic
from types import TracebackType
from typing import Self

from documents.form import PaymentRequestForm
from documents.papers import render_paper
from documents.render import engine, render_form
from documents.statement import AccountStatement, Paper

Drawable = PaymentRequestForm | Paper

SECONDS_A_LINE = 0.01
"""A statement may take so much longer for each of its movements."""

# A process imports WeasyPrint before its first form.
_START_SECONDS = 60.0


class FormTimedOut(RuntimeError):
    """The form took longer than it may; its process was ended."""

    def __init__(self, number: str, seconds: float) -> None:
        super().__init__(f"The form {number} took longer than {seconds:g} s, so its process was ended.")


class RendererDied(RuntimeError):
    """The process that rendered the form died, and so did the second one."""

    def __init__(self, number: str) -> None:
        super().__init__(
            f"Two processes died while they rendered the form {number}: "
            "look for a lack of memory on this machine, and in the worker's standard error."
        )


class Renderer:
    """Renders forms in processes; one that dies takes only its own form with it and is replaced.

    A slot is an executor of a single process. Use a renderer from one event loop.
    """

    def __init__(self, processes: int | None = None, timeout: float = 30.0) -> None:
        self.processes = processes or os.cpu_count() or 1
        self.timeout = timeout
        self._free: asyncio.Queue[ProcessPoolExecutor] = asyncio.Queue()
        self._at_work: set[asyncio.Task[bytes]] = set()
        for _ in range(self.processes):
            self._free.put_nowait(_slot())

    async def render(self, form: Drawable) -> bytes:
        """The PDF of a form, statement or receipt, with the refusals of `render_form` and `render_paper`.

        Raises FormTimedOut after the timeout, and RendererDied when a second process died of the form.
        """
        work = asyncio.create_task(self._render(form))
        self._at_work.add(work)
        work.add_done_callback(self._at_work.discard)
        # Shielded: a caller that gives up must not hand on a slot that is still busy.
        return await asyncio.shield(work)

    async def close(self) -> None:
        """End the processes, each after the form that it is at. No form is taken after that."""
        slots = [await self._free.get() for _ in range(self.processes)]
        for slot in slots:
            await asyncio.to_thread(slot.shutdown)
            self._free.put_nowait(slot)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        await self.close()

    async def _render(self, form: Drawable) -> bytes:
        seconds = self.timeout + SECONDS_A_LINE * _lines(form)
        for _ in range(2):
            slot, began = await self._free.get(), monotonic()
            try:
                return await asyncio.wrap_future(slot.submit(_render_within, form, seconds))
            except BrokenProcessPool:
                slot = _slot()
                if monotonic() - began >= seconds:
                    raise FormTimedOut(form.number, seconds) from None
            finally:
                self._free.put_nowait(slot)
        raise RendererDied(form.number)


def _lines(form: Drawable) -> int:
    return len(form.lines) if isinstance(form, AccountStatement) else 0


def _slot() -> ProcessPoolExecutor:
    slot = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), initializer=_prepare)
    slot.submit(os.getpid)  # starts the process now, before a form waits for it
    return slot


def _prepare() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the worker, which then closes us
    Thread(target=_die_with_parent, daemon=True).start()
    faulthandler.dump_traceback_later(_START_SECONDS, exit=True)
    with suppress(Exception):  # what is missing is told by the form that needs it
        engine()
    faulthandler.cancel_dump_traceback_later()


def _die_with_parent() -> None:
    if parent := multiprocessing.parent_process():
        wait([parent.sentinel])
        os._exit(1)


def _render_within(form: Drawable, seconds: float) -> bytes:
    # This deadline ends the process even inside C code, which no exception could leave.
    faulthandler.dump_traceback_later(seconds, exit=True)
    try:
        return render_form(form) if isinstance(form, PaymentRequestForm) else render_paper(form)
    finally:
        faulthandler.cancel_dump_traceback_later()
