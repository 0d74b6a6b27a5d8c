"""`prepay payer`: links and pauses, said in sentences, in tables and as JSON."""

import json

import pytest
from sqlmodel import Session

from activities.payers import LinkInput, put_link
from tests.cli.conftest import Cli
from tests.conftest import Database, engine_of

IBAN = "DE89370400440532013000"
SAID = ("--by", "First Operator", "--reason", "their letter")
AT_EU = ("--entity", "nimbus-eu", *SAID)


@pytest.fixture
def payer(set_up: Database, prepay: Cli) -> Cli:
    """Commands on a database that has been set up."""
    return prepay


def link(url: str, customer: str, account: str) -> None:
    """What the approval of a proposal does."""
    given = LinkInput(customer=customer, account=account, by="First Operator", reason="their letter")
    with Session(engine_of(url)) as session, session.begin():
        put_link(session, given)


class TestLink:
    def test_is_proposed_and_another_must_approve_it(self, payer: Cli, database: Database) -> None:
        first = payer("payer", "link", "C-1001", "de89 3704 0044 0532 0130 00", *SAID)
        said = "Proposed: adds payer link C-1001. Nothing has changed yet: another operator than First Operator must"
        assert (first.code, first.out.startswith(said)) == (0, True)
        assert IBAN not in first.out
        again = payer("payer", "link", "C-1001", IBAN, *SAID)
        assert again.err == "prepay: First Operator proposed the same already: decide change-1.\n"
        link(database.app_url, "C-1001", IBAN)
        ended = payer("payer", "unlink", "C-1001", IBAN, *SAID)
        assert ended.out == f"Account {IBAN} is no longer linked to customer C-1001\n"

    def test_programs_read_json(self, payer: Cli, database: Database) -> None:
        proposed = json.loads(payer("payer", "link", "C-1001", IBAN, *SAID, "--json").out)
        assert (proposed["change"], proposed["workflow_id"]) == (1, "change-1")
        link(database.app_url, "C-1001", IBAN)
        assert json.loads(payer("payer", "unlink", "C-1001", IBAN, *SAID, "--json").out)["done"] == "unlinked"

    def test_what_is_refused_is_one_sentence(self, payer: Cli, database: Database) -> None:
        link(database.app_url, "C-1002", IBAN)
        for arguments, said in [
            (("link", "C-1001", IBAN, *SAID), f"Account {IBAN} is linked to customer C-1002 already, by First "),
            (("link", "C-1002", IBAN, *SAID), "Nothing would change: all of it stands so already."),
            (("link", "C-9", IBAN, *SAID), "There is no customer C-9; `prepay customer list` lists them."),
            (("link", "C-1001", "DE12 3704 0044 0532 0130 00", *SAID), "The link is refused: `account`: it is no "),
            (("link", "C-1001", IBAN, "--by", " ", "--reason", "why"), "The link is refused: `by` is empty."),
            (("link", "C-1001", IBAN, "--by", "Nobody", "--reason", "why"), "There is no operator 'Nobody';"),
            (("link", "C-1001", IBAN, "--by", "First", "--reason", "y"), "The link is refused: `reason` has fewer"),
            (("unlink", "C-1001", IBAN, *SAID), f"Account {IBAN} is not linked to a customer C-1001;"),
            (("pause", IBAN, "--entity", "cumulus", *SAID), "`entity`: there is no contracting entity 'cumulus';"),
            (("resume", "DE02120300000000202051", *AT_EU), "Account DE02120300000000202051 is not paused at an entity"),
            (("list", "--customer", "C-9"), "There is no customer C-9;"),
        ]:  # fmt: skip
            done = payer("payer", *arguments)
            assert (done.code, done.out) == (1, "")
            assert done.err.startswith(f"prepay: {said}")
            assert done.err.count("\n") == 1


class TestPause:
    def test_once_again_and_ended(self, payer: Cli) -> None:
        assert payer("payer", "pause", IBAN, *AT_EU).out == f"Account {IBAN} is paused at nimbus-eu\n"
        again = payer("payer", "pause", IBAN, *AT_EU).out
        assert again.startswith(f"Account {IBAN} is paused at nimbus-eu already, by First Operator on 20")
        ended = payer("payer", "resume", IBAN, *AT_EU)
        assert ended.out == f"Account {IBAN} is no longer paused at nimbus-eu\n"


class TestList:
    def test_tables_say_who_when_and_why(self, payer: Cli, database: Database) -> None:
        link(database.app_url, "C-1001", IBAN)
        payer("payer", "pause", IBAN, *AT_EU)
        payer(
            "payer",
            "resume",
            IBAN,
            "--entity",
            "nimbus-eu",
            "--by",
            "fourth  operator",
            "--reason",
            "all is well",
        )
        told = payer("payer", "list", "--customer", "C-1001").out
        assert told.count(IBAN) == 2
        assert told.count("First Operator: their letter") == 2
        assert "Fourth Operator: all is well" in told

    def test_programs_read_json(self, payer: Cli, database: Database) -> None:
        link(database.app_url, "C-1001", IBAN)
        link(database.app_url, "C-1002", "12345")
        links = json.loads(payer("payer", "list", "--json").out)["links"]
        assert [(row["customer"], row["account"], row["linked_by"]) for row in links] == [
            ("C-1001", IBAN, "First Operator"),
            ("C-1002", "12345", "First Operator"),
        ]
        assert json.loads(payer("payer", "list", "--customer", "C-2001", "--json").out) == {
            "links": [],
            "pauses": [],
        }
