"""The book's SQL, in the order in which the migration runs it as the owner."""

from pathlib import Path
from typing import Protocol

FOLDER = Path(__file__).parent / "sql"


class Executes(Protocol):
    """What the migration's connection can do."""

    def exec_driver_sql(self, statement: str) -> object: ...


def statements() -> list[str]:
    """One text for each file of `ledger/sql`; each holds many statements and no parameters."""
    return [file.read_text(encoding="utf-8") for file in sorted(FOLDER.glob("*.sql"))]


def create(connection: Executes) -> None:
    """Create the book: tables, functions, views, guards and grants."""
    for text in statements():
        connection.exec_driver_sql(text)
