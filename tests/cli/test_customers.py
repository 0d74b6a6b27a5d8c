"""`prepay setup` and `prepay customer`: who our customers are, said in tables and as JSON."""

import json
from pathlib import Path

from tests.cli.conftest import Cli

SETUP = Path(__file__).resolve().parents[2] / "examples" / "setup.toml"
ACME = [
    "--name",
    "ACME GmbH",
    "--address",
    "Beispielstraße 5",
    "--address",
    "80331 München",
    "--country",
    "DE",
]
ACME += ["--entity", "nimbus-eu", "--currency", "EUR", "--currency", "USD"]


class TestSetup:
    def test_it_says_what_it_did_and_again_changes_nothing(self, prepay: Cli) -> None:
        first, second, programs = (
            prepay("setup", SETUP),
            prepay("setup", SETUP),
            prepay("setup", SETUP, "--json"),
        )
        assert (first.code, first.out) == (
            0,
            "entity: 2 added\naccount: 3 added\npool: 1 added\neligibility: 4 added\n"
            "refund_policy: 1 added\noperator: 5 added\ncustomer: 5 added\n",
        )
        assert second.out == first.out.replace("added", "unchanged")
        counts = {
            "entity": 2,
            "account": 3,
            "pool": 1,
            "eligibility": 4,
            "refund_policy": 1,
            "operator": 5,
            "customer": 5,
        }
        assert json.loads(programs.out) == {kind: {"unchanged": n} for kind, n in counts.items()}

    def test_a_mistake_is_one_sentence_with_file_line_and_field(self, prepay: Cli, tmp_path: Path) -> None:
        file = tmp_path / "setup.toml"
        file.write_text(SETUP.read_text().replace("Asia/Singapore", "Asia/Atlantis"))
        done = prepay("setup", file)
        assert (done.code, done.out) == (1, "")
        assert done.err == (
            f"prepay: {file}, line 25: [[entity]] is refused: `time_zone`: "
            "'Asia/Atlantis' is no time zone such as Europe/Berlin.\n"
        )
        missing = prepay("setup", tmp_path / "none.toml")
        assert (missing.code, missing.err) == (
            1,
            f"prepay: {tmp_path / 'none.toml'}: No such file or directory.\n",
        )


class TestCustomer:
    def test_added_once_and_listed_with_a_balance_in_each_currency(self, prepay: Cli) -> None:
        prepay("setup", SETUP)
        assert prepay("customer", "add", "C-9", *ACME).out == "Customer C-9: added\n"
        assert json.loads(prepay("customer", "add", "C-9", *ACME, "--json").out) == {
            "customer": "C-9", "done": "unchanged"
        }  # fmt: skip
        listed = json.loads(prepay("customer", "list", "--json").out)
        assert [(row["number"], row["currency"], row["available_minor"]) for row in listed][-2:] == [
            ("C-9", "EUR", 0), ("C-9", "USD", 0)
        ]  # fmt: skip
        table = prepay("customer", "list")
        assert "ACME GmbH" in table.out
        assert "0.00 USD" in table.out

    def test_what_is_refused_is_one_sentence(self, prepay: Cli) -> None:
        prepay("setup", SETUP)
        for arguments, said in [
            (["C 9", *ACME], "Customer C 9 is refused: `number`"),
            (["C-9", *ACME, "--currency", "EUR"], "`currencies`: EUR is in the list twice."),
            (
                ["C-9", *ACME, "--entity", "cumulus"],
                "`entity`: there is no contracting entity 'cumulus';",
            ),
            (["C-9", *ACME, "--country", "EU"], "`country`: 'EU' is no ISO 3166 country code such as DE."),
        ]:
            done = prepay("customer", "add", *arguments)
            assert (done.code, done.out) == (1, "")
            assert done.err.startswith("prepay: ")
            assert said in done.err
            assert done.err.count("\n") == 1


class TestLedgerCheck:
    def test_it_prints_a_line_for_each_invariant(self, prepay: Cli) -> None:
        lines = prepay("ledger", "check").out.splitlines()
        found = json.loads(prepay("ledger", "check", "--json").out)
        assert lines[-1] == f"{len(found)} invariants, 0 broken."
        assert len(lines) == len(found) + 1
        assert all(check["breaches"] == [] for check in found)
