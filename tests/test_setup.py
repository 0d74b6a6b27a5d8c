"""Set-up: once, again after it was interrupted, with spaces in the path, and nothing on standard output."""

import os
import re
import shutil
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TOOLS = ("sh", "cat", "cksum", "date", "dirname", "id", "mkdir", "pwd", "rm", "sleep", "tail", "tr", "uname")

# Notes with what it was called, and makes an environment with this Python in it.
UV = f"""\
#!/bin/sh
[ "$1" = sync ] || exit 0
echo "$*" >>"$UV_CALLS"
mkdir -p .venv/bin
ln -sf {sys.executable!r} .venv/bin/python
: >.venv/tried-libraries
: >.venv/tried-chromium
[ -z "${{UV_FAILS:-}}" ] || {{ : >.venv/half; exit 1; }}
echo installed
"""


class Checkout:
    """A folder with what `scripts/run` reads, and a uv that only notes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.calls_file = folder.parent / "calls"
        (folder / "scripts").mkdir(parents=True)
        for name in ("scripts/run", "uv.lock", "pyproject.toml"):
            shutil.copy(ROOT / name, folder / name)
        version = re.search(r"UV_VERSION=(\S+)", (folder / "scripts" / "run").read_text())
        assert version
        uv = folder / ".uv" / "bin" / "uv"
        uv.parent.mkdir(parents=True)
        uv.write_text(UV)
        uv.chmod(0o755)
        (folder / ".uv" / f"ready-{version[1]}").touch()

    def run(self, kind: str = "app", **environment: str) -> "subprocess.CompletedProcess[str]":
        command = ["sh", str(self.folder / "scripts" / "run"), kind, "echo", "ran", "a  b"]
        known = {**os.environ, "PYTHON": sys.executable, "UV_CALLS": str(self.calls_file), **environment}
        return subprocess.run(command, env=known, capture_output=True, text=True, check=False)

    @property
    def calls(self) -> list[str]:
        return self.calls_file.read_text().splitlines() if self.calls_file.exists() else []


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "a checkout")


class TestRun:
    def test_sets_up_once_and_says_so_on_standard_error(self, checkout: Checkout) -> None:
        first, second = checkout.run(), checkout.run()
        assert (first.stdout, second.stdout) == ("ran a  b\n", "ran a  b\n")
        assert "Set up in" in first.stderr
        assert "Set up" not in second.stderr
        assert len(checkout.calls) == 1
        assert checkout.calls[0].startswith("sync --frozen --python ")
        assert checkout.calls[0].endswith("--no-default-groups --group app --group embedded --group cjk")

    def test_the_tools_come_for_tests_and_then_stay(self, checkout: Checkout) -> None:
        checkout.run()
        checkout.run("dev")
        checkout.run("app")
        assert [call.endswith("--all-groups") for call in checkout.calls] == [False, True]
        (checkout.folder / "uv.lock").write_text("changed")
        checkout.run("app")
        assert checkout.calls[2].endswith("--all-groups")

    @pytest.mark.parametrize("name", ["uv.lock", "pyproject.toml"])
    def test_a_changed_lock_is_installed(self, checkout: Checkout, name: str) -> None:
        checkout.run()
        (checkout.folder / name).write_text("changed")
        checkout.run()
        assert len(checkout.calls) == 2

    def test_an_interrupted_one_begins_again(self, checkout: Checkout) -> None:
        broken = checkout.run(UV_FAILS="yes")
        assert broken.returncode != 0
        assert broken.stdout == ""
        assert (checkout.folder / ".venv" / "half").exists()
        assert checkout.run().stdout == "ran a  b\n"
        assert not (checkout.folder / ".venv" / "half").exists()

    def test_a_checkout_that_was_moved_is_set_up_again(self, checkout: Checkout) -> None:
        checkout.run()
        mark = checkout.folder / ".venv" / "old"
        mark.touch()
        moved = checkout.folder.rename(checkout.folder.parent / "moved")
        checkout.folder = moved
        assert checkout.run().returncode == 0
        assert len(checkout.calls) == 2
        assert not (moved / ".venv" / "old").exists()

    def test_a_python_that_is_gone_is_replaced(self, checkout: Checkout) -> None:
        checkout.run()
        python = checkout.folder / ".venv" / "bin" / "python"
        python.unlink()
        python.symlink_to("/nowhere/python")
        assert checkout.run().returncode == 0

    def test_without_python_it_says_what_to_install(self, checkout: Checkout, tmp_path: Path) -> None:
        tools = tmp_path / "tools"
        tools.mkdir()
        for name in TOOLS:
            found = shutil.which(name)
            assert found
            (tools / name).symlink_to(found)
        done = checkout.run(PATH=str(tools), PYTHON="")
        assert done.returncode == 1
        assert "needs Python 3.11 or newer" in done.stderr

    def test_the_exit_code_is_the_commands(self, checkout: Checkout) -> None:
        checkout.run()
        command = ["sh", str(checkout.folder / "scripts" / "run"), "app", "sh", "-c", "exit 7"]
        assert subprocess.run(command, capture_output=True, check=False).returncode == 7


class TestMakefile:
    def test_help_lists_every_target(self) -> None:
        listed = subprocess.run(
            ["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout
        phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
        assert phony
        assert [line.split()[1] for line in listed.splitlines()] == phony[1].split()

    def test_ci_runs_make_test(self) -> None:
        ci = ROOT / ".ci" / "run"
        assert ci.stat().st_mode & stat.S_IXUSR
        assert "exec make test" in ci.read_text()


COMMAND = """\
import sys
sys.path.insert(0, {folder!r})
from prepay.command import main
main()
"""


class TestCommand:
    """`prepay` from the wheel must never import somebody else's `cli`."""

    def installed(self, tmp_path: Path) -> Path:
        (tmp_path / "prepay").mkdir()
        (tmp_path / "prepay" / "__init__.py").touch()
        shutil.copy(ROOT / "prepay" / "command.py", tmp_path / "prepay")
        (tmp_path / "cli").mkdir()
        (tmp_path / "cli" / "__init__.py").write_text("print('foreign')\ndef main(): print('foreign main')\n")
        (tmp_path / "worker.py").touch()
        return tmp_path

    def run(self, folder: Path) -> "subprocess.CompletedProcess[str]":
        script = textwrap.dedent(COMMAND.format(folder=str(folder)))
        return subprocess.run(
            [sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, check=False
        )

    def test_it_says_that_it_is_the_client_only(self, tmp_path: Path) -> None:
        done = self.run(self.installed(tmp_path))
        assert done.returncode == 1
        assert done.stdout == ""
        assert "client only" in done.stderr

    def test_beside_a_project_of_somebody_else_too(self, tmp_path: Path) -> None:
        folder = self.installed(tmp_path)
        (folder / "pyproject.toml").write_text('[project]\nname = "theirs"\n')
        assert "foreign" not in self.run(folder).stdout

    def test_in_a_checkout_it_hands_over(self, tmp_path: Path) -> None:
        folder = self.installed(tmp_path)
        shutil.copy(ROOT / "pyproject.toml", folder)
        assert self.run(folder).stdout == "foreign\nforeign main\n"
