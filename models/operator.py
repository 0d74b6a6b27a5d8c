"""Operators, our staff: who they are, what they may decide and how much, and what proves that it was they."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlmodel import SQLModel

from models.columns import bigint, created_at, moment, row_id, text

_DATES = "valid_to IS NULL OR valid_to >= valid_from"


class Operator(SQLModel, table=True):
    """A person of our staff. Their roles and limits are rows of their own, so that the past stays as it was."""

    __tablename__ = "operator"
    __table_args__ = (
        CheckConstraint("btrim(name) <> ''", name="operator_has_a_name"),
        Index("operator_login", "login", unique=True, postgresql_where="login <> ''"),
    )

    id: int | None = row_id()
    name: str = text()
    person: str = text(unique=True)
    """The name as names are compared (`rules.operators.person`)."""
    login: str = text(default="")
    """What the server, or the UI's login, calls them; only that attests a signal."""
    created_at: datetime = created_at()


class OperatorRole(SQLModel, table=True):
    """That an operator has a role from one day to another (UTC), unless it was ended before."""

    __tablename__ = "operator_role"
    __table_args__ = (
        CheckConstraint(
            "role IN ('clerk', 'approver', 'treasurer', 'compliance', 'administrator')",
            name="operator_role_known",
        ),
        CheckConstraint(_DATES, name="operator_role_dates"),
        Index("operator_role_of", "operator_id", "role"),
    )

    id: int | None = row_id()
    operator_id: int = bigint(foreign_key="operator.id")
    role: str = text()
    valid_from: date
    valid_to: date | None = None
    granted_at: datetime = created_at()
    ended_at: datetime | None = moment(default=None, nullable=True)


class OperatorLimit(SQLModel, table=True):
    """How much an operator may decide at once in a currency; without a row they decide no amount in it."""

    __tablename__ = "operator_limit"
    __table_args__ = (
        CheckConstraint("limit_minor > 0", name="operator_limit_above_zero"),
        CheckConstraint(_DATES, name="operator_limit_dates"),
        Index("operator_limit_of", "operator_id", "currency"),
    )

    id: int | None = row_id()
    operator_id: int = bigint(foreign_key="operator.id")
    currency: str = text()
    limit_minor: int | None = bigint(default=None, nullable=True)
    """Empty: any amount."""
    valid_from: date
    valid_to: date | None = None
    granted_at: datetime = created_at()
    ended_at: datetime | None = moment(default=None, nullable=True)


class Attestation(SQLModel, table=True):
    """A signal of an operator as Temporal's history has it, who it was by that, and why it was refused, if it was."""

    __tablename__ = "attestation"
    __table_args__ = (
        UniqueConstraint("run_id", "event_id", name="attestation_once"),
        CheckConstraint("standing IN ('principal', 'identity', 'claim')", name="attestation_standing_known"),
        CheckConstraint("refused <> '' OR operator_id IS NOT NULL", name="attestation_of_an_operator"),
        Index("attestation_of_workflow", "workflow_id", "id"),
        {"info": {"written_once": True}},
    )

    id: int | None = row_id()
    workflow_id: str = text()
    run_id: str = text()
    event_id: int = bigint()
    signal: str = text()
    payload: str = text()
    """The JSON as it was sent."""
    sent_at: datetime = moment()
    """By the server's clock."""
    identity: str = text(default="")
    """What the sender's client called itself: a claim."""
    principal: str = text(default="")
    """Whom the server let in."""
    operator_id: int | None = bigint(default=None, nullable=True, foreign_key="operator.id")
    standing: str = text()
    """What says that it was they: the server's `principal`, the UI's login (`identity`), or only their `claim`."""
    refused: str = text(default="")
    created_at: datetime = created_at()
