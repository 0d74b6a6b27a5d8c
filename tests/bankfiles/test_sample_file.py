"""A generated file holds what its truth says, in every format, and is the same each time."""

import io
import json
import re
from dataclasses import replace
from datetime import date
from itertools import islice
from typing import Any

import pytest

from bankfiles import survey
from bankfiles.sample_file import WRITERS, BadReference, UnknownFormat, Wanted, payments, write_sample
from prepay.money import CurrencyRefused
from rules.matching import references
from tests.bankfiles.camt_files import entries_of

WANTED = Wanted("camt.053", "DE89370400440532013000", "EUR", 200, 7, date(2026, 11, 20), debits=20)


def made(wanted: Wanted) -> tuple[bytes, Any]:
    file, truth = io.BytesIO(), io.StringIO()
    head = write_sample(wanted, "sample", file, truth)
    told = json.loads(truth.getvalue())
    assert {name: value for name, value in told.items() if name != "payments"} == head
    return file.getvalue(), told


class TestFile:
    @pytest.mark.parametrize("format", WRITERS)
    @pytest.mark.parametrize("currency", ["EUR", "JPY", "KWD"])
    def test_holds_what_the_truth_says(self, format: str, currency: str) -> None:
        data, truth = made(replace(WANTED, format=format, currency=currency))
        found = survey(data)
        assert (found.outcome, found.reason) == ("read", "")
        assert (found.format, found.entries, len(found.statements)) == (format, truth["entries"], 1)
        (sums,) = found.totals.values()
        told = truth["totals"][currency]
        assert told["credit_minor"] == sums.credit_minor
        assert told["booked_credit_minor"] == sums.booked_credit_minor
        assert sums.booked_credit_minor == (0 if format == "mt942" else sums.credit_minor)
        assert told["debit_minor"] == sums.debit_minor > 0
        assert [(e.bank_reference, e.signed_minor) for e in entries_of(data)] == [
            (payment["bank_reference"], payment["amount_minor"]) for payment in truth["payments"]
        ]

    @pytest.mark.parametrize("format", WRITERS)
    def test_is_the_same_each_time(self, format: str) -> None:
        wanted = replace(WANTED, format=format)
        assert made(wanted) == made(wanted)
        assert made(wanted)[0] != made(replace(wanted, seed=8))[0]

    def test_is_the_same_money_in_every_format(self) -> None:
        keys = {tuple(e.key for e in entries_of(made(replace(WANTED, format=f))[0])) for f in WRITERS}
        assert len(keys) == 1

    def test_of_another_seed_is_other_money(self) -> None:
        keys = [e.key for seed in range(3) for e in entries_of(made(replace(WANTED, seed=seed))[0])]
        assert len(set(keys)) == 600


class TestReferences:
    @pytest.mark.parametrize("format", WRITERS)
    def test_are_found_where_the_truth_has_them(self, format: str) -> None:
        data, truth = made(replace(WANTED, format=format))
        for entry, told in zip(entries_of(data), truth["payments"], strict=True):
            (part,) = entry.parts
            found = references(part.structured, part.free)
            assert {*found.structured, *found.free} == ({told["reference"]} - {""})

    def test_that_are_given_are_used_in_turn(self) -> None:
        given = ("RF18539007547034", "RF41P00000000001")
        told = [reference for reference, _ in payments(replace(WANTED, references=given, debits=0))]
        assert told == [*given] * 100


class TestPayments:
    def test_come_one_by_one(self) -> None:
        assert len(list(islice(payments(replace(WANTED, entries=10**12)), 5))) == 5


class TestWanted:
    @pytest.mark.parametrize("reference", ["", " ", "R" * 36, "one\ntwo"])
    def test_refuses_what_is_no_reference(self, reference: str) -> None:
        with pytest.raises(BadReference):
            replace(WANTED, references=[reference])

    def test_refuses_formats_and_currencies_that_are_none(self) -> None:
        with pytest.raises(UnknownFormat, match=re.escape(", ".join(WRITERS))):
            replace(WANTED, format="mt999")
        with pytest.raises(CurrencyRefused):
            replace(WANTED, currency="XXQ")
