"""A child of ours ends when we do, however we end, and nobody else's process is ever ended."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from embedded.process import (
    Child,
    NotInMainThread,
    answers,
    command_of,
    end_leftover,
    free_port,
    port_is_free,
)

ROOT = Path(__file__).parents[2]
SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]


def gone_within(pid: int, seconds: float = 5.0) -> bool:
    until = time.monotonic() + seconds
    while command_of(pid):
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def starter(tmp_path: Path, watch: bool) -> "subprocess.Popen[str]":
    """A process that starts a child of ours and prints its pid."""
    script = textwrap.dedent(
        f"""
        import sys, time
        from pathlib import Path
        from embedded.process import Child
        program = [sys.executable, "-c", "import os, time; print(os.getpid(), flush=True); time.sleep(600)"]
        child = Child("sleeper", program, Path({str(tmp_path)!r}) / "log", watch={watch})
        child.start()
        time.sleep(600)
        """
    )
    return subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, text=True)


class TestStart:
    @pytest.mark.parametrize("watch", [False, True], ids=["kernel", "watching"])
    def test_a_child_ends_when_its_starter_is_killed(self, tmp_path: Path, watch: bool) -> None:
        parent = starter(tmp_path, watch)
        log = tmp_path / "log"
        while not log.exists() or not log.read_text().endswith("\n"):
            time.sleep(0.02)
        pid = int(log.read_text())
        assert command_of(pid)
        parent.kill()
        parent.wait()
        assert gone_within(pid)

    def test_only_from_the_main_thread(self, tmp_path: Path) -> None:
        """The kernel's signal comes when the thread that started the child ends."""
        caught: list[BaseException] = []

        def start() -> None:
            try:
                Child("sleeper", SLEEPER, tmp_path / "log").start()
            except NotInMainThread as error:
                caught.append(error)

        thread = threading.Thread(target=start)
        thread.start()
        thread.join()
        assert "main thread" in str(caught[0])

    def test_a_long_log_is_put_aside(self, tmp_path: Path) -> None:
        log = tmp_path / "child.log"
        log.write_bytes(b"old\n" * 3_000_000)
        child = Child("echo", [sys.executable, "-c", "print('new')"], log)
        child.start()
        child.wait()
        assert log.read_text() == "new\n"
        assert (tmp_path / "child.old.log").stat().st_size == 12_000_000


class TestStop:
    def test_asks_first(self, tmp_path: Path) -> None:
        child = Child("sleeper", SLEEPER, tmp_path / "log")
        child.start()
        child.stop()
        assert child.exit_code == -signal.SIGTERM

    def test_ends_what_does_not_listen(self, tmp_path: Path) -> None:
        deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf'); time.sleep(600)"
        child = Child("deaf", [sys.executable, "-u", "-c", deaf], tmp_path / "log")
        child.start()
        while child.last_lines() != "deaf":
            time.sleep(0.02)
        child.stop(seconds=0.2)
        assert child.exit_code == -signal.SIGKILL


class TestEndLeftover:
    def test_ends_what_is_ours(self) -> None:
        left = subprocess.Popen([*SLEEPER, "of-ours"])
        reaper = threading.Thread(target=left.wait)
        reaper.start()
        end_leftover(left.pid, "of-ours")
        reaper.join(5)
        assert left.returncode == -signal.SIGTERM

    def test_leaves_a_stranger_with_the_same_pid(self) -> None:
        stranger = subprocess.Popen(SLEEPER)
        try:
            end_leftover(stranger.pid, "of-ours")
            assert stranger.poll() is None
        finally:
            stranger.kill()
            stranger.wait()


class TestPorts:
    def test_a_free_port_is_free_until_somebody_listens(self) -> None:
        port = free_port()
        assert port_is_free(port)
        assert not answers(port)
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", port))
            listener.listen()
            assert not port_is_free(port)
            assert answers(port)


@pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="only root on Linux changes its user"
)
class TestBecome:
    def test_another_user_still_enters_a_closed_folder(self, tmp_path: Path) -> None:
        """A checkout or data folder of root's may lie where only root can enter."""
        closed = tmp_path / "closed"
        closed.mkdir(mode=0o700)
        file = closed / "file"
        file.write_text("inside")
        script = (
            f"import os; print(os.getuid(), open({str(file)!r}).read(), os.access({str(file)!r}, os.R_OK))"
        )
        child = Child("reader", [sys.executable, "-c", script], tmp_path / "log", user=(65534, 65534))
        child.start()
        child.wait()
        assert child.last_lines() == "65534 inside True"

    def test_another_user_cannot_write_there(self, tmp_path: Path) -> None:
        closed = tmp_path / "closed"
        closed.mkdir(mode=0o700)
        script = f"open({str(closed / 'file')!r}, 'w')"
        child = Child("writer", [sys.executable, "-c", script], tmp_path / "log", user=(65534, 65534))
        child.start()
        assert child.wait() != 0
        assert "PermissionError" in child.last_lines()
