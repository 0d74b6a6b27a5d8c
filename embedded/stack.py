"""The whole of Prepay on one machine: PostgreSQL, Temporal with its UI, a bank, and the workers."""

import asyncio
import contextlib
import fcntl
import importlib
import json
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

from temporalio.service import RPCError

from embedded.bank import Bank, BankRefused
from embedded.discover import LOCK_FILE, STACK_FILE
from embedded.ports import Ports, choose
from embedded.postgres import Postgres
from embedded.process import Child, DidNotStart, end_leftover
from embedded.temporal import TemporalServer, in_own_loop, register_search_attributes
from embedded.workers import wait_for_worker

ROOT = Path(__file__).resolve().parent.parent
TICK_SECONDS = 0.5
BANK_SECONDS = 60.0
WORKER_SECONDS = 15.0
# A part that ends again right after its start is started more and more seldom.
SOON_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 30.0


class StackInUse(RuntimeError):
    def __init__(self, data: Path, pid: str) -> None:
        super().__init__(
            f"{data} is in use by the Prepay with process id {pid or 'unknown'}: stop that one,"
            " or name another folder with --data."
        )


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    """Stacks of this user that start together choose their ports one after the other."""
    file = Path(tempfile.gettempdir()) / f"prepay-ports-{os.getuid()}.lock"
    with file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@dataclass
class Part:
    """Something that must run: its process, and how it is started again."""

    name: str
    child: Callable[[], Child | None]
    start: Callable[[], None]
    started: float = 0.0
    pause: float = 0.0

    @property
    def running(self) -> bool:
        child = self.child()
        return child is not None and child.running

    def due(self, now: float) -> bool:
        return not self.running and now >= self.started + self.pause

    def restart(self, now: float) -> None:
        soon = now - self.started < self.pause + SOON_SECONDS
        self.pause = min(max(1.0, self.pause * 2), LONGEST_PAUSE_SECONDS) if soon else 0.0
        self.started = now
        self.start()


