"""`prepay doctor` finds what is there and says how the rest comes."""

import ctypes
import os
import shutil
import sys

import pytest

from embedded.doctor import Finding, examine


def find(part: str) -> Finding:
    return next(finding for finding in examine() if finding.part == part)


class TestExamine:
    @pytest.mark.parametrize("part", ["Python", "PostgreSQL", "Temporal", "Bank"])
    def test_what_runs_these_tests_is_found(self, part: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("PREPAY_DATABASE_URL", raising=False)
        monkeypatch.delenv("TEMPORAL_ADDRESS", raising=False)
        assert find(part).found

    def test_a_temporal_that_does_not_answer_is_missing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
        finding = find("Temporal")
        assert (finding.found, finding.required) == (False, True)
        assert finding.detail == "nothing answers at 127.0.0.1:1"

    def test_a_database_that_does_not_answer_is_missing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PREPAY_DATABASE_URL", "postgresql://127.0.0.1:1/prepay")
        finding = find("PostgreSQL")
        assert (finding.found, finding.required) == (False, True)
        assert "Connection refused" in finding.detail

    def test_without_pango_forms_wait_and_the_command_is_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(name: str) -> None:
            raise OSError(name)

        monkeypatch.setattr(ctypes, "CDLL", refuse)
        monkeypatch.setattr(sys, "platform", "linux")
        monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
        finding = find("Pango")
        assert (finding.found, finding.required) == (False, False)
        assert "money flows" in finding.needed_for
        assert finding.install == "sudo apt-get install libpango-1.0-0"
