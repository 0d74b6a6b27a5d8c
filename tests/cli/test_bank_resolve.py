"""`prepay bank resolve`: it proposes, says who must approve and where, and the files tell what came of it."""

import json

import pytest

from activities.bank_files import BankFiles, store
from activities.resolution import Decide, Resolutions
from prepay.resolutions import DecideResolution
from tests.activities.test_bank_quarantine import LACKING
from tests.cli.conftest import Cli
from tests.conftest import Database, engine_of

FIRST = ("--by", "First Operator", "--reason", "read in the file")
SAYS = ("--booked-on", "2026-11-23", "--reference", "R-40", "--remittance", "the fortieth")


@pytest.fixture
def bank(prepay: Cli, set_up: Database) -> Cli:
    """Commands where a statement has been posted that has 40.00 in a line 3 which could not be read."""
    engine = engine_of(set_up.app_url)
    files = BankFiles(engine)
    sha256, _ = store(engine, LACKING, "statement.xml", "a test")
    files.read(sha256)
    files.post(sha256)
    return prepay


def approve(database: Database, resolution: int = 1) -> None:
    engine = engine_of(database.app_url)
    decision = DecideResolution(operator="Second Operator", reason="so it stands there")
    given = Decide(resolution=resolution, signal="approve", decision=decision)
    assert Resolutions(engine).decide(given).refused == ""


class TestResolve:
    def test_proposes_and_says_who_must_approve_it_and_where(self, bank: Cli) -> None:
        said = (
            "line 3 of file 1 is booked on 2026-11-23, reference R-40, remittance the fortieth, 40.00 EUR. Nothing is "
            "posted yet: somebody else than First Operator must send `approve` (or anybody `refuse`) to resolution-1:\n"
        )
        for word in ("Proposed", "Proposed already"):
            done = bank("bank", "resolve", 1, 3, *FIRST, *SAYS)
            assert (done.code, done.out.startswith(f"{word}: {said}http")) == (0, True)
            assert done.out.endswith("/resolution-1\n")

    def test_a_second_person_s_approval_posts_it(self, bank: Cli, database: Database) -> None:
        bank("bank", "resolve", 1, 3, *FIRST, *SAYS)
        approve(database)
        assert bank("ledger", "check").code == 0
        refused = bank("bank", "resolve", 1, 3, *FIRST, *SAYS)
        assert refused.code == 1
        assert "is entry 2, as First Operator and Second Operator resolved on" in refused.err

    def test_programs_read_json(self, bank: Cli) -> None:
        first, again = (
            json.loads(bank("bank", "resolve", 1, 3, *FIRST, *SAYS, "--json").out) for _ in range(2)
        )
        facts = {"booked_on": "2026-11-23", "reference": "R-40", "remittance": "the fortieth"}
        assert first == {
            "id": 1,
            "by": "First Operator",
            "at": first["at"],
            "facts": facts,
            "money": "40.00 EUR",
            "new": True,
            "workflow_id": "resolution-1",
            "link": first["link"],
        }
        assert again == {**first, "new": False}

    def test_what_is_refused_is_one_sentence(self, bank: Cli) -> None:
        bank("bank", "resolve", 1, 3, *FIRST, *SAYS)
        for arguments, said in [
            ((1, 3, *FIRST, *SAYS, "--amount", "40.01"), "The money of line 3 (Stmt[1]/Ntry[2]) of file 1 is 40.00 "),
            ((1, 3, *FIRST, *SAYS, "--amount", "forty"), "The amount 'forty' in EUR is refused: "),
            ((1, 3, *FIRST), "Say either which entry of another file it is (`--entry`), or what its line says"),
            ((1, 3, *FIRST, "--entry", 99), "The money of line 3 (Stmt[1]/Ntry[2]) of file 1 is not entry 99: "),
            ((1, 3, *FIRST, "--booked-on", "soon"), "The proposal is refused: `facts.booked_on` must be a day such as"),
            ((1, 3, "--by", "Third Operator", "--reason", "so it is", *SAYS), "Third Operator is "),
            (
                (1, 3, "--by", "Second Operator", "--reason", "so it is", *SAYS),
                "First Operator said on ",
            ),
            ((1, 4, *FIRST, *SAYS), "File 1 has no unread entry in line 4; `prepay bank files 1` lists those that it"),
        ]:  # fmt: skip
            done = bank("bank", "resolve", *arguments)
            assert (done.code, done.out) == (1, "")
            assert done.err.lower().startswith(f"prepay: {said}".lower())
            assert done.err.count("\n") == 1


class TestFiles:
    def test_one_tells_what_is_known_proposed_and_resolved(self, bank: Cli, database: Database) -> None:
        table = bank("bank", "files", 1).out
        assert "40.00 EUR" in table
        bank("bank", "resolve", 1, 3, *FIRST, *SAYS)
        table = " ".join(bank("bank", "files", 1).out.split())
        assert "proposed (resolution-1): booked on 2026-11-23, reference R-40" in table
        approve(database)
        assert "entry 2, by First Operator and Second Operator (read in the file)" in " ".join(
            bank("bank", "files", 1).out.split()
        )
        [row] = json.loads(bank("bank", "files", 1, "--json").out)["quarantined"]
        assert (row["amount_minor"], row["entry_id"], row["approved_by"]) == (4_000, 2, "Second Operator")


class TestViews:
    def test_one_shows_the_proposals(self, prepay: Cli) -> None:
        [link] = [
            view["link"]
            for view in json.loads(prepay("views", "--json").out)
            if view["name"] == "Unread entries to approve"
        ]
        assert "Resolution%27+AND+%60Stage%60%3D%27proposed%27" in link
