"""The way to PostgreSQL; on a real database."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg.pq import TransactionStatus
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from activities.database import make_engine, psycopg_of, reading
from tests.conftest import Database

PREPARED = text("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%FROM outbox%'")
COUNT = text("SELECT count(*) FROM outbox")
RING = text("INSERT INTO outbox (workflow_id, version) VALUES ('deposit-1', 1)")
OFTEN = 6
"""The driver prepares what runs so often."""


@pytest.fixture
def engine(database: Database) -> Iterator[Engine]:
    """One connection, so that the next session has that of the one before."""
    engine = make_engine(database.app_url, 1)
    yield engine
    engine.dispose()


def look(engine: Engine) -> int:
    with reading(engine) as session:
        return int(session.execute(COUNT).scalar_one())


def test_what_only_reads_keeps_the_plans_of_its_connection(engine: Engine) -> None:
    for _ in range(OFTEN):
        look(engine)
    with reading(engine) as session:
        assert session.execute(PREPARED).scalar() == 1
    with Session(engine) as session:
        session.execute(text("SELECT 1"))
    with reading(engine) as session:
        assert session.execute(PREPARED).scalar() == 0, "this is why it is no transaction"


def test_a_connection_keeps_more_plans_than_the_driver_would(engine: Engine) -> None:
    with Session(engine) as session, session.begin():
        assert psycopg_of(session).prepared_max == 250


def test_nothing_is_open_while_it_looks_and_who_writes_next_has_a_transaction(engine: Engine) -> None:
    with reading(engine) as session:
        assert session.execute(COUNT).scalar() == 0
        driver = session.connection().connection.driver_connection
        assert isinstance(driver, psycopg.Connection)
        assert driver.info.transaction_status == TransactionStatus.IDLE
    with Session(engine) as session:
        session.execute(RING)
        assert psycopg_of(session).info.transaction_status == TransactionStatus.INTRANS
    assert look(engine) == 0


def test_what_only_reads_has_no_driver_below_it(engine: Engine) -> None:
    with reading(engine) as session, pytest.raises(AssertionError):
        psycopg_of(session)


def test_a_migration_breaks_a_plan_once(engine: Engine, database: Database) -> None:
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        owner.execute("CREATE TABLE passing AS SELECT 1 AS number")
        try:
            owner.execute("GRANT SELECT ON passing TO prepay_app")
            number = text("SELECT number FROM passing")
            for _ in range(OFTEN):
                with reading(engine) as session:
                    session.execute(number)
            owner.execute("ALTER TABLE passing ALTER COLUMN number TYPE numeric")
            with reading(engine) as session, pytest.raises(DBAPIError, match="must not change result type"):
                session.execute(number)
            with reading(engine) as session:
                assert session.execute(number).scalar() == 1
        finally:
            owner.execute("DROP TABLE passing")
