"""The way to PostgreSQL; on a real database."""

from sqlalchemy import text
from sqlmodel import Session

from activities.database import make_engine, psycopg_of, reading
from tests.conftest import Database

PREPARED = text("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%kept plan%'")


def test_what_only_reads_keeps_the_plans_of_its_connection(database: Database) -> None:
    engine = make_engine(database.app_url, 1)
    try:
        with reading(engine) as session:
            psycopg_of(session).execute('SELECT 1 AS "kept plan"', prepare=True)
        for _ in range(2):
            with reading(engine) as session:
                assert session.execute(PREPARED).scalar() == 1
        with Session(engine) as session:
            session.execute(text("SELECT 1"))
        with reading(engine) as session:
            assert session.execute(PREPARED).scalar() == 0, "this is why it is no transaction"
    finally:
        engine.dispose()


def test_each_statement_that_only_reads_sees_what_is_committed(database: Database) -> None:
    engine = make_engine(database.app_url, 2)
    count = text("SELECT count(*) FROM outbox")
    try:
        with reading(engine) as looking:
            assert looking.execute(count).scalar() == 0
            with Session(engine) as session, session.begin():
                session.execute(text("INSERT INTO outbox (workflow_id, version) VALUES ('deposit-1', 1)"))
            assert looking.execute(count).scalar() == 1
    finally:
        engine.dispose()
