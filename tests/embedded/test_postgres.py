"""PostgreSQL of our own: built once, recovered after any death, never as root."""

import json
import os
import signal
import stat
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from embedded.postgres import LOGINS, Postgres, PostgresInUse, Role
from embedded.process import command_of

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """Started, in a folder with a space in its name. A test may stop it, and must leave it running."""
    server = Postgres(tmp_path_factory.mktemp("postgres") / "a folder", fsync=False)
    server.start()
    yield server
    server.stop()


def write(server: Postgres, text: str) -> None:
    with psycopg.connect(server.url("owner")) as connection:
        connection.execute("DROP TABLE IF EXISTS kept")
        connection.execute("CREATE TABLE kept (text text)")
        connection.execute("INSERT INTO kept VALUES (%s)", (text,))


def read(server: Postgres) -> list[str]:
    with psycopg.connect(server.url("owner")) as connection:
        return [text for (text,) in connection.execute("SELECT text FROM kept")]


class TestStart:
    def test_each_role_reaches_its_database(self, postgres: Postgres) -> None:
        roles: tuple[Role, ...] = ("app", "owner", "report", "superuser")
        for role in roles:
            with psycopg.connect(postgres.url(role)) as connection:
                row = connection.execute("SELECT current_user, current_database()").fetchone()
            assert row == (LOGINS[role], "prepay")

    def test_only_from_this_machine_and_with_a_password(self, postgres: Postgres) -> None:
        with psycopg.connect(postgres.url("superuser")) as connection:
            row = connection.execute("SELECT current_setting('listen_addresses')").fetchone()
            assert row == ("127.0.0.1",)
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(postgres.url("app").replace(":", ":wrong", 2).replace(":wrong//", "://"))

    def test_passwords_are_for_the_owner_of_the_folder_alone(self, postgres: Postgres) -> None:
        assert stat.S_IMODE((postgres.data / "passwords.json").stat().st_mode) == 0o600

    def test_the_server_is_not_root(self, postgres: Postgres) -> None:
        assert postgres.cluster.stat().st_uid != 0

    def test_a_second_one_on_the_same_folder_is_refused(self, postgres: Postgres) -> None:
        with pytest.raises(PostgresInUse, match="a folder"):
            Postgres(postgres.data).start()
        write(postgres, "still there")

    def test_data_survives_a_restart(self, postgres: Postgres) -> None:
        write(postgres, "before")
        postgres.stop()
        postgres.start()
        assert read(postgres) == ["before"]

    def test_an_interrupted_build_begins_again(self, tmp_path: Path) -> None:
        half = tmp_path / "data" / "cluster.partial"
        half.mkdir(parents=True)
        (half / "PG_VERSION").write_text("18")
        server = Postgres(tmp_path / "data", fsync=False)
        server.start()
        server.stop()
        assert not half.exists()

    def test_a_stale_pid_file_of_a_stranger_is_no_obstacle(self, postgres: Postgres) -> None:
        """After a crash its number may belong to any other process: ours, here."""
        postgres.stop()
        (postgres.cluster / "postmaster.pid").write_text(f"{os.getpid()}\n{postgres.cluster}\n")
        postgres.start()
        assert postgres.child
        assert postgres.child.running


class TestRestart:
    def test_after_kill_9_nothing_committed_is_lost(self, postgres: Postgres) -> None:
        write(postgres, "committed")
        assert postgres.child
        assert postgres.child.pid
        os.kill(postgres.child.pid, signal.SIGKILL)
        postgres.child.wait()
        postgres.restart()
        assert read(postgres) == ["committed"]


STARTER = """
import json, os, sys, time
from pathlib import Path
from embedded.postgres import Postgres
server = Postgres(Path(sys.argv[1]), fsync=False)
server.start()
print(json.dumps([os.geteuid(), server.child.pid, server.url("owner")]), flush=True)
time.sleep(600)
"""


class TestKilledStarter:
    def test_leaves_no_server_behind_and_the_next_start_recovers(self, tmp_path: Path) -> None:
        parent = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(STARTER), str(tmp_path / "data")],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert parent.stdout
        _, pid, url = _line(parent.stdout.readline())
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 'committed' AS text")
        parent.kill()
        parent.wait()
        server = Postgres(tmp_path / "data", fsync=False)
        server.start()
        try:
            assert not command_of(pid)
            assert read(server) == ["committed"]
        finally:
            server.stop()


def _line(text: str) -> tuple[int, int, str]:
    uid, pid, url = json.loads(text)
    return uid, pid, url


@pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="this run is an ordinary user's already"
)
class TestOrdinaryUser:
    def test_runs_it_as_himself(self, tmp_path: Path) -> None:
        data = tmp_path / "data"
        data.mkdir()
        os.chown(data, 65534, 65534)
        guard = [sys.executable, str(ROOT / "embedded" / "guard.py"), f"--parent={os.getpid()}"]
        starter = [
            sys.executable,
            "-c",
            f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{STARTER}",
            str(data),
        ]
        parent = subprocess.Popen(
            [*guard, "--user=65534:65534", "--", *starter], stdout=subprocess.PIPE, text=True, cwd=data
        )
        try:
            assert parent.stdout
            uid, _, url = _line(parent.stdout.readline())
            assert uid == 65534
            assert (data / "cluster").stat().st_uid == 65534
            psycopg.connect(url).close()
        finally:
            parent.terminate()
            parent.wait()
