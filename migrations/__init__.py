"""Alembic migrations, run as the role that owns the tables."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from models.url import sqlalchemy_url

FOLDER = Path(__file__).parent
# Two workers that start at once migrate once: the second waits for this advisory lock.
LOCK = 0x5052_4550_4159


def _config(url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes["url"] = sqlalchemy_url(url)
    return config


def upgrade(owner_url: str) -> None:
    """Bring the database to the newest revision; nothing happens where it is already there."""
    command.upgrade(_config(owner_url), "head")


def current(url: str) -> tuple[str | None, str | None]:
    """The revision the database is at, and the newest one there is."""
    head = ScriptDirectory.from_config(_config(url)).get_current_head()
    engine = create_engine(sqlalchemy_url(url))
    try:
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision(), head
    finally:
        engine.dispose()
