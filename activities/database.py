"""The way to PostgreSQL: one engine a process, short time-outs, and psycopg below a session for the book."""

from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg.rows import namedtuple_row
from sqlalchemy import Engine, create_engine, event
from sqlmodel import Session

from models.url import sqlalchemy_url

CONNECT_SECONDS = 2
_PREPARED = 500
"""Statements whose plans a connection keeps: a bank file alone has more than the driver's 100."""


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
    return engine


def _keep_plans(connection: "psycopg.Connection[Any]", _: object) -> None:
    connection.prepared_max = _PREPARED


def reading(engine: Engine) -> Session:
    """A session for what only reads: each statement by itself.

    A transaction costs two more round trips, and at its rollback the driver forgets all prepared statements: each look
    at a bank file made the next one plan anew, which took longer than to post it.
    """
    return Session(engine.execution_options(isolation_level="AUTOCOMMIT"))


def psycopg_of(session: Session) -> "psycopg.Connection[Any]":
    """The driver's connection in the session's transaction, for the book's functions and for COPY."""
    connection = session.connection().connection.driver_connection
    assert isinstance(connection, psycopg.Connection)
    return connection


def rows_of(
    connection: "psycopg.Connection[Any]", query: str, given: Mapping[str, Any] | None = None
) -> list[Any]:
    """The rows, with a name for each column."""
    with connection.cursor(row_factory=namedtuple_row) as cursor:
        return list(cursor.execute(query.encode(), given).fetchall())
