"""The way to PostgreSQL: one engine a process, short time-outs, and psycopg below a session for the book."""

from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg.rows import namedtuple_row
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import ExceptionContext
from sqlmodel import Session

from models.url import sqlalchemy_url

CONNECT_SECONDS = 2
_PREPARED = 250
"""Statements whose plans a connection keeps: a worker runs more than the driver's 100. A plan takes about 0.1 MB."""
_BROKEN_PLANS = (psycopg.errors.FeatureNotSupported, psycopg.errors.InvalidSqlStatementName)
"""What a prepared statement gives for ever once the type of a column has changed, or PostgreSQL does not have it."""


# Until PostgreSQL 17 a scan that is switched off counts as so dear that each statement of a bank file was compiled:
# seconds for what takes milliseconds.
_OPTIONS = "-c statement_timeout=30000 -c idle_in_transaction_session_timeout=60000 -c jit=off"


def make_engine(url: str, connections: int = 16) -> Engine:
    """A pool that gives up soon: the step is tried again, and meanwhile its workflow can answer."""
    engine = create_engine(
        sqlalchemy_url(url),
        pool_size=connections,
        max_overflow=0,
        # The last one used has its plans and its knowledge of the tables; the others would learn them once more.
        pool_use_lifo=True,
        pool_timeout=CONNECT_SECONDS,
        pool_recycle=1800,
        # A failure's message is kept in the workflow's history, where no name and no account number may be.
        hide_parameters=True,
        connect_args={
            "connect_timeout": CONNECT_SECONDS,
            "application_name": "prepay",
            "options": _OPTIONS,
        },
    )
    event.listen(engine, "connect", _keep_plans)
    event.listen(engine, "handle_error", _drop_broken_plans)
    return engine


def _keep_plans(connection: "psycopg.Connection[Any]", _: object) -> None:
    connection.prepared_max = _PREPARED


def _drop_broken_plans(failed: ExceptionContext) -> None:
    """At a rollback the driver forgets them; where each statement is by itself, the connections must go."""
    if isinstance(failed.original_exception, _BROKEN_PLANS):
        failed.is_disconnect = True


def reading(engine: Engine) -> Session:
    """A session for what only reads: each statement by itself.

    A transaction costs two more round trips, and at its rollback the driver forgets all prepared statements: each look
    at a bank file made the next file's statements be planned anew, which took as long as to post it.
    """
    return Session(engine.execution_options(isolation_level="AUTOCOMMIT"))


def psycopg_of(session: Session) -> "psycopg.Connection[Any]":
    """The driver's connection in the session's transaction, for the book's functions and for COPY.

    Not for a session that only reads: of what fails there, SQLAlchemy would not hear.
    """
    connection = session.connection().connection.driver_connection
    assert isinstance(connection, psycopg.Connection)
    assert not connection.autocommit
    return connection


def rows_of(
    connection: "psycopg.Connection[Any]", query: str, given: Mapping[str, Any] | None = None
) -> list[Any]:
    """The rows, with a name for each column."""
    with connection.cursor(row_factory=namedtuple_row) as cursor:
        return list(cursor.execute(query.encode(), given).fetchall())
