"""Where a running stack of this machine is found: its data folder, and the addresses it has written there."""

import fcntl
import json
import os
import sys
from pathlib import Path

STACK_FILE = "stack.json"
LOCK_FILE = "lock"


class StackNotRunning(RuntimeError):
    def __init__(self, data: Path) -> None:
        super().__init__(
            f"No Prepay is running in {data}: start it with `prepay up`, name another folder with --data,"
            " or set PREPAY_DATABASE_URL (and TEMPORAL_ADDRESS or TEMPORAL_PROFILE)."
        )


def default_data() -> Path:
    """The data folder where none is named: PREPAY_DATA, else the platform's own place."""
    if named := os.environ.get("PREPAY_DATA"):
        return Path(named).expanduser().absolute()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "prepay"
    base = os.environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "prepay"


def is_running(data: Path) -> bool:
    """Whether a stack holds the lock of this folder."""
    try:
        with (data / LOCK_FILE).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return (data / STACK_FILE).exists()
    return False


def environment(data: Path) -> dict[str, str]:
    """The settings that the running stack of this folder brings; what the environment already says wins.

    Empty when the environment names database and Temporal itself, or when it names the database and no stack
    runs: then Temporal's own settings hold, and what needs only the database works without it.
    """
    own_database = "PREPAY_DATABASE_URL" in os.environ
    own_temporal = not os.environ.keys().isdisjoint({"TEMPORAL_ADDRESS", "TEMPORAL_PROFILE"})
    running = not (own_database and own_temporal) and is_running(data)
    if own_database and not running:
        return {}
    if not running:
        raise StackNotRunning(data)
    settings: dict[str, str] = json.loads((data / STACK_FILE).read_text())
    return {name: value for name, value in settings.items() if name not in os.environ}
