"""All commands: they say what they do, start fast, and refuse in one sentence."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer.main

from cli.app import app
from tests.cli.conftest import Cli, start
from tests.conftest import Database, Server

ROOT = Path(__file__).parents[2]
# They print no facts, or print them line by line while they run.
WITHOUT_JSON = {"up", "migrate"}
SLOW_TO_IMPORT = (
    "weasyprint", "sqlalchemy", "sqlmodel", "temporalio", "psycopg", "pydantic", "babel", "schwifty", "lxml"
)  # fmt: skip
IMPORTED = """
import sys
from prepay.command import main
sys.argv = ["prepay", *sys.argv[1:]]
try:
    main()
except SystemExit:
    pass
print(*sorted(sys.modules), sep="\\n", file=sys.stderr)
"""


def commands() -> dict[str, Any]:
    """Every command by what people type for it."""

    def below(name: str, command: Any) -> dict[str, Any]:
        found: dict[str, Any] = {name: command}
        for each, child in getattr(command, "commands", {}).items():
            found |= below(f"{name} {each}".strip(), child)
        return found

    return {name: command for name, command in below("", typer.main.get_command(app)).items() if name}


COMMANDS = commands()
LEAVES = {name: command for name, command in COMMANDS.items() if not hasattr(command, "commands")}


class TestHelp:
    @pytest.mark.parametrize("name", COMMANDS)
    def test_each_command_says_what_it_does(self, nowhere: Cli, name: str) -> None:
        done = nowhere(*name.split(), "--help")
        assert done.code == 0
        assert COMMANDS[name].help.split("\n")[0].rstrip(".") in " ".join(done.out.split())

    @pytest.mark.parametrize("name", LEAVES)
    def test_each_option_says_what_it_is_for(self, name: str) -> None:
        silent = [p.name for p in LEAVES[name].params if not p.help]
        assert silent == []

    @pytest.mark.parametrize("name", sorted(LEAVES.keys() - WITHOUT_JSON))
    def test_each_command_that_tells_facts_tells_them_as_json(self, name: str) -> None:
        assert "--json" in [option for p in LEAVES[name].params for option in p.opts]

    def test_without_a_command_it_lists_them(self, nowhere: Cli) -> None:
        listed = nowhere()
        assert all(name.split()[0] in listed.out for name in COMMANDS)


class TestStart:
    def test_help_waits_for_no_library_that_it_does_not_use(self) -> None:
        done = subprocess.run(
            [sys.executable, "-c", IMPORTED, "--help"], cwd=ROOT, capture_output=True, text=True, check=True
        )
        imported = set(done.stderr.split())
        assert "cli.app" in imported
        assert imported & set(SLOW_TO_IMPORT) == set()


class TestUsage:
    @pytest.mark.parametrize(
        "arguments",
        [
            "nonsense",
            "balance",
            "balance C-1 C-2",
            "bank files 0",
            "bank files x",
            "bank explain 0",
            "records C-1 --limit 0",
            "setup",
        ],
    )
    def test_wrong_usage_is_exit_code_2(self, nowhere: Cli, arguments: str) -> None:
        done = nowhere(*arguments.split())
        assert done.code == 2
        assert "Error" in done.err
        assert done.out == ""


ON_A_STACK = [
    "balance C-1", "records C-1", "notices", "views", "customer list", "deposit list", "deposit show D-1",
    "deposit request C-1 1 EUR --product x", "ledger check", "bank files", "bank entries", "setup examples/setup.toml",
    "bank ingest examples/setup.toml", "bank explain 1", "explain C-1",
]  # fmt: skip


class TestNothingRuns:
    @pytest.mark.parametrize("arguments", ON_A_STACK)
    def test_each_command_says_how_to_start_it(self, nowhere: Cli, arguments: str, tmp_path: Path) -> None:
        done = nowhere(*arguments.split())
        assert (done.code, done.out) == (1, "")
        assert done.err.startswith(
            f"prepay: No Prepay is running in {tmp_path / 'data'}: start it with `prepay up`"
        )
        assert done.err.count("\n") == 1

    def test_the_installed_command_prints_no_traceback(self, tmp_path: Path) -> None:
        done = start(["balance", "C-1"], {"PREPAY_DATA": str(tmp_path)})
        assert (done.code, done.out) == (1, "")
        assert done.err.startswith("prepay: No Prepay is running")
        assert "Traceback" not in done.err


class TestTemporalAway:
    @pytest.mark.parametrize("arguments", ["deposit request C-1 1 EUR --product x"])
    def test_it_is_said_in_one_sentence(self, prepay: Cli, arguments: str) -> None:
        done = prepay(*arguments.split())
        assert (done.code, done.out) == (1, "")
        assert "prepay: Temporal does not answer at 127.0.0.1:1." in done.err


class TestDatabaseAway:
    @pytest.mark.parametrize(
        "arguments",
        ["ledger check", "bank files", "bank entries", "customer list", "deposit list", "notices",
         "setup examples/setup.toml", "bank ingest examples/setup.toml", "explain C-1", "bank explain 1"],
    )  # fmt: skip
    def test_it_is_said_in_one_sentence(self, nowhere: Cli, arguments: str) -> None:
        nowhere.use(PREPAY_DATABASE_URL="postgresql://u:secret@127.0.0.1:1/x", TEMPORAL_ADDRESS="127.0.0.1:1")
        done = nowhere(*arguments.split())
        assert (done.code, done.out) == (1, "")
        assert done.err.startswith("prepay: The database does not answer: ")
        assert done.err.count("\n") == 1

    @pytest.mark.parametrize("arguments", ["bank files", "setup examples/setup.toml"])
    def test_a_wrong_url_is_not_repeated_with_its_password(self, nowhere: Cli, arguments: str) -> None:
        nowhere.use(PREPAY_DATABASE_URL="postgres:/u:secret@host/x", TEMPORAL_ADDRESS="127.0.0.1:1")
        done = nowhere(*arguments.split())
        assert done.code == 1
        assert "PREPAY_DATABASE_URL is no URL of PostgreSQL" in done.err
        assert "secret" not in done.err

    @pytest.mark.breaks_the_book
    def test_a_database_without_tables_asks_for_the_migration(self, prepay: Cli, server: Server) -> None:
        prepay.use(PREPAY_DATABASE_URL=server.database("postgres").superuser_url)
        for arguments in ("bank files", "setup examples/setup.toml", "ledger check"):
            done = prepay(*arguments.split())
            assert (done.code, done.out) == (1, "")
            assert done.err.endswith("run `prepay migrate`.\n")

    def test_a_role_that_may_only_read_is_told_which_one_may_write(
        self, prepay: Cli, database: Database
    ) -> None:
        prepay.use(PREPAY_DATABASE_URL=database.report_url)
        done = prepay("setup", "examples/setup.toml")
        assert (done.code, done.out) == (1, "")
        assert done.err.startswith(
            "prepay: The database refuses (permission denied for table contracting_entity)"
        )
        assert done.err.endswith("must name the role prepay_app.\n")


class TestSettings:
    def test_a_wrong_one_is_named(self, prepay: Cli) -> None:
        prepay.use(PREPAY_DEPOSIT_DAYS="many")
        done = prepay("bank", "files")
        assert done.code == 1
        assert done.err.startswith("prepay: PREPAY_DEPOSIT_DAYS is wrong: ")
