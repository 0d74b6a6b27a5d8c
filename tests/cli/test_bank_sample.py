"""`prepay bank sample`: a file whose truth is known, read back by `prepay bank read`."""

import json
from pathlib import Path

import pytest

from bankfiles.sample_file import WRITERS
from tests.cli.conftest import Cli


class TestSample:
    @pytest.mark.parametrize("format", WRITERS)
    def test_is_read_as_its_truth_says(self, nowhere: Cli, tmp_path: Path, format: str) -> None:
        path = tmp_path / "sample"
        done = nowhere("bank", "sample", "--out", path, "--format", format, "--entries", 50, "--debits", 10)
        assert (done.code, done.err) == (0, "")
        assert f"its truth is in {path}.truth.json\n" in done.out
        truth = json.loads((tmp_path / "sample.truth.json").read_text())
        (read,) = json.loads(nowhere("bank", "read", path, "--json").out)
        names = "file", "format", "statements", "entries", "totals"
        assert {name: truth[name] for name in names} == {name: read[name] for name in names}
        assert len(truth["payments"]) == truth["entries"] == 50

    def test_tells_the_truth_here_as_json(self, nowhere: Cli, tmp_path: Path) -> None:
        done = nowhere("bank", "sample", "--out", tmp_path / "sample", "--currency", "JPY", "--json")
        assert done.code == 0
        assert json.loads(done.out)["currency"] == "JPY"
        assert [path.name for path in tmp_path.iterdir()] == ["sample"]

    def test_takes_references_one_by_one_and_from_a_file(self, nowhere: Cli, tmp_path: Path) -> None:
        (tmp_path / "references").write_text("RF03\n\n RF04 \n")
        given = ["--reference", "RF01", "--reference", "RF02", "--references", tmp_path / "references"]
        done = nowhere("bank", "sample", "--out", tmp_path / "sample", "--entries", 5, *given, "--json")
        told = [payment["reference"] for payment in json.loads(done.out)["payments"]]
        assert told == ["RF01", "RF02", "RF03", "RF04", "RF01"]

    def test_is_the_same_bytes_for_the_same_seed_and_day(self, nowhere: Cli, tmp_path: Path) -> None:
        for name, seed, day in (("a", 1, "2026-01-05"), ("b", 1, "2026-01-05"), ("c", 2, "2026-01-05")):
            nowhere("bank", "sample", "--out", tmp_path / name, "--seed", seed, "--date", day)
        a, b, c = ((tmp_path / name).read_bytes() for name in "abc")
        assert a == b != c


class TestRefusals:
    def test_a_file_that_is_there_is_left_as_it_is(self, nowhere: Cli, tmp_path: Path) -> None:
        path, truth = tmp_path / "sample", tmp_path / "sample.truth.json"
        truth.write_text("mine")
        done = nowhere("bank", "sample", "--out", path)
        assert done.err == f"prepay: There is a file {truth} already: name another, or delete it.\n"
        assert (done.code, truth.read_text(), path.exists()) == (1, "mine", False)

    @pytest.mark.parametrize(
        ("options", "reason"),
        [
            (["--format", "mt999"], "There is no format 'mt999' to write; there are camt.052"),
            (["--currency", "XXQ"], "'XXQ' is no ISO 4217 currency code"),
            (["--reference", " "], "' ' is no payment reference"),
            (["--format", "bai2", "--account", "1,2"], "BAI2 cannot say commas"),
            (["--account", " "], "The account is empty"),
            (
                ["--date", "1980-12-31"],
                "The day 1980-12-31 is refused: expected one from 1981-01-01 to 2079-12-31",
            ),
            (["--date", "0001-01-01"], "The day 0001-01-01 is refused"),
            (["--references", "/nowhere"], "/nowhere: No such file or directory."),
        ],
    )
    def test_are_one_sentence_and_leave_nothing(
        self, nowhere: Cli, tmp_path: Path, options: list[str], reason: str
    ) -> None:
        done = nowhere("bank", "sample", "--out", tmp_path / "sample", *options)
        assert (done.code, done.out) == (1, "")
        assert done.err.startswith(f"prepay: {reason}")
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("option", [["--entries", 0], ["--seed", -1], ["--debits", 101], ["--date", "x"]])
    def test_wrong_usage_is_exit_code_2(self, nowhere: Cli, tmp_path: Path, option: list[object]) -> None:
        assert nowhere("bank", "sample", "--out", tmp_path / "sample", *option).code == 2
