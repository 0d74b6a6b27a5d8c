"""What all tests share: one PostgreSQL, a database as it was made for each test, Temporal, and the book's checks."""

import fcntl
import itertools
import os
import shutil
import sysconfig
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import settings
from psycopg import sql
from psycopg.rows import dict_row
from sqlalchemy import Engine, event
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

import migrations
from activities.database import make_engine
from activities.setup_file import apply
from embedded.postgres import Postgres
from embedded.temporal import TemporalServer
from ledger.checks import run_checks
from tests.emptied import Emptied

# A loaded machine is slow, not wrong.
settings.register_profile("prepay", deadline=None)
settings.load_profile("prepay")

TEMPLATE, SET_UP = "prepay", "prepay_set_up"
SETUP = Path(__file__).resolve().parent.parent / "examples" / "setup.toml"
MEMORY, ROOM = Path("/dev/shm"), 4_000_000_000
CONNECTIONS = 32
"""As many as a worker has."""
MAX_STAYING = 4
"""Connections of a database's engine that the next test finds."""
_started: dict[str, Any] = {}
_connected: dict[str, psycopg.Connection[dict[str, Any]]] = {}
_engines: dict[str, tuple[Engine, list[psycopg.Connection[Any]]]] = {}
_emptied: dict[str, tuple["Database", Emptied]] = {}
_numbers = itertools.count(1)
_left: list[str] = []


@dataclass(frozen=True)
class Database:
    """A migrated database of one test; a URL for each role."""

    app_url: str
    owner_url: str
    report_url: str
    superuser_url: str
    name: str


@dataclass(frozen=True)
class Server:
    """The PostgreSQL of this run, with one URL for each role; `{}` stands for the database."""

    urls: dict[str, str]

    def database(self, name: str) -> Database:
        urls = {f"{role}_url": url.format(name) for role, url in self.urls.items()}
        return Database(name=name, **urls)


def roomy() -> Path | None:
    """Where servers keep their files: in memory where there is room, since a disk's own work costs more than theirs."""
    usable = MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM
    return MEMORY if usable else None


def _start_server() -> dict[str, str]:
    """Start PostgreSQL in this process, which must be the one that ends last."""
    if "server" not in _started:
        folder = Path(tempfile.mkdtemp(prefix="prepay-tests-", dir=roomy()))
        # Each login costs 3 ms of repeated digests, and tests log in by the thousand. Autovacuum would see tables empty
        # between two tests, and the next test's statements would be planned for no rows.
        wanted = {"scram_iterations": "1", "autovacuum": "off"}
        server = Postgres(folder / "postgres", fsync=False, settings=wanted)
        server.start()
        _started["server"], _started["folder"] = server, folder
    server = _started["server"]
    return {role: server.url(role, "{}") for role in ("app", "owner", "report", "superuser")}


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Runs in the controller of xdist for each of its workers: they share the controller's PostgreSQL."""
    node.workerinput["postgres"] = _start_server()
    node.workerinput["postgres_lock"] = str(_started["folder"] / "template.lock")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Who needs a browser comes first, else in random order: one worker of xdist starts it, not each."""
    items.sort(key=lambda item: item.path.parent.name != "ui")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Show what tests tell under the name `summary`, whichever process they ran in."""
    for report in terminalreporter.stats.get("passed", []) + terminalreporter.stats.get("failed", []):
        for name, text in report.user_properties:
            if name == "summary" and report.when == "call":
                terminalreporter.write_line(text)


def pytest_unconfigure() -> None:
    if _started:
        _started["server"].stop()
        shutil.rmtree(_started["folder"], ignore_errors=True)
        _started.clear()


def _make_templates(server: Server) -> None:
    """A database that is migrated, and one in which the example set-up has been applied as well."""
    migrations.upgrade(server.database(TEMPLATE).owner_url)
    _copy(server.database(SET_UP), TEMPLATE)
    apply(SETUP, server.database(SET_UP).app_url)


