"""The command line as people use it: arguments and an environment in, two streams and an exit code out."""

import asyncio
import os
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

import cli
from settings import settings
from tests.conftest import Database

PREPAY = Path(sysconfig.get_path("scripts")) / "prepay"
ROOT = Path(__file__).parents[2]
NOBODY = "127.0.0.1:1"


@dataclass(frozen=True)
class Done:
    """What a command left."""

    code: int
    out: str
    err: str


class Cli:
    """Runs commands in this process; what they import is imported once."""

    def __init__(self, patch: pytest.MonkeyPatch, captured: pytest.CaptureFixture[str]) -> None:
        self._patch = patch
        self._captured = captured

    def use(self, **environment: str) -> None:
        """What the next commands find in the environment."""
        for name, value in environment.items():
            self._patch.setenv(name, value)

    def __call__(self, *arguments: object) -> Done:
        settings.cache_clear()
        self._captured.readouterr()
        self._patch.setattr(sys, "argv", ["prepay", *map(str, arguments)])
        code = _exit_code()
        said = self._captured.readouterr()
        return Done(code, said.out, said.err)

    async def beside(self, *arguments: object) -> Done:
        """The same beside workers that run in this process's loop."""
        return await asyncio.to_thread(self, *arguments)


def _exit_code() -> int:
    try:
        cli.main()
    except SystemExit as end:
        return int(end.code or 0)
    finally:
        settings.cache_clear()
    return 0


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Cli:
    """Commands in the checkout of somebody who has started nothing."""
    monkeypatch.chdir(ROOT)
    for name in [name for name in os.environ if name.startswith(("PREPAY_", "TEMPORAL_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PREPAY_DATA", str(tmp_path / "data"))
    return Cli(monkeypatch, capsys)


@pytest.fixture
def prepay(nowhere: Cli, database: Database) -> Cli:
    """Commands on a database of their own, with no Temporal."""
    nowhere.use(PREPAY_DATABASE_URL=database.app_url, TEMPORAL_ADDRESS=NOBODY)
    return nowhere


def start(arguments: Sequence[object], environment: dict[str, str]) -> Done:
    """Run the installed command in a process of its own."""
    given = {k: v for k, v in os.environ.items() if not k.startswith(("PREPAY_", "TEMPORAL_"))}
    command = [str(PREPAY), *map(str, arguments)]
    done = subprocess.run(
        command, env=given | environment, capture_output=True, text=True, check=False, timeout=100
    )
    return Done(done.returncode, done.stdout, done.stderr)
