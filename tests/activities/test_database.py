"""How a worker's statements reach PostgreSQL."""

from sqlmodel import Session

from activities.database import planned, psycopg_of
from tests.conftest import Database, engine_of

_KEPT = "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%AS sized -- %'"


def test_a_plan_serves_about_as_many_rows_as_it_was_made_for(database: Database) -> None:
    with Session(engine_of(database.app_url)) as session:
        connection = psycopg_of(session)
        for rows in (1, 9, 10, 99, 5_000):
            assert planned(connection, "SELECT %(n)s::int AS sized", rows, {"n": rows}).fetchone() == (rows,)
        kept = connection.execute(_KEPT).fetchone()
    assert kept == (3,)
