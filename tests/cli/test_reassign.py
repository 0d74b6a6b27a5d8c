"""`prepay bank reassign`: it proposes, says who must approve and where, and explains the whole story afterwards."""

import json

import pytest

from activities.reassignment import Decide, Reassignments
from prepay.reassignments import DecideReassignment
from tests.activities.test_bank_files import Desk
from tests.cli.conftest import Cli
from tests.cli.test_explain import entry
from tests.conftest import Database, engine_of

__all__ = ["entry"]

SAID = ("--by", "First Operator", "--reason", "their letter")


@pytest.fixture
def right(entry: int, database: Database) -> str:
    """The number of the deposit that the money of the entry belongs to, of another customer."""
    engine = engine_of(database.app_url)
    return Desk(database, engine).issue("C-1002").number


def approve(database: Database, move: int) -> None:
    engine = engine_of(database.app_url)
    decision = DecideReassignment(operator="Second Operator", reason="the customer confirms it")
    Reassignments(engine).decide(Decide(move=move, signal="approve", decision=decision))


class TestPropose:
    def test_people_read_who_must_do_what_and_where(self, prepay: Cli, entry: int, right: str) -> None:
        done = prepay("bank", "reassign", entry, "--to", right, *SAID)
        assert (done.code, done.err) == (0, "")
        said, link = done.out.splitlines()
        assert f"100.00 EUR of entry {entry} go from deposit D-" in said
        assert f" to deposit {right} of customer C-1002. Nothing has moved yet" in said
        assert "somebody else than First Operator must send `approve`" in said
        assert link.endswith("/namespaces/default/workflows/reassignment-1")

    def test_programs_read_json(self, prepay: Cli, entry: int, right: str) -> None:
        told = json.loads(prepay("bank", "reassign", entry, "--to", right, *SAID, "--json").out)
        assert (told["move"], told["workflow_id"], told["money"]) == (1, "reassignment-1", "100.00 EUR")
        assert told["link"].endswith("/reassignment-1")

    def test_what_is_refused_is_one_sentence(self, prepay: Cli, entry: int, right: str) -> None:
        prepay("bank", "reassign", entry, "--to", right, *SAID)
        for arguments, said in [
            ((entry, "--to", right, *SAID), "First Operator proposed to move this credit on 20"),
            ((entry, "--to", "D-9", *SAID), "There is no deposit and no customer D-9; "),
            ((entry, "--to", "C-2001", *SAID), "The credit is EUR with nimbus-eu, and C-2001 is not: "),
            ((99, "--to", right, *SAID), "There is no bank entry 99; "),
            ((entry, "--to", "D 9", *SAID), "The reassignment is refused: `to` must be letters, "),
            ((entry, "--to", right, "--by", " ", "--reason", "why"), "The reassignment is refused: `by` is empty."),
            ((entry, "--to", right, *SAID, "--part", 99), "There is no credit of part 99 of bank entry "),
        ]:  # fmt: skip
            done = prepay("bank", "reassign", *arguments)
            assert (done.code, done.out) == (1, "")
            assert done.err.startswith(f"prepay: {said}")
            assert done.err.count("\n") == 1


class TestExplain:
    STORY = ("applied", "C-1002", "First Operator: their letter", "Second Operator: the customer confirms it")

    def test_the_entry_tells_who_wanted_it_and_who_approved(
        self, prepay: Cli, entry: int, right: str, database: Database
    ) -> None:
        prepay("bank", "reassign", entry, "--to", right, *SAID)
        assert "proposed" in prepay("bank", "explain", entry).out
        approve(database, 1)
        told = prepay("bank", "explain", entry).out
        for said in (*self.STORY, "Reassignments of part", "moved to another customer move:1"):
            assert said in told
        [move] = json.loads(prepay("bank", "explain", entry, "--json").out)["parts"][0]["moves"]
        assert (move["proposed_by"], move["decided_by"], move["to_deposit"]) == (
            "First Operator",
            "Second Operator",
            right,
        )
        assert (move["from_customer"], move["amount_minor"]) == ("C-1001", 10_000)

    @pytest.mark.parametrize("customer", ["C-1001", "C-1002"])
    def test_the_balances_of_both_tell_it(
        self, prepay: Cli, entry: int, right: str, database: Database, customer: str
    ) -> None:
        prepay("bank", "reassign", entry, "--to", right, *SAID)
        approve(database, 1)
        done = prepay("explain", customer)
        for said in (*self.STORY, "Reassignments of lot"):
            assert said in done.out
        assert done.code == 0


class TestViews:
    def test_there_is_one_of_what_waits_for_approval(self, prepay: Cli) -> None:
        [link] = [
            view["link"]
            for view in json.loads(prepay("views", "--json").out)
            if view["name"] == "Reassignments to approve"
        ]
        assert "Reassignment%27+AND+%60Stage%60%3D%27proposed%27" in link
