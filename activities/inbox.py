"""The inbox: a folder in which bank files appear. Each is stored, rung for, and put aside."""

import asyncio
import time
from pathlib import Path

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from activities.bank_files import MAX_FILE_BYTES, FileEmpty, FileTooLarge, store

LOOK_SECONDS = 0.5
# A file that was written a moment ago may not be complete.
SETTLED_SECONDS = 0.5

log = structlog.get_logger()


async def watch_inbox(engine: Engine, folder: Path) -> None:
    """Take in files for as long as the process lives."""
    while True:
        try:
            await asyncio.to_thread(take_in, engine, folder)
        except (OSError, SQLAlchemyError) as error:
            log.warning("inbox not read", folder=str(folder), problem=type(error).__name__)
        await asyncio.sleep(LOOK_SECONDS)


def take_in(engine: Engine, folder: Path) -> int:
    """Store what has settled and move it to `taken/`, or to `refused/`; returns how many were taken.

    A file is moved only after it has been stored: dying in between takes it in twice, which changes nothing.
    """
    taken = 0
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or not path.is_file():
            continue
        status = path.stat()
        if time.time() - status.st_mtime < SETTLED_SECONDS:
            continue
        taken += _take(engine, folder, path, status.st_size)
    return taken


def _take(engine: Engine, folder: Path, path: Path, size: int) -> bool:
    try:
        if size > MAX_FILE_BYTES:
            raise FileTooLarge(path.name, size)
        store(engine, path.read_bytes(), path.name, "inbox")
    except (FileTooLarge, FileEmpty) as refusal:
        log.warning("file refused", why=str(refusal))
        _put_aside(folder / "refused", path)
        return False
    except FileNotFoundError:
        # Another worker has taken it.
        return False
    _put_aside(folder / "taken", path)
    return True


def _put_aside(folder: Path, path: Path) -> None:
    folder.mkdir(exist_ok=True)
    target, number = folder / path.name, 1
    while target.exists():
        target, number = folder / f"{path.name}.{number}", number + 1
    try:
        path.rename(target)
    except FileNotFoundError:
        return
