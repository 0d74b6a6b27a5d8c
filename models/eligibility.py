"""Eligibility: who may have a virtual account, as rules of which the most specific one counts."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlmodel import SQLModel

from models.columns import created_at, row_id, text


class EligibilityRule(SQLModel, table=True):
    """What holds for customers of a contracting entity and a country, from a day on, and why. Never changed."""

    __tablename__ = "eligibility_rule"
    __table_args__ = (
        UniqueConstraint("entity", "country", "valid_from", name="eligibility_rule_once"),
        CheckConstraint("btrim(reason) <> ''", name="eligibility_rule_says_why"),
        {"info": {"written_once": True}},
    )

    id: int | None = row_id()
    entity: str = text()
    """Its code, or `*` for any."""
    country: str = text()
    """ISO 3166, or `*` for any."""
    allowed: bool
    reason: str = text()
    valid_from: date
    created_at: datetime = created_at()
