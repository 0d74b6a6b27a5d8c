"""`prepay payer`: links and pauses, said in sentences, in tables and as JSON."""

import json

import pytest

from tests.cli.conftest import Cli
from tests.office import SETUP

IBAN = "DE89370400440532013000"
SAID = ("--by", "First", "--reason", "their letter")
AT_EU = ("--entity", "nimbus-eu", *SAID)


@pytest.fixture
def payer(prepay: Cli) -> Cli:
    """Commands on a database that has been set up."""
    prepay("setup", SETUP)
    return prepay


class TestLink:
    def test_once_again_and_ended(self, payer: Cli) -> None:
        first = payer("payer", "link", "C-1001", "de89 3704 0044 0532 0130 00", *SAID)
        assert (first.code, first.out) == (0, f"Account {IBAN} is linked to customer C-1001\n")
        again = payer("payer", "link", "C-1001", IBAN, "--by", "Grace", "--reason", "again")
        assert again.out.startswith(f"Account {IBAN} is linked to customer C-1001 already, by First on 20")
        assert again.out.endswith(" UTC; nothing changed\n")
        ended = payer("payer", "unlink", "C-1001", IBAN, *SAID)
        assert ended.out == f"Account {IBAN} is no longer linked to customer C-1001\n"

    def test_programs_read_json(self, payer: Cli) -> None:
        first, again = (
            json.loads(payer("payer", "link", "C-1001", IBAN, *SAID, "--json").out) for _ in range(2)
        )
        assert first == {
            "account": IBAN,
            "customer": "C-1001",
            "done": "linked",
            "by": "First",
            "at": first["at"],
        }
        assert again == {**first, "done": "unchanged"}
        assert json.loads(payer("payer", "unlink", "C-1001", IBAN, *SAID, "--json").out)["done"] == "unlinked"

    def test_what_is_refused_is_one_sentence(self, payer: Cli) -> None:
        payer("payer", "link", "C-1002", IBAN, *SAID)
        for arguments, said in [
            (("link", "C-1001", IBAN, *SAID), f"Account {IBAN} is linked to customer C-1002 already, by First on "),
            (("link", "C-9", IBAN, *SAID), "There is no customer C-9; `prepay customer list` lists them."),
            (("link", "C-1001", "DE12 3704 0044 0532 0130 00", *SAID), "The link is refused: `account`: it is no "),
            (("link", "C-1001", IBAN, "--by", " ", "--reason", "why"), "The link is refused: `by` is empty."),
            (("link", "C-1001", IBAN, "--by", "First", "--reason", "y"), "The link is refused: `reason` has fewer"),
            (("unlink", "C-1001", IBAN, *SAID), f"Account {IBAN} is not linked to a customer C-1001;"),
            (("pause", IBAN, "--entity", "cumulus", *SAID), "`entity`: there is no contracting entity 'cumulus';"),
            (("resume", IBAN, *AT_EU), f"Account {IBAN} is not paused at an entity nimbus-eu;"),
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
        assert again.startswith(f"Account {IBAN} is paused at nimbus-eu already, by First on 20")
        ended = payer("payer", "resume", IBAN, *AT_EU)
        assert ended.out == f"Account {IBAN} is no longer paused at nimbus-eu\n"


class TestList:
    def test_tables_say_who_when_and_why(self, payer: Cli) -> None:
        payer("payer", "link", "C-1001", IBAN, *SAID)
        payer("payer", "pause", IBAN, *AT_EU)
        payer("payer", "resume", IBAN, "--entity", "nimbus-eu", "--by", "Grace", "--reason", "all is well")
        told = payer("payer", "list", "--customer", "C-1001").out
        assert told.count(IBAN) == 2
        assert told.count("First: their letter") == 2
        assert "Grace: all is well" in told

    def test_programs_read_json(self, payer: Cli) -> None:
        payer("payer", "link", "C-1001", IBAN, *SAID)
        payer("payer", "link", "C-1002", "12345", *SAID)
        links = json.loads(payer("payer", "list", "--json").out)["links"]
        assert [(row["customer"], row["account"], row["linked_by"]) for row in links] == [
            ("C-1001", IBAN, "First"),
            ("C-1002", "12345", "First"),
        ]
        assert json.loads(payer("payer", "list", "--customer", "C-2001", "--json").out) == {
            "links": [],
            "pauses": [],
        }
