"""`prepay payment-file`: what went to the bank is listed, shown and saved; mistakes are one sentence."""

import json
from pathlib import Path

import pytest

from prepay.ids import payment_file_workflow_id
from tests.activities.test_bank_files import Desk
from tests.activities.test_payout_answers import not_paid
from tests.activities.test_payouts import Cashier
from tests.cli.conftest import Cli
from tests.conftest import Database, engine_of


@pytest.fixture
def cashier(set_up: Database, tmp_path: Path) -> Cashier:
    engine = engine_of(set_up.app_url)
    return Cashier(Desk(set_up, engine), tmp_path / "outbox")


class TestFiles:
    def test_none_at_first(self, prepay: Cli) -> None:
        assert json.loads(prepay("payment-file", "list", "--json").out) == []

    def test_are_listed_the_newest_first_page_by_page(self, cashier: Cashier, prepay: Cli) -> None:
        for _ in range(3):
            cashier.ready()
            cashier.run()
        first = prepay("payment-file", "list", "--limit", 2)
        assert "More: --before 2" in first.out
        rest = json.loads(prepay("payment-file", "list", "--before", 2, "--json").out)
        assert [row["file"] for row in rest] == [1]

    def test_are_shown_with_payouts_and_decisions(self, cashier: Cashier, prepay: Cli) -> None:
        ready = cashier.ready()
        (file,) = cashier.run()
        not_paid(cashier, file.file, ready.end_to_end_id, "Second Operator")
        shown = prepay("payment-file", "show", file.file).out
        assert payment_file_workflow_id(file.file) in shown
        found = json.loads(prepay("payment-file", "show", file.file, "--json").out)
        assert (found["stage"], found["sum_minor"]) == ("sent", 1_000)
        assert [row["end_to_end_id"] for row in found["payout_rows"]] == [ready.end_to_end_id]
        assert [row["operator"] for row in found["decisions"]] == ["Second Operator"]

    def test_are_saved_as_they_went_and_over_nothing(
        self, cashier: Cashier, prepay: Cli, tmp_path: Path
    ) -> None:
        cashier.ready()
        (file,) = cashier.run()
        target = tmp_path / "copy.xml"
        assert prepay("payment-file", "save", file.file, target).code == 0
        assert target.read_bytes() == (cashier.outbox / f"{file.message_id}.xml").read_bytes()
        again = prepay("payment-file", "save", file.file, target)
        assert (again.code, again.err.strip()) == (1, f"prepay: {target}: File exists.")
        nowhere = prepay("payment-file", "save", file.file, tmp_path / "no" / "copy.xml")
        assert (nowhere.code, "No such file or directory." in nowhere.err) == (1, True)


@pytest.mark.parametrize("arguments", [("show", "7"), ("save", "7", "x.xml")])
def test_a_file_that_is_not_there_is_one_sentence(prepay: Cli, arguments: tuple[str, ...]) -> None:
    done = prepay("payment-file", *arguments)
    assert (done.code, done.out) == (1, "")
    assert done.err.strip() == "prepay: There is no payment file 7; `prepay payment-file list` lists them."


@pytest.mark.parametrize(
    "arguments",
    [
        ("show", "0"),
        ("show", "-1"),
        ("show", "x"),
        ("show", str(2**63)),
        ("show",),
        ("save", "1"),
        ("list", "--limit", "0"),
        ("list", "--limit", "1001"),
        ("list", "--before", "x"),
        ("send", "1"),
    ],
)
def test_a_mistake_is_no_traceback(prepay: Cli, arguments: tuple[str, ...]) -> None:
    done = prepay("payment-file", *arguments)
    assert (done.code, done.out, "Traceback" in done.err) == (2, "", False)
