"""One database for many tests of a process: after each it is as it was made, and its connections stay.

A connection of its own for each test would have to learn the tables once more before it plans anything, which takes
longer than what most tests do.
"""

import time
from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import sql
from psycopg.pq import TransactionStatus

MAX_GROWTH_BYTES = 64 * 1024**2
"""A database in which more was written is dropped: rows that were deleted take their place for a while."""
_END_SECONDS = 10
_ALIVE = "SELECT count(*) FROM pg_stat_activity WHERE pid = ANY (%s)"
_END_OTHERS = """
    SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND NOT pid = ANY (%s)
"""
_TABLES = """
    SELECT c.relname, array_agg(a.attname) FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' GROUP BY c.relname
"""
_SEQUENCES = "SELECT schemaname, sequencename, last_value, start_value FROM pg_sequences ORDER BY 1, 2"


class Emptied:
    """What is needed to make a database again what it is now. The URL is the superuser's."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url, autocommit=True)
        self._size = self._one("SELECT pg_database_size(current_database())")
        self._connection.execute("CREATE SCHEMA made")
        self._connection.execute(self._function())

    def again(self, staying: Sequence[psycopg.Connection[Any]]) -> bool:
        """Take away what was written, and put back what was there; whether it went well.

        Connections that do not stay are ended, for what they have not committed.
        """
        if any(connection.info.transaction_status != TransactionStatus.IDLE for connection in staying):
            return False
        processes = [connection.info.backend_pid for connection in staying]
        if self._one(_ALIVE, processes) < len(processes):
            return False
        until = time.monotonic() + _END_SECONDS
        while self._one(_END_OTHERS, processes):
            if time.monotonic() > until:
                return False
            time.sleep(0.001)
        try:
            self._connection.execute("SELECT made.again()")
        except psycopg.Error:
            return False
        return bool(self._one("SELECT pg_database_size(current_database())") < self._size + MAX_GROWTH_BYTES)

    def close(self) -> None:
        self._connection.close()

    def _function(self) -> sql.Composed:
        """Neither triggers nor foreign keys run in it: it is the book as it was, row by row."""
        statements: list[sql.Composable] = []
        for name, columns in self._connection.execute(_TABLES).fetchall():
            table, made = sql.Identifier("public", name), sql.Identifier("made", name)
            statements.append(sql.SQL("DELETE FROM {}").format(table))
            if self._connection.execute(sql.SQL("SELECT FROM {} LIMIT 1").format(table)).rowcount:
                names = sql.SQL(", ").join(map(sql.Identifier, columns))
                self._connection.execute(sql.SQL("CREATE TABLE {} AS TABLE {}").format(made, table))
                insert = sql.SQL("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM {}")
                statements.append(insert.format(table, names, names, made))
        for schema, name, last, start in self._connection.execute(_SEQUENCES).fetchall():
            values = (sql.Literal(sql.Identifier(schema, name).as_string()), last or start, last is not None)
            statements.append(sql.SQL("PERFORM setval({}, {}, {})").format(*values))
        return sql.SQL(
            "CREATE FUNCTION made.again() RETURNS void LANGUAGE plpgsql "
            "SET session_replication_role = replica SET lock_timeout = 5000 AS {}"
        ).format(sql.Literal(f"BEGIN {sql.SQL('; ').join(statements).as_string()}; END"))

    def _one(self, query: str, *given: Any) -> Any:
        row = self._connection.execute(query.encode(), given).fetchone()
        assert row is not None
        return row[0]
