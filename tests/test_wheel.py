"""The wheel: the client alone, beside whatever the service that installs it calls its own modules."""

import os
import shutil
import subprocess
import sys
import textwrap
import zipfile
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
# The rooms and modules of the application; a service may have its own of any of these names.
APPLICATION = sorted(
    {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"prepay"}
    | {path.stem for path in ROOT.glob("*.py")}
)


def uv() -> str:
    """The one that set-up brings, else any."""
    own = ROOT / ".uv" / "bin" / "uv"
    found = str(own) if own.exists() else shutil.which("uv")
    if found is None:
        pytest.skip("there is no uv to build the wheel with: scripts/run brings it")
    return found


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built as it is published."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [uv(), "build", "--wheel", "--quiet", "--out-dir", str(folder), str(ROOT)]
    built = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)
    if built.returncode != 0 and any(
        word in built.stderr for word in ("fetch", "network", "offline", "resolve")
    ):
        pytest.skip(
            f"the build needs hatchling, and no registry answers: {built.stderr.strip().splitlines()[-1]}"
        )
    assert built.returncode == 0, built.stderr
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def service(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel, what it says it depends on, and foreign modules of our names; nothing else."""
    folder = tmp_path_factory.mktemp("service")
    python = folder / "venv" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "venv")], check=True)
    install = [
        uv(),
        "pip",
        "install",
        "--quiet",
        "--offline",
        "--no-deps",
        "--python",
        str(python),
        str(wheel),
    ]
    subprocess.run(install, check=True, capture_output=True)
    (packages,) = (folder / "venv" / "lib").glob("python*/site-packages")
    for needed in closure(Distribution.at(next(packages.glob("prepay-*.dist-info")))):
        lend(needed, packages)
    for name in APPLICATION:
        (folder / f"{name}.py").write_text('raise ImportError("this is the service\'s own")\n')
    return folder


def closure(start: Distribution) -> Iterator[Distribution]:
    """The installed distributions that one needs, by what each says of itself."""
    waiting, seen = [(start, "")], {("prepay", "")}
    while waiting:
        dependent, extra = waiting.pop()
        for text in dependent.requires or ():
            wanted = Requirement(text)
            if wanted.marker and not wanted.marker.evaluate({"extra": extra}):
                continue
            for each in ("", *wanted.extras):
                if (wanted.name, each) not in seen:
                    seen.add((wanted.name, each))
                    found = installed(wanted.name)
                    yield found
                    waiting.append((found, each))


def installed(name: str) -> Distribution:
    try:
        return distribution(name)
    except PackageNotFoundError:
        pytest.fail(f"the wheel needs {name}, which is not in this environment")


def lend(needed: Distribution, packages: Path) -> None:
    """Links, for this environment holds the whole application and must not be seen."""
    for name in {file.parts[0] for file in needed.files or () if not file.parts[0].startswith("..")}:
        target = packages / name
        if name != "__pycache__" and not target.exists():
            target.symlink_to(str(needed.locate_file(name)))


def ask(service: Path, script: str) -> "subprocess.CompletedProcess[str]":
    """Run Python as the service does, from its own folder."""
    return subprocess.run(
        [str(service / "venv" / "bin" / "python"), "-c", textwrap.dedent(script)],
        cwd=service,
        env={"PATH": os.defpath, "PYTHONPATH": str(service)},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


class TestContent:
    def test_it_holds_the_client_alone(self, wheel: Path) -> None:
        names = zipfile.ZipFile(wheel).namelist()
        assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"prepay"}
        own = {f"prepay/{path.name}" for path in (ROOT / "prepay").glob("*.py")}
        assert own | {"prepay/py.typed"} == {name for name in names if name.startswith("prepay/")}

    def test_it_carries_its_licence(self, wheel: Path) -> None:
        assert any(name.endswith("/licenses/LICENSE") for name in zipfile.ZipFile(wheel).namelist())


class TestBesideForeignModules:
    def test_the_client_and_its_types_are_imported_and_nothing_of_the_application(
        self, service: Path
    ) -> None:
        modules = sorted(f"prepay.{path.stem}" for path in (ROOT / "prepay").glob("[a-z]*.py"))
        done = ask(service, f"import sys, {', '.join(modules)}\nprint(*sorted(sys.modules))")
        assert done.returncode == 0, done.stderr
        assert set(done.stdout.split()).isdisjoint(APPLICATION)

    def test_amounts_are_read(self, service: Path) -> None:
        done = ask(service, "from prepay.money import Money; print(Money.parse('1234.500', 'KWD'))")
        assert (done.stdout, done.stderr) == ("1,234.500 KWD\n", "")

    def test_the_services_own_modules_are_not_ours(self, service: Path) -> None:
        assert "this is the service's own" in ask(service, "import models").stderr

    def test_its_command_says_that_it_is_the_client_only(self, service: Path) -> None:
        command = [str(service / "venv" / "bin" / "prepay"), "balance", "C-1"]
        done = subprocess.run(command, cwd=service, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith("This package is Prepay's client only")
