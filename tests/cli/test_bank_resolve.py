"""`prepay bank resolve`: proposed by one person, carried out by another, and told to people and programs."""

import json

import psycopg
import pytest

from activities.bank_files import BankFiles, store
from activities.database import make_engine
from tests.activities.test_bank_quarantine import LACKING
from tests.cli.conftest import Cli
from tests.conftest import SETUP, Database

FIRST = ("--by", "First Operator", "--reason", "read in the file")
SAYS = ("--booked-on", "2026-11-23", "--reference", "R-40", "--remittance", "the fortieth")


@pytest.fixture
def bank(prepay: Cli, database: Database) -> Cli:
    """Commands where a statement has been posted that has 40.00 in a line 3 which could not be read."""
    prepay("setup", SETUP)
    engine = make_engine(database.app_url, 2)
    files = BankFiles(engine)
    sha256, _ = store(engine, LACKING, "statement.xml", "a test")
    files.read(sha256)
    files.post(sha256)
    engine.dispose()
    return prepay


class TestResolve:
    def test_by_two_people(self, bank: Cli) -> None:
        first = bank("bank", "resolve", 1, 3, *FIRST, *SAYS)
        assert (first.code, first.out) == (
            0,
            "Proposal 1 stands: line 3 of file 1 is booked on 2026-11-23, reference R-40, remittance the fortieth. "
            "Another person has it carried out by `prepay bank resolve 1 3 --by NAME --approve 1`\n",
        )
        assert bank("bank", "resolve", 1, 3, *FIRST, *SAYS).out.startswith("Proposal 1 stands already: ")
        said = "Line 3 of file 1 is entry 2, as First Operator proposed and Second Operator approved"
        for expected in (f"{said}\n", f"{said} already; nothing changed\n"):
            assert bank("bank", "resolve", 1, 3, "--by", "Second Operator", "--approve", 1).out == expected
        assert bank("ledger", "check").code == 0

    def test_the_limit_of_who_approves_counts(self, bank: Cli, database: Database) -> None:
        bank("bank", "resolve", 1, 3, "--by", "Second Operator", "--reason", "read in the file", *SAYS)
        with psycopg.connect(database.superuser_url) as connection:
            connection.execute("UPDATE operator_limit SET limit_minor = 3999 WHERE limit_minor = 5000000")
        refused = bank("bank", "resolve", 1, 3, "--by", "First Operator", "--approve", 1)
        assert (refused.code, "40.00 EUR" in refused.err, "39.99 EUR" in refused.err) == (1, True, True)
        assert bank("bank", "resolve", 1, 3, "--by", "Fifth Operator", "--approve", 1).code == 0

    def test_programs_read_json(self, bank: Cli) -> None:
        first, again = (
            json.loads(bank("bank", "resolve", 1, 3, *FIRST, *SAYS, "--json").out) for _ in range(2)
        )
        facts = {"booked_on": "2026-11-23", "reference": "R-40", "remittance": "the fortieth"}
        assert first == {
            "done": "proposed",
            "proposal": 1,
            "by": "First Operator",
            "at": first["at"],
            "facts": facts,
        }
        assert again == {**first, "done": "unchanged"}
        approve = ("bank", "resolve", 1, 3, "--by", "Second Operator", "--approve", 1, "--json")
        done = {"entry": 2, "by": "First Operator", "approved_by": "Second Operator"}
        assert json.loads(bank(*approve).out) == {"done": "resolved", **done}
        assert json.loads(bank(*approve).out) == {"done": "unchanged", **done}

    def test_what_is_refused_is_one_sentence(self, bank: Cli) -> None:
        bank("bank", "resolve", 1, 3, *FIRST, *SAYS)
        for arguments, said in [
            ((1, 3, *FIRST, *SAYS, "--amount", "40.01"), "The money of line 3 (Stmt[1]/Ntry[2]) of file 1 is 40.00 "),
            ((1, 3, *FIRST, *SAYS, "--amount", "forty"), "The amount 'forty' in EUR is refused: "),
            ((1, 3, *FIRST), "Say either which entry of another file it is (`--entry`), or what its line says"),
            ((1, 3, *FIRST, "--entry", 99), "The money of line 3 (Stmt[1]/Ntry[2]) of file 1 is not entry 99: "),
            ((1, 3, *FIRST, "--booked-on", "soon"), "The proposal is refused: `facts.booked_on` must be a day such as"),
            ((1, 3, "--by", "First Operator", *SAYS), "The proposal is refused: `reason` is missing."),
            ((1, 4, *FIRST, *SAYS), "File 1 has no unread entry in line 4; `prepay bank files 1` lists those that it"),
            ((1, 3, "--by", "Second Operator", "--approve", 7), "For line 3 (Stmt[1]/Ntry[2]) of file 1 the newest"),
            ((1, 3, "--by", "first operator", "--approve", 1), "You proposed it already; somebody else must."),
            ((1, 3, "--by", "Second Operator", "--approve", 1, "--new"), "--approve takes --by and nothing else: "),
        ]:  # fmt: skip
            done = bank("bank", "resolve", *arguments)
            assert (done.code, done.out) == (1, "")
            assert done.err.lower().startswith(f"prepay: {said}".lower())
            assert done.err.count("\n") == 1


class TestFiles:
    def test_one_tells_what_is_known_proposed_and_resolved(self, bank: Cli) -> None:
        table = bank("bank", "files", 1).out
        assert "40.00 EUR" in table
        bank("bank", "resolve", 1, 3, *FIRST, *SAYS)
        table = " ".join(bank("bank", "files", 1).out.split())
        assert "proposal 1 by First Operator: booked on 2026-11-23, reference R-40" in table
        bank("bank", "resolve", 1, 3, "--by", "Second Operator", "--approve", 1)
        assert "entry 2, by First Operator and Second Operator (read in the file)" in " ".join(
            bank("bank", "files", 1).out.split()
        )
        [row] = json.loads(bank("bank", "files", 1, "--json").out)["quarantined"]
        assert (row["amount_minor"], row["entry_id"], row["approved_by"]) == (4_000, 2, "Second Operator")
