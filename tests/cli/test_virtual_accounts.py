"""`prepay virtual-account`: apply for a customer, and read what came of it."""

import json

import pytest

from activities.database import make_engine
from activities.virtual_accounts import VirtualAccounts
from tests.cli.conftest import Cli
from tests.conftest import Database

BY = ("--by", "First Operator")


pytestmark = pytest.mark.usefixtures("set_up")


class TestApply:
    def test_people_read_who_must_decide_and_where(self, prepay: Cli) -> None:
        done = prepay("virtual-account", "apply", "C-1003", "EUR", *BY)
        assert (done.code, done.err) == (0, "")
        said, link = done.out.splitlines()
        assert said.startswith("Application 1 for customer C-1003 in EUR: ")
        assert "somebody else than First Operator must decide in virtual-account-1" in said
        assert link.endswith("/workflows/virtual-account-1")

    def test_programs_read_json(self, prepay: Cli) -> None:
        told = json.loads(prepay("virtual-account", "apply", "C-1003", "EUR", *BY, "--json").out)
        assert (told["application"], told["workflow_id"], told["new"]) == (1, "virtual-account-1", True)

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (("C-9", "EUR", *BY), "There is no customer C-9; `prepay customer list` lists them."),
            (("C-1003", "JPY", *BY), "Customer C-1003 has no balance in JPY."),
            (("C-1003", "EUR", "--by", "Third Operator"), "and this takes a clerk or an approver."),
        ],
    )
    def test_what_cannot_be_is_one_sentence(self, prepay: Cli, arguments: tuple[str, ...], said: str) -> None:
        done = prepay("virtual-account", "apply", *arguments)
        assert (done.code, done.out) == (1, "")
        assert done.err.strip().endswith(said)


class TestLook:
    @pytest.fixture(autouse=True)
    def _applied(self, prepay: Cli, database: Database) -> None:
        for customer in ("C-1003", "C-1002"):
            assert prepay("virtual-account", "apply", customer, "EUR", *BY).code == 0
        engine = make_engine(database.app_url, 1)
        for row in (1, 2):
            VirtualAccounts(engine).look(f"virtual-account-{row}")
        engine.dispose()

    def test_the_list_has_the_newest_first_with_reasons(self, prepay: Cli) -> None:
        rows = json.loads(prepay("virtual-account", "list", "--json").out)
        assert [(row["customer"], row["stage"], row["why"]) for row in rows] == [
            ("C-1002", "refused", "no rule allows it for customers of nimbus-eu in FR"),
            ("C-1003", "in_review", "customers of Nimbus Europe in India have their own account number"),
        ]

    def test_the_list_of_a_stage(self, prepay: Cli) -> None:
        rows = json.loads(prepay("virtual-account", "list", "--stage", "in_review", "--json").out)
        assert [row["application"] for row in rows] == [1]

    def test_one_of_them(self, prepay: Cli) -> None:
        shown = prepay("virtual-account", "show", 1)
        assert (shown.code, "in_review" in shown.out) == (0, True)
        assert json.loads(prepay("virtual-account", "show", 1, "--json").out)["customer"] == "C-1003"

    def test_there_is_no_such(self, prepay: Cli) -> None:
        missing = prepay("virtual-account", "show", 99)
        assert missing.err == (
            "prepay: There is no application 99; `prepay virtual-account list` lists them.\n"
        )
