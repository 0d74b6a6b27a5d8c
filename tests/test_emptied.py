"""What one test wrote, the next one does not find."""

from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from bankfiles.sample import Payment
from tests.activities.test_bank_files import Desk, desk
from tests.conftest import SET_UP, Database, Server, connected, fresh_database
from tests.emptied import Emptied

__all__ = ["desk"]


@pytest.fixture
def set_up(server: Server) -> Any:
    """A database of its own, which `desk` takes."""
    with fresh_database(server, f"test_{uuid4().hex}", SET_UP) as fresh:
        yield fresh


def everything(database: Database) -> dict[str, list[Any]]:
    with psycopg.connect(database.superuser_url) as connection:
        tables = connection.execute("SELECT relname FROM pg_stat_user_tables WHERE schemaname = 'public'")
        rows = sql.SQL("SELECT t::text FROM {} t ORDER BY 1")
        found = {
            name: connection.execute(rows.format(sql.Identifier(name))).fetchall()
            for (name,) in tables.fetchall()
        }
        sequences = "SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public' ORDER BY 1"
        return found | {"sequences": connection.execute(sequences).fetchall()}


def test_it_is_as_it_was_made(set_up: Database, desk: Desk) -> None:
    emptied = Emptied(set_up.superuser_url)
    before = everything(set_up)
    for _ in range(2):
        paid = Payment(10_000, structured=desk.issue().reference)
        desk.pay(paid, Payment(500))
        with psycopg.connect(set_up.superuser_url) as connection:
            connection.execute("UPDATE operator SET name = 'Another Operator' WHERE id = 1")
        desk.engine.dispose()
        assert everything(set_up) != before
        assert emptied.again([connected(set_up.app_url)])
        assert everything(set_up) == before
    emptied.close()


def test_what_is_not_committed_never_will_be(set_up: Database) -> None:
    emptied = Emptied(set_up.superuser_url)
    with psycopg.connect(set_up.superuser_url) as left:
        left.execute("UPDATE operator SET name = 'Another Operator' WHERE id = 1")
        assert emptied.again([])
        with pytest.raises(psycopg.OperationalError):
            left.execute("SELECT 1")
    emptied.close()


def test_a_connection_that_is_at_work_or_dead_cannot_stay(set_up: Database) -> None:
    emptied = Emptied(set_up.superuser_url)
    with psycopg.connect(set_up.app_url) as busy:
        busy.execute("SELECT 1")
        assert not emptied.again([busy])
        busy.commit()
        emptied.again([])
        assert not emptied.again([busy])
    emptied.close()
