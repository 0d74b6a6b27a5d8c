"""The inbox: a folder in which bank files appear. Each is stored, rung for, and put aside."""

import asyncio
import fcntl
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog
from sqlalchemy import Engine

from activities.bank_files import MAX_FILE_BYTES, FileEmpty, FileTooLarge, store

LOOK_SECONDS = 0.5
# A file that was written a moment ago may not be complete, and one without an end is given more time.
SETTLED_SECONDS = 0.5
UNFINISHED_SECONDS = 60.0
# The end of an XML document, of an MT message, and the trailer of a BAI2 file.
_END = re.compile(rb"(>|[\r\n]-\}?|[\r\n]99,[^\r\n]*)\Z")
UNFINISHED_NAMES = (".part", ".filepart", ".tmp")

log = structlog.get_logger()


async def watch_inbox(engine: Engine, folder: Path) -> None:
    """Take in files for as long as the process lives."""
    while True:
        try:
            await asyncio.to_thread(take_in, engine, folder)
        except Exception as error:
            log.warning("inbox not read", folder=str(folder), problem=type(error).__name__)
        await asyncio.sleep(LOOK_SECONDS)


def take_in(engine: Engine, folder: Path) -> int:
    """Store what has settled and move it to `taken/`, or to `refused/`; returns how many were taken.

    One process at a time. A file is first moved to a hidden folder, so that another one of its name may
    come meanwhile. Dying in between leaves it there, and the next one takes it in again, which changes nothing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    claimed = folder / ".taking"
    with _alone(folder) as alone:
        if not alone:
            return 0
        claimed.mkdir(exist_ok=True)
        paths = [*sorted(claimed.iterdir()), *sorted(folder.iterdir())]
        return sum(_take(engine, folder, claimed, path) for path in paths)


@contextmanager
def _alone(folder: Path) -> Iterator[bool]:
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def _wanted(path: Path) -> bool:
    if path.name.startswith(".") or path.name.endswith(UNFINISHED_NAMES):
        return False
    try:
        if not path.is_file():
            return False
        quiet = time.time() - path.stat().st_mtime
        if 0 <= quiet < SETTLED_SECONDS:
            return False
        return quiet >= UNFINISHED_SECONDS or _has_an_end(path)
    except FileNotFoundError:
        return False


def _has_an_end(path: Path) -> bool:
    """Whether it ends as its format does, in whatever encoding; what cannot be read is dealt with elsewhere."""
    try:
        with path.open("rb") as file:
            file.seek(max(path.stat().st_size - 100, 0))
            return _END.search(file.read().strip(b"\0 \t\r\n")) is not None
    except PermissionError:
        return True


def _claim(path: Path, claimed: Path) -> bool:
    if claimed.exists():
        return False
    try:
        path.rename(claimed)
    except FileNotFoundError:
        # Whoever brought it has taken it away again.
        return False
    return True


def _take(engine: Engine, folder: Path, claimed: Path, path: Path) -> bool:
    """Whether it was taken; a file that makes trouble does not hold up the others."""
    name = "".join(c if c.isprintable() else "?" for c in path.name)
    try:
        if path.parent != claimed:
            if not (_wanted(path) and _claim(path, claimed / path.name)):
                return False
            path = claimed / path.name
        return _store(engine, folder, path, name)
    except OSError as error:
        log.warning("file not taken yet", file=name, problem=type(error).__name__)
        return False


def _store(engine: Engine, folder: Path, path: Path, name: str) -> bool:
    before = path.stat()
    try:
        if before.st_size > MAX_FILE_BYTES:
            raise FileTooLarge(name, before.st_size)
        with path.open("rb") as content:
            store(engine, content, name, "inbox")
    except (FileTooLarge, FileEmpty, PermissionError) as refusal:
        log.warning("file refused", file=name, why=str(refusal))
        _put_aside(folder / "refused", path)
        return False
    after = path.stat()
    if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
        # Somebody still writes to it: it is read again at the next look.
        return False
    _put_aside(folder / "taken", path)
    return True


def _put_aside(folder: Path, path: Path) -> None:
    folder.mkdir(exist_ok=True)
    target, number = folder / path.name, 1
    while target.exists():
        target, number = folder / f"{path.name}.{number}", number + 1
    path.rename(target)
