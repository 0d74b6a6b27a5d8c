"""Typed settings: the only reader of the environment (Temporal's own are read by temporalio.envconfig)."""

from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


class Settings(BaseSettings):
    """Each is `PREPAY_<NAME>` in the environment."""

    model_config = SettingsConfigDict(env_prefix="PREPAY_", extra="ignore")

    database_url: str = Field("", description="PostgreSQL, as the application's role")
    database_owner_url: str = Field("", description="PostgreSQL, as the role that owns the tables")
    inbox: Path | None = Field(None, description="folder that bank files appear in")
    outbox: Path | None = Field(None, description="folder for files to the bank")
    seals: Path | None = Field(None, description="file that keeps each newest seal outside the database")
    forms: Literal["on", "off"] = Field("on", description="off: payment request forms are not drawn")
    deposit_days: int = Field(30, ge=1, le=730, description="days until a form expires")
    reminder_business_days: Annotated[list[Annotated[int, Field(ge=1, le=366)]], NoDecode] = Field(
        default=[3, 10], description="business days after issue, comma-separated"
    )
    smtp_url: str = Field("", description="smtp://user:password@host:port, or smtps://; empty keeps notices")
    mail_from: str = Field("prepay@localhost", description="sender of notices")
    ui_url: str = Field("http://127.0.0.1:8233", description="the Temporal UI, for links")
    attestation: Literal["principal", "identity", "claim"] = Field(
        "principal",
        description="what must say who sent a signal: the server; the UI's login, where it is the only way to "
        "signal; or nobody, on one machine",
    )
    activity_threads: int = Field(16, ge=2, le=200)
    metrics_address: str = Field("", description="host:port of the Prometheus endpoint")

    @field_validator("reminder_business_days", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return [int(v) for v in value.split(",") if v.strip()] if isinstance(value, str) else value


@cache
def settings() -> Settings:
    """The settings of this process, read once."""
    return Settings()