def _create(name: str, template: str) -> sql.Composed:
    # Copying the files costs a fifth of writing them to the log as well, page by page.
    create = sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER prepay_owner STRATEGY FILE_COPY")
    return create.format(sql.Identifier(name), sql.Identifier(template))


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest) -> Server:
    """PostgreSQL with its template databases, made once for all workers of a run."""
    shared: dict[str, Any] | None = getattr(request.config, "workerinput", None)
    if shared is None:
        server = Server(_start_server())
        lock = _started["folder"] / "template.lock"
    else:
        server = Server(shared["postgres"])
        lock = Path(shared["postgres_lock"])
    with lock.open("a+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        held.seek(0)
        if not held.read():
            _make_templates(server)
            held.write("made")
    return server


@pytest.fixture
def database(request: pytest.FixtureRequest, server: Server) -> Iterator[Database]:
    """A database as it was made. After the test every invariant of the book is checked in it."""
    template = SET_UP if "set_up" in request.fixturenames else TEMPLATE
    with _emptied_database(server, template) as found:
        yield found
        if request.node.get_closest_marker("breaks_the_book") is None:
            check_book(found)


@pytest.fixture
def set_up(database: Database) -> Database:
    """The database of this test, with what the example set-up says."""
    return database


def _name() -> str:
    return f"test_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}_{next(_numbers)}"


@contextmanager
def fresh_database(server: Server, name: str, template: str = TEMPLATE) -> Iterator[Database]:
    """A copy of a template, for the block."""
    database = server.database(name)
    _copy(database, template)
    try:
        yield database
    finally:
        _drop(database)


@contextmanager
def _emptied_database(server: Server, template: str) -> Iterator[Database]:
    """The copy of a template that the tests of this process use one after the other."""
    if template not in _emptied:
        database = server.database(_name())
        _copy(database, template)
        _emptied[template] = database, Emptied(database.superuser_url)
    database, emptied = _emptied[template]
    try:
        yield database
    finally:
        if not emptied.again(_that_stay(database.app_url)):
            del _emptied[template]
            emptied.close()
            _drop(database)


def _that_stay(url: str) -> list[psycopg.Connection[Any]]:
    """The connections that the next test uses too."""
    engine, made = _engines.get(url, (None, []))
    made[:] = [connection for connection in made if not connection.closed]
    if engine is not None and len(made) > MAX_STAYING:
        # PostgreSQL has two hundred for all processes.
        engine.dispose()
    looking = [_connected[url]] if url in _connected else []
    return [connection for connection in made + looking if not connection.closed]


def _copy(database: Database, template: str) -> None:
    _admin(database.superuser_url).execute(_create(database.name, template))


def _drop(database: Database) -> None:
    if connection := _connected.pop(database.app_url, None):
        connection.close()
    if database.app_url in _engines:
        _engines.pop(database.app_url)[0].dispose()
    # Its last connections take a moment to end, and PostgreSQL would wait a tenth of a second for them.
    _left.append(database.name)
    while len(_left) > 1:
        query = sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(_left.pop(0)))
        _admin(database.superuser_url).execute(query)


def _admin(superuser_url: str) -> psycopg.Connection[Any]:
    """One connection makes and drops the databases of a process."""
    return _admin_of(psycopg.conninfo.make_conninfo(superuser_url, dbname="postgres"))


@cache
def _admin_of(url: str) -> psycopg.Connection[Any]:
    return psycopg.connect(url, autocommit=True)


def engine_of(url: str) -> Engine:
    """The engine of a test's database: it ends with that, and its connections know the tables."""
    if url not in _engines:
        engine, made = make_engine(url, CONNECTIONS), []
        event.listen(engine, "connect", lambda connection, _: made.append(connection))
        _engines[url] = engine, made
    return _engines[url][0]


def connected(url: str) -> psycopg.Connection[dict[str, Any]]:
    """The connection by which a test looks, each statement committed: a new one each time costs 10 ms."""
    connection = _connected.get(url)
    if connection is None or connection.closed:
        connection = _connected[url] = psycopg.connect(url, autocommit=True, row_factory=dict_row)
    return connection


@contextmanager
def own_server() -> Iterator[Server]:
    """The same PostgreSQL, for a command that is no test."""
    try:
        server = Server(_start_server())
        _make_templates(server)
        yield server
    finally:
        pytest_unconfigure()


def check_book(database: Database) -> None:
    """Fail when an invariant of the book does not hold."""
    # On the test's own connection: a new one has to learn the tables first, which takes as long as the checks.
    breaches = [check for check in run_checks(connected(database.app_url)) if check.breaches]
    assert not breaches, f"the book is broken: {breaches}"


@contextmanager
def temporal_server(kind: type[TemporalServer] = TemporalServer) -> Iterator[str]:
    """A Temporal dev server without its UI, for the block; its address."""
    with tempfile.TemporaryDirectory(prefix="prepay-temporal-", dir=roomy()) as folder:
        server = kind(Path(folder), ui=False)
        server.start()
        try:
            yield server.address
        finally:
            server.stop()


async def end_all(client: Client) -> None:
    """What a test leaves open would take what is meant for the next test's workflow of the same id, as `freeze-1`."""
    async for left in client.list_workflows("ExecutionStatus = 'Running'"):
        with suppress(RPCError):
            await client.get_workflow_handle(left.id, run_id=left.run_id).terminate("the test is over")


@pytest.fixture(scope="session")
def temporal_address() -> Iterator[str]:
    """A Temporal dev server of this worker, with our search attributes; it ends with this process."""
    with temporal_server() as address:
        yield address


@pytest.fixture
async def temporal(temporal_address: str) -> AsyncIterator[WorkflowEnvironment]:
    """The dev server: real time, search attributes."""
    client = await Client.connect(temporal_address, data_converter=pydantic_data_converter)
    yield WorkflowEnvironment.from_client(client)
    await end_all(client)


@pytest.fixture
async def time_skipping() -> AsyncIterator[WorkflowEnvironment]:
    """A test server of this test alone, whose time runs ahead whenever everything waits."""
    path = Path(sysconfig.get_path("scripts")) / "temporal-test-server"
    environment = await WorkflowEnvironment.start_time_skipping(
        data_converter=pydantic_data_converter, test_server_existing_path=str(path)
    )
    async with environment:
        yield environment
