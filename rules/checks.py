"""When the sweep recomputes the book's invariants."""

from datetime import datetime, timedelta

BETWEEN_CHECKS = timedelta(hours=1)


def check_due(checked_at: str, now: datetime) -> bool:
    """Whether the last check is an hour old; empty where nobody knows of one."""
    return not checked_at or now - datetime.fromisoformat(checked_at) >= BETWEEN_CHECKS
