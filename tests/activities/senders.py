"""Processes that deliver files and work them off as the worker does, and what kills them."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from ctypes import c_int64
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from multiprocessing.sharedctypes import RawArray
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import psycopg
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from activities import bank_incoming
from activities.bank_files import BankFiles, store
from activities.bank_posting import KeptWasLost
from activities.database import make_engine
from tests.forks import FORKS

CHUNKS = (3, 20, 1_000)
"""How many parts a sender posts in a transaction: with few, it is killed between two of a file."""
TWICE = 0.1
"""How many of its deliveries a sender works off in two threads at once."""
MAX_TRIES = 100
_CUT = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'prepay' AND state <> 'idle' ORDER BY random() LIMIT 1
"""
_T = TypeVar("_T")


def work_off(engine: Engine, sha256: str) -> None:
    """What the BankFile workflow does."""
    files = BankFiles(engine)
    if files.read(sha256).stage in ("read", "alarm"):
        files.post(sha256)


@dataclass(slots=True)
class Sender:
    """The work of one process: which files of a folder it delivers, in which order."""

    url: str
    folder: Path
    files: list[int]
    number: int
    counts: Any = field(default_factory=lambda: RawArray(c_int64, 3))
    """Deliveries done, retries, deadlocks: in shared memory, so that they outlive the process."""

    def run(self) -> None:
        """Go on after the last delivery that was done."""
        bank_incoming.CHUNK = CHUNKS[self.number % len(CHUNKS)]
        engine = make_engine(self.url, 4)
        for at in range(self.counts[0], len(self.files)):
            self._deliver(engine, self.files[at], Random(f"{self.number} {at}"))
            self.counts[0] = at + 1
        engine.dispose()

    def _deliver(self, engine: Engine, file: int, chance: Random) -> None:
        content = (self.folder / str(file)).read_bytes()
        name = f"renamed-{chance.randrange(10**6)}.txt"
        sha256, _ = self._retried(lambda: store(engine, content, name, f"sender {self.number}"))
        threads = 2 if chance.random() < TWICE else 1
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(self._retried, [lambda: work_off(engine, sha256)] * threads))

    def _retried(self, step: Callable[[], _T]) -> _T:
        """What Temporal does when PostgreSQL ends a connection or a deadlock, or lost a chunk; else the proof fails."""
        for _ in range(MAX_TRIES):
            try:
                return step()
            except (psycopg.OperationalError, DBAPIError, KeptWasLost) as error:
                cause = error.orig if isinstance(error, DBAPIError) else error
                if not isinstance(cause, psycopg.OperationalError | KeptWasLost):
                    raise
                self.counts[1] += 1
                self.counts[2] += isinstance(cause, psycopg.errors.DeadlockDetected)
                time.sleep(0.01)
        return step()


class Senders:
    """Starts a process for each sender, kills some with -9, and starts those again until all is worked off."""

    def __init__(self, senders: Sequence[Sender], superuser_url: str) -> None:
        self.kills = self.cuts = 0
        self._senders = senders
        self._superuser_url = superuser_url
        self._processes: dict[int, BaseProcess] = {}

    @property
    def done(self) -> int:
        """How many deliveries."""
        return self._sum(0)

    @property
    def retries(self) -> int:
        return self._sum(1)

    @property
    def deadlocks(self) -> int:
        return self._sum(2)

    def _sum(self, count: int) -> int:
        return sum(sender.counts[count] for sender in self._senders)

    def run(self, chance: Random, deliveries_a_kill: int) -> None:
        """Until all is done."""
        next_accident = 0
        try:
            for number in range(len(self._senders)):
                self._start(number)
            while alive := self._alive():
                time.sleep(chance.random() * 0.05)
                # So many deliveries later, not so much time later: on a slow machine they get on as well.
                if self.done >= next_accident:
                    self._accident(chance, alive)
                    next_accident = self.done + chance.randint(1, 2 * deliveries_a_kill)
        finally:
            for process in self._processes.values():
                process.kill()
                process.join()

    def _start(self, number: int) -> None:
        process = FORKS.Process(target=self._senders[number].run)
        process.start()
        self._processes[number] = process

    def _alive(self) -> list[int]:
        for number, process in self._processes.items():
            assert process.exitcode in (None, 0), f"sender {number} failed, as it says in standard error"
        return [number for number, process in self._processes.items() if process.exitcode is None]

    def _accident(self, chance: Random, alive: Sequence[int]) -> None:
        if chance.random() < 0.25:
            self._cut()
            return
        number = chance.choice(alive)
        process = self._processes[number]
        process.kill()
        process.join()
        if process.exitcode != 0:
            self.kills += 1
            self._start(number)

    def _cut(self) -> None:
        """PostgreSQL ends a connection that is at work."""
        with psycopg.connect(self._superuser_url, autocommit=True) as connection:
            self.cuts += connection.execute(_CUT).rowcount