class Stack:
    """One stack on one data folder. Start it, tick it and stop it from the main thread.

    What `PREPAY_DATABASE_URL` and `TEMPORAL_ADDRESS` (or `TEMPORAL_PROFILE`) name is used instead of started.
    """

    def __init__(
        self,
        data: Path,
        *,
        ports: Ports | None = None,
        workers: int = 1,
        say: Callable[[str], None] | None = None,
    ) -> None:
        self.data = data.expanduser().absolute()
        self.inbox = self.data / "inbox"
        self.outbox = self.data / "outbox"
        self.workers = workers
        self.postgres: Postgres | None = None
        self.temporal: TemporalServer | None = None
        self.bank: Bank
        self._asked = ports or Ports()
        self._say = say or (lambda _line: None)
        self._lock: IO[str] | None = None
        self._parts: list[Part] = []
        self._worker_children: list[Child] = []
        self._bank_asked = 0.0
        self._stopping = threading.Event()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def environment(self) -> dict[str, str]:
        """The settings with which anything of Prepay reaches this stack."""
        settings = {
            "PREPAY_DATA": str(self.data),
            "PREPAY_INBOX": str(self.inbox),
            "PREPAY_OUTBOX": str(self.outbox),
            "PREPAY_SEALS": str(self.data / "seals.txt"),
            "PREPAY_BANK_URL": self.bank.url,
        }
        if self.postgres:
            settings["PREPAY_DATABASE_URL"] = self.postgres.url("app")
            settings["PREPAY_DATABASE_OWNER_URL"] = self.postgres.url("owner")
            settings["PREPAY_DATABASE_REPORT_URL"] = self.postgres.url("report")
        if self.temporal:
            settings["TEMPORAL_ADDRESS"] = self.temporal.address
            settings["TEMPORAL_NAMESPACE"] = "default"
            settings["PREPAY_UI_URL"] = self.temporal.ui_address
            # Nobody logs in on one machine.
            settings["PREPAY_ATTESTATION"] = os.environ.get("PREPAY_ATTESTATION", "claim")
        return settings

    def start(self) -> None:
        """Start all parts; when one cannot, stop the others and say why."""
        self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._take_lock()
        self._stopping.clear()
        try:
            self._end_leftovers()
            self._start_services()
            self._write_stack_file()
            self._start_workers()
            self._remember()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """The workers first, so that they can finish what they are doing."""
        if self._lock is None:
            return
        self._stopping.set()
        (self.data / STACK_FILE).unlink(missing_ok=True)
        for child in self._worker_children:
            child.ask_to_stop()
        for child in self._worker_children:
            child.stop(WORKER_SECONDS)
        self._stop_services()
        (self.data / "processes.json").unlink(missing_ok=True)
        self._lock.close()
        self._lock = None

    def run(self) -> None:
        """Stay, and start again whatever ends, until Ctrl-C or a signal to end."""
        ends = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = [signal.signal(one, lambda *_: self._stopping.set()) for one in ends]
        while not self._stopping.wait(TICK_SECONDS):
            self.tick()
        # A second Ctrl-C need not wait for an orderly end.
        for one, handler in zip(ends, before, strict=True):
            signal.signal(one, handler)

    async def supervise(self) -> None:
        """The same beside other asyncio work of the main thread, until cancelled."""
        while not self._stopping.is_set():
            self.tick()
            await asyncio.sleep(TICK_SECONDS)

    def tick(self) -> None:
        """Start again what has ended."""
        now = time.monotonic()
        for part in self._parts:
            if part.due(now):
                child = part.child()
                code = child.exit_code if child else None
                self._say(f"{part.name} ended (exit code {code}); starting it again")
                try:
                    part.restart(now)
                except DidNotStart as error:
                    self._say(str(error))
                self._remember()
        if now - self._bank_asked > BANK_SECONDS:
            self._bank_asked = now
            with contextlib.suppress(OSError, BankRefused):
                self.bank.client.release()

    def _take_lock(self) -> None:
        lock = (self.data / LOCK_FILE).open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip()
            lock.close()
            raise StackInUse(self.data, holder) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        self._lock = lock

    def _start_services(self) -> None:
        """A port can be taken between choosing and using it; then others are chosen, once."""
        with one_at_a_time():
            try:
                self._start_services_once()
            except DidNotStart as error:
                if "already in use" not in str(error).lower():
                    raise
                self._stop_services()
                self._start_services_once()

    def _start_services_once(self) -> None:
        ports = choose(self.data / "ports.json", self._asked)
        if not os.environ.get("PREPAY_DATABASE_URL"):
            self.postgres = Postgres(self.data / "postgres", ports.postgres)
        if not any(os.environ.get(name) for name in ("TEMPORAL_ADDRESS", "TEMPORAL_PROFILE")):
            self.temporal = TemporalServer(self.data / "temporal", ports.temporal, ports.temporal_ui)
        self.bank = Bank(self.data / "bank", self.inbox, self.outbox, ports.bank)
        # The slower two start side by side with the first.
        if self.temporal:
            self.temporal.launch()
        self.bank.launch()
        self._start_postgres()
        self._wait_for_temporal()
        self._timed(f"Bank at {self.bank.url}", self.bank.wait)
        self._parts.append(Part("Bank", lambda: self.bank.child, self.bank.start, time.monotonic()))

    def _start_postgres(self) -> None:
        owner_url = os.environ.get("PREPAY_DATABASE_OWNER_URL", "")
        if postgres := self.postgres:
            self._timed(f"PostgreSQL at 127.0.0.1:{postgres.port}", postgres.start)
            self._parts.append(Part("PostgreSQL", lambda: postgres.child, postgres.restart, time.monotonic()))
            owner_url = postgres.url("owner")
        if owner_url:
            self._timed("Database migrated", lambda: importlib.import_module("migrations").upgrade(owner_url))
        else:
            self._say("PREPAY_DATABASE_OWNER_URL is not set: the database is taken as it is")

    def _wait_for_temporal(self) -> None:
        if temporal := self.temporal:
            self._timed(f"Temporal at {temporal.address}, its UI at {temporal.ui_address}", temporal.wait)
            self._parts.append(Part("Temporal", lambda: temporal.child, temporal.start, time.monotonic()))

    def _start_workers(self) -> None:
        if self.workers and not self.temporal:
            self._add_search_attributes()
        environment = {**os.environ, **self.environment}
        # Workers write money through the book's functions only.
        environment.pop("PREPAY_DATABASE_OWNER_URL", None)
        for number in range(1, self.workers + 1):
            log = self.data / f"worker-{number}.log"
            program: list[str | Path] = [sys.executable, ROOT / "worker.py"]
            child = Child(
                "The worker",
                program,
                log,
                environment=environment,
                folder=ROOT,
                # Without database and Temporal there is nothing it could finish.
                death_signal=signal.SIGKILL,
            )
            child.start()
            self._worker_children.append(child)
            self._parts.append(
                Part(f"Worker {number}", lambda child=child: child, child.start, time.monotonic())  # type: ignore[misc]
            )
        if self._worker_children:
            ready = "1 worker is ready" if self.workers == 1 else f"{self.workers} workers are ready"
            self._timed(ready, lambda: wait_for_worker(self._worker_children[0], environment))

    def _add_search_attributes(self) -> None:
        """To a Temporal of the user's, where we may: its administrator can also run `prepay migrate`."""
        try:
            added = in_own_loop(register_search_attributes())
        except RPCError as error:
            self._say(f"Search attributes cannot be added here ({error}): let `prepay migrate` do it")
        else:
            self._say(f"Search attributes added: {', '.join(added) or 'none, all are there'}")

    def _stop_services(self) -> None:
        self._parts.clear()
        self._worker_children.clear()
        services = [part for part in (getattr(self, "bank", None), self.temporal, self.postgres) if part]
        for part in services:
            if part.child:
                part.child.ask_to_stop()
        for part in services:
            part.stop()

    def _timed(self, what: str, start: Callable[[], object]) -> None:
        began = time.monotonic()
        start()
        self._say(f"{what} ({time.monotonic() - began:.1f} s)")

    def _write_stack_file(self) -> None:
        file = self.data / STACK_FILE
        partial = file.with_suffix(".partial")
        partial.unlink(missing_ok=True)
        # It holds passwords.
        partial.touch(mode=0o600)
        partial.write_text(json.dumps(self.environment, indent=2))
        partial.replace(file)

    def _remember(self) -> None:
        """Which processes are ours, for a start after we were killed."""
        children = [part.child() for part in self._parts]
        known = {
            str(child.pid): [int(child.stop_signal), *child.program]
            for child in children
            if child and child.running
        }
        (self.data / "processes.json").write_text(json.dumps(known))

    def _end_leftovers(self) -> None:
        file = self.data / "processes.json"
        if not file.exists():
            return
        with contextlib.suppress(json.JSONDecodeError):
            for pid, (stop_signal, *program) in json.loads(file.read_text()).items():
                end_leftover(int(pid), " ".join(program), (signal.Signals(stop_signal), signal.SIGKILL))
        file.unlink()
