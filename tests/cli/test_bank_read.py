"""`prepay bank read`: what a bank's files hold, told to people and programs who have nothing running."""

import io
import json
import os
from pathlib import Path

import pytest

from bankfiles.sample import Batch, Payment, Sheet, write_camt
from cli.bank_read import _read
from tests.bankfiles import bai2_files
from tests.cli.conftest import Cli

ACCOUNT = "DE89370400440532013000"


def camt(*entries: Payment | Batch, format: str = "camt.054", closing: int = 0) -> bytes:
    file = io.BytesIO()
    write_camt(file, [Sheet(ACCOUNT, "EUR", entries, closing_minor=closing)], format=format)
    return file.getvalue()


@pytest.fixture
def good(tmp_path: Path) -> Path:
    payments = Payment(10_000), Payment(-300), Batch((Payment(50), Payment(7))), Payment(900, status="PDNG")
    path = tmp_path / "good.xml"
    path.write_bytes(camt(*payments))
    return path


class TestJson:
    def test_tells_format_outcome_counts_and_totals(self, nowhere: Cli, good: Path) -> None:
        done = nowhere("bank", "read", good, "--json")
        assert (done.code, done.err) == (0, "")
        assert json.loads(done.out) == [
            {
                "file": str(good),
                "format": "camt.054",
                "version": "camt.054.001.08",
                "outcome": "read",
                "reason": "",
                "statements": 1,
                "entries": 4,
                "totals": {
                    "EUR": {"credit_minor": 10_957, "debit_minor": 300, "booked_credit_minor": 10_057}
                },
            }
        ]

    def test_tells_of_unreadable_entries_in_the_reason(self, nowhere: Cli, tmp_path: Path) -> None:
        one, two = tmp_path / "one.txt", tmp_path / "two.txt"
        unreadable = bai2_files.detail(funds="X")
        one.write_bytes(bai2_files.report(bai2_files.detail(), unreadable))
        two.write_bytes(bai2_files.report(unreadable, unreadable))
        done = nowhere("bank", "read", one, two, "--json")
        first, second = json.loads(done.out)
        assert (done.code, first["outcome"], first["format"], first["entries"]) == (0, "read", "bai2", 2)
        assert first["reason"] == (
            "1 entry is unreadable and waits for a person: "
            "line 5, 03[1]/16[2]/funds type: expected 0, 1, 2, D, S, V or Z, found 'X'."
        )
        assert second["reason"].startswith("2 entries are unreadable and wait for a person: line 4, ")
        assert first["totals"]["USD"]["credit_minor"] == second["totals"]["USD"]["credit_minor"] == 20_000

    def test_tells_the_first_disagreement_of_a_held_file_and_how_many_more(
        self, nowhere: Cli, tmp_path: Path
    ) -> None:
        path = tmp_path / "held.txt"
        path.write_bytes(bai2_files.report(bai2_files.detail()).replace(b"49,10000,3", b"49,1,4"))
        (file,) = json.loads(nowhere("bank", "read", path, "--json").out)
        assert file["outcome"] == "held"
        assert file["reason"].startswith("03[1], line 5, 49 control total: expected 1 as the record states")
        assert file["reason"].endswith("(2 more disagreements.)")

    def test_has_the_same_keys_for_every_outcome(self, nowhere: Cli, good: Path, tmp_path: Path) -> None:
        held, letter = tmp_path / "held.xml", tmp_path / "letter.txt"
        held.write_bytes(good.read_bytes()[:-100])
        letter.write_text("Dear bank")
        files = json.loads(nowhere("bank", "read", good, held, letter, tmp_path / "none", "--json").out)
        keys = ["entries", "file", "format", "outcome", "reason", "statements", "totals", "version"]
        assert [sorted(file) for file in files] == [keys] * 4
        assert [file["outcome"] for file in files] == ["read", "held", "refused", "refused"]

    def test_names_the_format_of_a_file_that_breaks_at_once(self, nowhere: Cli, tmp_path: Path) -> None:
        path = tmp_path / "cut.xml"
        path.write_bytes(camt(Payment(1))[:300])
        (file,) = json.loads(nowhere("bank", "read", path, "--json").out)
        assert (file["outcome"], file["format"], file["entries"]) == ("held", "camt.054", 0)


