"""The whole stack: two side by side, recovered after kill -9, with what runs already used instead."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from embedded import discover
from embedded.ports import Ports, PortTaken, choose
from embedded.process import answers, command_of, free_port
from embedded.stack import Part, Stack, StackInUse

ROOT = Path(__file__).parents[2]
MakeStack = Callable[..., Stack]


@pytest.fixture
def make_stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeStack]:
    """Stacks without workers, each stopped afterwards; nothing of the user's own is used."""
    for name in ("PREPAY_DATABASE_URL", "PREPAY_DATABASE_OWNER_URL", "TEMPORAL_ADDRESS", "TEMPORAL_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    made: list[Stack] = []

    def make(data: Path, **options: object) -> Stack:
        made.append(Stack(data, workers=0, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for stack in made:
        stack.stop()


@pytest.fixture
def elsewhere(make_stack: MakeStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Database and Temporal are the user's own."""
    monkeypatch.setenv("PREPAY_DATABASE_URL", "postgresql://somewhere/prepay")
    monkeypatch.setenv("TEMPORAL_ADDRESS", "somewhere:7233")


def revision(url: str) -> str:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    assert row
    return str(row[0])


class TestStart:
    def test_two_side_by_side(self, tmp_path: Path, make_stack: MakeStack) -> None:
        first, second = make_stack(tmp_path / "first of two"), make_stack(tmp_path / "second")
        first.start()
        second.start()
        ports = [part for stack in (first, second) for part in addresses(stack)]
        assert len(set(ports)) == len(ports) == 8
        assert all(answers(port) for port in ports)
        assert revision(first.environment["PREPAY_DATABASE_OWNER_URL"])
        assert discover.environment(first.data).items() <= first.environment.items()

    def test_a_second_on_the_same_folder_names_the_first(
        self, tmp_path: Path, make_stack: MakeStack, elsewhere: None
    ) -> None:
        make_stack(tmp_path).start()
        second = make_stack(tmp_path)
        with pytest.raises(StackInUse, match=f"process id {os.getpid()}"):
            second.start()
        second.stop()
        assert discover.is_running(tmp_path)

    def test_what_the_environment_names_is_used(
        self, tmp_path: Path, make_stack: MakeStack, elsewhere: None
    ) -> None:
        stack = make_stack(tmp_path)
        stack.start()
        assert (stack.postgres, stack.temporal) == (None, None)
        assert {"PREPAY_DATABASE_URL", "TEMPORAL_ADDRESS"}.isdisjoint(stack.environment)
        assert discover.environment(tmp_path) == {}

    def test_one_that_cannot_start_leaves_nothing(self, tmp_path: Path, make_stack: MakeStack) -> None:
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            port = other.getsockname()[1]
            with pytest.raises(PortTaken, match=f"Port {port} is taken: give another with --bank-port"):
                make_stack(tmp_path, ports=Ports(bank=port)).start()
        assert not discover.is_running(tmp_path)


def addresses(stack: Stack) -> list[int]:
    assert stack.postgres
    assert stack.temporal
    return [stack.postgres.port, stack.temporal.port, stack.temporal.ui_port, stack.bank.port]


class TestTick:
    def test_starts_again_what_was_killed(self, tmp_path: Path, make_stack: MakeStack) -> None:
        said: list[str] = []
        stack = make_stack(tmp_path, say=said.append)
        stack.start()
        before = addresses(stack)
        assert stack.postgres
        assert stack.temporal
        for part in (stack.postgres, stack.temporal, stack.bank):
            assert part.child
            assert part.child.pid
            os.kill(part.child.pid, signal.SIGKILL)
            part.child.wait()
        stack.tick()
        assert addresses(stack) == before
        assert revision(stack.environment["PREPAY_DATABASE_URL"])
        assert [line.split(";")[0] for line in said[-3:]] == [
            "PostgreSQL ended (exit code -9)",
            "Temporal ended (exit code -9)",
            "Bank ended (exit code -9)",
        ]

    def test_what_ends_again_at_once_is_started_more_and_more_seldom(self) -> None:
        started: list[float] = []
        part = Part("never there", lambda: None, lambda: started.append(now))
        for now in range(200):
            if part.due(now):
                part.restart(now)
        assert started == [0, 1, 3, 7, 15, 31, 61, 91, 121, 151, 181]


STARTER = """
import sys
import threading
from pathlib import Path
from embedded.stack import Stack
stack = Stack(Path(sys.argv[1]), workers=0)
stack.start()
# When it runs: only then does it wait for signals.
threading.Timer(0.3, print, ["up"], {"flush": True}).start()
stack.run()
stack.stop()
"""


def start_elsewhere(data: Path) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-c", STARTER, str(data)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    assert process.stdout.readline() == "up\n"
    return process


@pytest.mark.usefixtures("make_stack")
class TestKilled:
    def test_kill_9_leaves_nothing_behind_and_the_next_start_recovers(
        self, tmp_path: Path, make_stack: MakeStack
    ) -> None:
        data = tmp_path / "killed"
        process = start_elsewhere(data)
        urls = discover.environment(data)
        pids = [int(pid) for pid in json.loads((data / "processes.json").read_text())]
        assert len(pids) == 3
        with psycopg.connect(urls["PREPAY_DATABASE_OWNER_URL"]) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 'committed' AS text")
        process.kill()
        process.wait()
        assert not discover.is_running(data)
        until = time.monotonic() + 10
        while any(command_of(pid) for pid in pids):
            assert time.monotonic() < until, "a process was left behind"
            time.sleep(0.05)
        stack = make_stack(data)
        stack.start()
        with psycopg.connect(stack.environment["PREPAY_DATABASE_OWNER_URL"]) as connection:
            assert connection.execute("SELECT text FROM kept").fetchone() == ("committed",)

    def test_sigterm_stops_everything_in_order(self, tmp_path: Path) -> None:
        process = start_elsewhere(tmp_path)
        process.terminate()
        assert process.wait(20) == 0
        assert not (tmp_path / "processes.json").exists()
        assert not (tmp_path / "postgres" / "cluster" / "postmaster.pid").exists()


class TestPorts:
    def test_a_kept_port_that_is_taken_is_replaced(self, tmp_path: Path) -> None:
        file = tmp_path / "ports.json"
        first = choose(file, Ports(bank=free_port()))
        with socket.socket() as other:
            other.bind(("127.0.0.1", first.bank))
            second = choose(file, Ports())
        assert second.bank != first.bank

    def test_a_kept_port_is_kept(self, tmp_path: Path) -> None:
        file = tmp_path / "ports.json"
        port = free_port()
        choose(file, Ports(temporal=port))
        assert choose(file, Ports()).temporal == port


class TestDiscover:
    def test_says_how_to_start_one(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("PREPAY_DATABASE_URL", raising=False)
        with pytest.raises(discover.StackNotRunning, match="start it with `prepay up`"):
            discover.environment(tmp_path)

    def test_what_the_environment_says_wins(
        self, tmp_path: Path, make_stack: MakeStack, elsewhere: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        make_stack(tmp_path).start()
        monkeypatch.delenv("PREPAY_DATABASE_URL")
        monkeypatch.setenv("PREPAY_INBOX", "mine")
        found = discover.environment(tmp_path)
        assert "PREPAY_INBOX" not in found
        assert found["PREPAY_OUTBOX"] == str(tmp_path / "outbox")

    def test_the_data_folder_is_the_platforms(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.delenv("PREPAY_DATA", raising=False)
        monkeypatch.setattr(sys, "platform", "linux")
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
        assert discover.default_data() == tmp_path / "prepay"
        monkeypatch.setenv("PREPAY_DATA", str(tmp_path / "named"))
        assert discover.default_data() == tmp_path / "named"
