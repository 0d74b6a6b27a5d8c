"""The pulse of a long step: Temporal hears that it lives."""

from contextvars import copy_context
from threading import Event, Thread
from typing import Self

from temporalio import activity

BEAT_SECONDS = 5.0


class Pulse:
    """Heartbeats from a thread of its own, so that no single piece of work is too long."""

    def __init__(self) -> None:
        self._over = Event()
        self._thread: Thread | None = None

    def __enter__(self) -> Self:
        if activity.in_activity():
            self._thread = Thread(target=copy_context().run, args=(self._beat,), daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join()

    def _beat(self) -> None:
        while not self._over.wait(BEAT_SECONDS):
            activity.heartbeat()
