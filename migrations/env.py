"""Alembic's entry: one transaction for all revisions, under a lock."""

from alembic import context
from sqlalchemy import create_engine, text
from sqlmodel import SQLModel

import models  # noqa: F401  (fills the metadata)
from migrations import LOCK

engine = create_engine(context.config.attributes["url"])
with engine.begin() as connection:
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    context.configure(connection=connection, target_metadata=SQLModel.metadata, compare_type=True)
    context.run_migrations()
engine.dispose()
