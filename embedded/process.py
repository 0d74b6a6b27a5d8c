"""A child process of ours: started guarded, watched, stopped, its log kept."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

GUARD = Path(__file__).with_name("guard.py")
LOG_BYTES = 10_000_000
START_SECONDS = 60.0
STOP_SECONDS = 10.0


class NotInMainThread(RuntimeError):
    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name} must be started from the main thread: it ends when the thread that started it ends."
        )


class DidNotStart(RuntimeError):
    def __init__(self, name: str, log: Path, last_lines: str) -> None:
        super().__init__(f"{name} did not start; {log} ends with:\n{last_lines}")


class Child:
    """One program that cannot outlive us: it gets `death_signal` when we die. `name` is what people read."""

    def __init__(
        self,
        name: str,
        program: Sequence[str | Path],
        log: Path,
        *,
        environment: Mapping[str, str] | None = None,
        user: tuple[int, int] | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        death_signal: signal.Signals | None = None,
        folder: Path | None = None,
        watch: bool = False,
    ) -> None:
        self.name = name
        self.program = [str(part) for part in program]
        self.log = log
        self.environment = environment
        self.user = user
        self.stop_signal = stop_signal
        self.death_signal = death_signal or stop_signal
        self.folder = folder
        self.watch = watch
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            raise NotInMainThread(self.name)
        if self.log.exists() and self.log.stat().st_size > LOG_BYTES:
            self.log.replace(self.log.with_suffix(".old.log"))
        with self.log.open("ab") as log:
            # A session of its own: Ctrl-C in the terminal goes to us alone, and we stop the parts in order.
            self._process = subprocess.Popen(
                self._command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.environment,
                cwd=self.folder,
                start_new_session=True,
            )

    def _command(self) -> list[str]:
        guard = [sys.executable, "-I", "-S", str(GUARD), f"--parent={os.getpid()}"]
        guard.append(f"--signal={int(self.death_signal)}")
        if self.user:
            guard.append(f"--user={self.user[0]}:{self.user[1]}")
        if self.watch:
            guard.append("--watch")
        return [*guard, "--", *self.program]

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def exit_code(self) -> int | None:
        """None while it runs, and before it was started."""
        return self._process.poll() if self._process else None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def wait_until(self, ready: Callable[[], bool], seconds: float = START_SECONDS) -> None:
        """Wait until it is ready, or stop it and say what its log says.

        It must run even then: on its port a stranger may answer while ours is failing.
        """
        until = time.monotonic() + seconds
        while not ready() and self.running and time.monotonic() < until:
            time.sleep(0.02)
        if not self.running or time.monotonic() > until:
            self.stop()
            raise DidNotStart(self.name, self.log, self.last_lines())

    def wait(self, seconds: float | None = None) -> int:
        assert self._process
        return self._process.wait(seconds)

    def ask_to_stop(self) -> None:
        if self._process and self._process.poll() is None:
            self._process.send_signal(self.stop_signal)

    def stop(self, seconds: float = STOP_SECONDS) -> None:
        """Ask it to stop; end it when it does not."""
        if self._process is None:
            return
        self.ask_to_stop()
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def last_lines(self, count: int = 5) -> str:
        """The end of its log, for an error message."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-count:])


def command_of(pid: int) -> str:
    """The command line of a running process, or nothing."""
    if sys.platform == "linux":
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            return ""
    command = ["ps", "-ww", "-o", "command=", "-p", str(pid)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def end_leftover(
    pid: int,
    mark: str,
    signals: Sequence[signal.Signals] = (signal.SIGTERM, signal.SIGKILL),
    seconds: float = 10,
) -> None:
    """End a process whose starter was killed, if it still is ours: its command line shows `mark`."""
    for one in signals:
        until = time.monotonic() + seconds
        if mark in command_of(pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, one)
        while mark in command_of(pid) and time.monotonic() < until:
            time.sleep(0.05)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def port_is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do: a port whose last connection has just been closed counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def answers(port: int) -> bool:
    """Whether something accepts connections on this port of this machine."""
    return answers_at(f"127.0.0.1:{port}")


def answers_at(address: str) -> bool:
    """The same for `host:port`."""
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=3):
            return True
    except (OSError, ValueError):
        return False
