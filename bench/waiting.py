"""How many empty workflows have begun to wait, in this process."""

from threading import Lock

_lock = Lock()
_count = 0


def another() -> None:
    """One more waits."""
    global _count  # noqa: PLW0603  (one number of one process)
    with _lock:
        _count += 1


def count() -> int:
    """All so far."""
    return _count