class TestBadPaths:
    def test_each_is_told_in_one_sentence_and_the_others_are_read(
        self, nowhere: Cli, good: Path, tmp_path: Path
    ) -> None:
        empty, pipe, loop = tmp_path / "empty.xml", tmp_path / "pipe", tmp_path / "loop"
        empty.touch()
        os.mkfifo(pipe)
        loop.symlink_to(loop)
        missing = [tmp_path / "none.xml", good / "none.xml"]
        done = nowhere("bank", "read", *missing, tmp_path, empty, pipe, loop, good, "--json")
        files = json.loads(done.out)
        assert done.code == 1
        assert [(file["outcome"], file["reason"]) for file in files] == [
            ("refused", f"There is no file {missing[0]}."),
            ("refused", f"There is no file {missing[1]}."),
            ("refused", f"{tmp_path} is a folder: name the files in it."),
            ("refused", f"{empty} is empty: ask for it again."),
            ("refused", f"{pipe} is no regular file: save what it gives, and name that."),
            ("refused", f"{loop} cannot be read: Too many levels of symbolic links."),
            ("read", ""),
        ]

    def test_a_file_without_permission(self, good: Path) -> None:
        assert _read(good)["outcome"] == "read"
        good.chmod(0)
        user = os.geteuid()
        if user == 0:
            os.seteuid(65534)
        try:
            found = _read(good)
        finally:
            os.seteuid(user)
        assert (found["outcome"], found["reason"]) == (
            "refused",
            f"{good} cannot be read: you have no permission for it.",
        )

    def test_a_name_that_is_no_text(self, nowhere: Cli, tmp_path: Path) -> None:
        path = os.fsdecode(os.fsencode(tmp_path) + b"/n\xe9e")
        (file,) = json.loads(nowhere("bank", "read", path, "--json").out)
        assert file["reason"] == f"There is no file {tmp_path}/n\\xe9e."

    def test_what_is_no_bank_file(self, nowhere: Cli, tmp_path: Path) -> None:
        path = tmp_path / "letter.txt"
        path.write_text("Dear bank")
        done = nowhere("bank", "read", path)
        assert done.code == 1
        assert "refused" in done.out
        assert "holds no bank message that is read here" in " ".join(done.out.split())


class TestTable:
    def test_is_for_people(self, nowhere: Cli, good: Path, tmp_path: Path) -> None:
        broken = tmp_path / "broken.txt"
        broken.write_bytes(
            bai2_files.report(bai2_files.detail(funds="X")).replace(b"99,10000,1,7", b"99,1,2,7")
        )
        done = nowhere("bank", "read", good, broken)
        said = " ".join(done.out.split())
        assert done.code == 1
        for text in ("camt.054.001.08", "109.57 EUR", "3.00 EUR", "100.57 EUR", "held", "100.00 USD"):
            assert text in said
        assert "99 control total: expected 1 as the record states, found 10000." in said
        assert "99 number of groups: expected 2 as the record states, found 1." in said
        assert "5 03[1]/16[1]" not in said
        assert "4 03[1]/16[1] 03[1]/16[1]/funds type: expected" in said

    def test_shows_sums_that_no_single_amount_can_have(self, nowhere: Cli, tmp_path: Path) -> None:
        path = tmp_path / "huge.txt"
        path.write_bytes(bai2_files.report(*[bai2_files.detail(amount="9" * 18)] * 20))
        assert "199,999,999,999,999,999.80 USD" in " ".join(nowhere("bank", "read", path).out.split())


class TestNothingRuns:
    def test_it_needs_no_database_and_makes_no_data_folder(
        self, nowhere: Cli, good: Path, tmp_path: Path
    ) -> None:
        done = nowhere("bank", "read", good)
        assert (done.code, done.err) == (0, "")
        assert not (tmp_path / "data").exists()

    def test_without_a_file_it_is_wrong_usage(self, nowhere: Cli) -> None:
        assert nowhere("bank", "read").code == 2
