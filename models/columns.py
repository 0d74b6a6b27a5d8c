"""Column types the tables share: 64-bit integers, times in UTC, and rows that number themselves."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Identity, LargeBinary, Text, func
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field


def row_id() -> Any:
    """A primary key that PostgreSQL numbers."""
    return Field(default=None, primary_key=True, sa_type=BigInteger, sa_column_args=[Identity(always=True)])


def bigint(**options: Any) -> Any:
    """A 64-bit integer: amounts in minor units, ids, counts."""
    return Field(sa_type=BigInteger, **_in_the_database(options))


def text(**options: Any) -> Any:
    """Text without a length: the wire types limit it."""
    return Field(sa_type=Text, **_in_the_database(options))


def flag() -> Any:
    """False until something sets it."""
    return Field(default=False, sa_column_kwargs={"server_default": "false"})


def _in_the_database(options: dict[str, Any]) -> dict[str, Any]:
    """A default holds for rows that SQL writes too."""
    if options.get("default") is None:
        return options
    return {**options, "sa_column_kwargs": {"server_default": str(options["default"])}}


def texts(**options: Any) -> Any:
    """A list of texts."""
    return Field(sa_type=ARRAY(Text), default_factory=list, **options)


def blob(**options: Any) -> Any:
    """Bytes, kept as they came."""
    return Field(sa_type=LargeBinary, **options)


def json(**options: Any) -> Any:
    """A JSON object."""
    return Field(sa_type=JSONB, default_factory=dict, **options)


def moment(**options: Any) -> Any:
    """A point in time, UTC."""
    return Field(sa_type=DateTime(timezone=True), **options)


def created_at() -> Any:
    """When we wrote the row, by the database's clock."""
    return Field(
        default_factory=lambda: datetime.now(UTC),
        sa_type=DateTime(timezone=True),
        sa_column_kwargs={"server_default": func.now()},
    )
