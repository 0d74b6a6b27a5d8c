"""Whatever bytes come: only our refusals, never for long, and never another sum than the bank's."""

import io
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bankfiles import Entry, Event, Format, Held, StatementEnd, Survey, Totals, detect, read, survey
from bankfiles.answers import ANSWER_FORMATS
from bankfiles.sample import Batch, Payment
from tests.bankfiles import bai2_files, fuzz, mt_files
from tests.bankfiles.camt_files import booked_statement, entry, written
from tests.bankfiles.fuzz_files import Truth, mutant

XML = [
    written(
        [Payment(100, "R1", free=("RF18 5390 0754 7034",)), Payment(-50, "R2"), Payment(7, status="PDNG")]
    ),
    written([Batch((Payment(100, "T1"), Payment(-30, "T2")), "B1"), Payment(5)], "camt.053", version=2),
    written([Payment(100, payer_name="Müller & Söhne")], encoding="UTF-16"),
]
BAI2 = [
    bai2_files.written([Payment(100, "R1", free=("RF18 5390 0754 7034",)), Payment(-50, "R2"), Payment(7)]),
    bai2_files.written([Payment(100, payer_name="Müller & Söhne")], encoding="UTF-16"),
]
MT = [
    mt_files.written([Payment(100, "R1", free=("RF18 5390 0754 7034",)), Payment(-50, "R2"), Payment(7)]),
    mt_files.written(
        [Payment(100, "R1", status="PDNG", payer_name="Müller")], interim=True, encoding="latin-1"
    ),
    b"{1:F01ABNANL2AXXXX0000000000}{4:\n"
    + mt_files.of(
        mt_files.entry("/EREF/E-1//CNTP/NL91ABNA0417164300/ABNANL2A/ACME//REMI/USTD//at 12\n:20:59/")
    )
    + b"-}\n",
]
SEEDS = XML + BAI2 + MT
BALANCED = booked_statement("0.00", "123.45", *[entry(amount=a) for a in ("100.00", "20.45", "3.00")])
CHAINED = bai2_files.chained(0, 12345, *[bai2_files.detail(amount=a) for a in ("10000", "2045", "300")])

CHAINED_MT = mt_files.of(
    *[mt_files.entry("text", amount=a) for a in ("100,00", "20,45", "3,00")], closing="C261123EUR123,45"
)

FIELDS = b":61: :86: :62F: \n:20: {4: -} \n- :60M:C261122EUR1,00\n ?20 /REMI/ SVWZ+ RC :90C:".split(b" ")
RECORDS = b", / 16, \n16,195,5,Z,,,x/ \n88, \n49,0,2/ \n03,1,USD,/ \n99, V,261122, D,2, \r".split(b" ")
MARKUP = b"< > / & &#x30; <!DOCTYPE <!-- --> <![CDATA[ ]]> </Ntry> <Ntry> <TxDtls> </Stmt> <x/>".split()
PIECES = [
    *MARKUP,
    *RECORDS,
    *FIELDS,
    b"<?xml version='1.0'?>",
    b"<Amt Ccy='JPY'>",
    b'"',
    b"\x00",
    b"\xff",
    b"1e9",
    b"-",
    b"9" * 400,
]


SHORT = 600
"""Files of each format here; `make fuzz` reads a million."""


@st.composite
def mutated(draw: st.DrawFn, seeds: list[bytes]) -> bytes:
    """A sound file after some accidents: bytes changed, inserted, cut out, moved, cut off."""
    data = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(data)))
        length = draw(st.integers(0, 40))
        piece = draw(st.one_of(st.sampled_from(PIECES), st.binary(max_size=8)))
        kind = draw(st.sampled_from(["replace", "insert", "cut", "repeat", "end"]))
        if kind == "replace":
            data[at : at + len(piece)] = piece
        elif kind == "insert":
            data[at:at] = piece
        elif kind == "cut":
            del data[at : at + length]
        elif kind == "repeat":
            data[at:at] = data[at : at + length * 10]
        elif at:
            del data[at:]
    return bytes(data)


def timed_survey(data: bytes) -> Survey:
    before = time.process_time()
    found = survey(io.BytesIO(data))
    assert time.process_time() - before < 1
    return found


class TestAnyBytes:
    @settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
    @given(mutated(SEEDS))
    def test_of_a_broken_file_give_an_outcome(self, data: bytes) -> None:
        found = timed_survey(data)
        assert found.outcome in ("read", "held", "refused")
        assert (found.reason == "") == (found.outcome == "read")

    @settings(max_examples=100)
    @given(st.binary(max_size=400))
    def test_of_no_bank_file_are_refused_or_held(self, data: bytes) -> None:
        assert timed_survey(data).outcome != "read"
        detect(data)

    @settings(max_examples=60)
    @given(st.sampled_from(XML), st.integers(0, 2_000))
    def test_of_a_file_cut_off_are_never_read(self, data: bytes, at: int) -> None:
        cut = data[: min(at, len(data.rstrip()) - 1)]
        assert timed_survey(cut).outcome != "read"

    @settings(max_examples=60)
    @given(st.sampled_from(MT), st.integers(0, 500))
    def test_of_an_mt940_cut_off_are_never_read_with_less(self, data: bytes, at: int) -> None:
        found = timed_survey(data[:at])
        # What stands behind the closing balance is not needed; MT942 ends as the bank likes.
        assert found.outcome != "read" or found.format == "mt942" or found.totals == survey(data).totals


class TestSums:
    @settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
    @given(mutated([BALANCED, CHAINED, CHAINED_MT]))
    def test_that_are_accepted_are_those_of_the_balances(self, data: bytes) -> None:
        found = timed_survey(data)
        if found.outcome == "read":
            for statement in found.statements:
                opening, closing = statement.opening, statement.closing
                if opening is not None and closing is not None and len(found.statements) == 1:
                    sums = found.totals.get(opening.currency)
                    # An interim BAI2 report shows what its balances chain with.
                    shown = statement.format is Format.BAI2
                    lacking = sum(
                        (q.amount_minor or 0) * (1 if q.direction == "credit" else -1)
                        for q in found.quarantined
                        if q.status == "BOOK" and q.currency == opening.currency and not shown
                    )
                    moved = _net(sums, shown) + lacking
                    assert closing.amount_minor - opening.amount_minor == moved

    @settings(max_examples=150)
    @given(st.data())
    def test_one_changed_digit_of_an_amount_is_never_read(self, data: st.DataObject) -> None:
        file, amounts = data.draw(
            st.sampled_from(
                [
                    (BALANCED, [b">100.00<", b">20.45<", b">3.00<", b">123.45<"]),
                    (CHAINED, [b",10000,", b",2045,", b",300,", b",12345,"]),
                    (CHAINED_MT, [b"C100,00N", b"C20,45N", b"C3,00N", b"R123,45\n"]),
                ]
            )
        )
        amount = data.draw(st.sampled_from(amounts))
        at = file.index(amount) + data.draw(st.integers(1, len(amount) - 2))
        changed = bytearray(file)
        changed[at : at + 1] = data.draw(st.sampled_from([b"0", b"7", b"9", b".", b",", b"", b"e"]))
        found = timed_survey(bytes(changed))
        # Without its last zero an amount is still the same.
        assert found.outcome == "held" or found.totals == survey(file).totals


def _net(sums: Totals | None, shown: bool) -> int:
    if sums is None:
        return 0
    if shown:
        return sums.credit_minor - sums.debit_minor
    return sums.booked_credit_minor - sums.booked_debit_minor


class TestMutatedFiles:
    @pytest.mark.parametrize("format", Format)
    def test_have_an_outcome_soon_in_little_memory_and_no_wrong_sum(self, format: Format) -> None:
        (whole,) = fuzz.fuzz(format, seed=1, files=SHORT, processes=1)
        # A loaded machine is slow, not wrong: `make fuzz` tells what takes too long.
        whole.faults = [fault for fault in whole.faults if not str(fault).startswith("took ")]
        assert [str(fault) for fault in whole.faults] == []
        assert whole.files == SHORT
        if format in ANSWER_FORMATS:
            # An answer has no entries that could wait alone.
            assert min(whole.outcomes["read"], whole.outcomes["held"] + whole.outcomes["refused"]) > 10
        else:
            assert all(whole.outcomes[outcome] > 3 for outcome in fuzz.OUTCOMES)

    @pytest.mark.parametrize("format", Format)
    def test_are_the_same_for_the_same_seed(self, format: Format) -> None:
        assert mutant(format, 7) == mutant(format, 7) != mutant(format, 8)


class TestJudge:
    @pytest.mark.parametrize("file", [BALANCED, CHAINED, CHAINED_MT])
    def test_finds_an_entry_that_a_reader_lost_or_doubled(self, file: bytes) -> None:
        events = list(read(file))
        assert fuzz.judge(events, None) == "read"
        one = next(event for event in events if isinstance(event, Entry))
        for wrong in ([e for e in events if e is not one], _with(events, one)):
            with pytest.raises(fuzz.WrongSum, match="does not chain"):
                fuzz.judge(wrong, None)

    def test_finds_a_booked_entry_whose_parts_are_something_else(self) -> None:
        events = [e._replace(parts=()) if isinstance(e, Entry) else e for e in read(BALANCED)]
        with pytest.raises(fuzz.WrongSum, match="do not sum to it"):
            fuzz.judge(events, None)

    def test_finds_an_interim_report_with_another_total(self) -> None:
        events = list(read(mt_files.written([Payment(100, status="PDNG")], interim=True)))
        lost = [event for event in events if not isinstance(event, Entry)]
        with pytest.raises(fuzz.WrongSum, match="another total"):
            fuzz.judge(lost, None)

    def test_compares_with_the_truth(self) -> None:
        assert fuzz.outcome_of(BALANCED, Truth(12_345, 0, 3)) == "read"
        for wrong in (Truth(12_345, 0, 2), Truth(12_344, 0, 3), Truth(12_345, 1, 3)):
            with pytest.raises(fuzz.WrongSum, match="is true"):
                fuzz.outcome_of(BALANCED, wrong)

    def test_says_what_fails_and_how_to_repeat_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def failing(data: bytes) -> list[Event]:
            raise KeyError("x")

        monkeypatch.setattr(fuzz, "read", failing)
        result = fuzz.batch(Format.MT940, range(5, 6))
        (fault,) = result.faults
        assert "KeyError" in str(fault)
        assert str(fault).endswith('make fuzz ARGS="--format mt940 --seed 5 --files 1"')
        assert any(str(fault) == line for line in fuzz.table({Format.MT940: result}))

    def test_says_what_takes_too_long_or_too_much(self, monkeypatch: pytest.MonkeyPatch) -> None:
        memory = iter((100 * 1024**2, 300 * 1024**2))
        monkeypatch.setattr(fuzz, "memory_bytes", lambda: next(memory))
        monkeypatch.setattr(fuzz, "MAX_SECONDS", -1)
        time_fault, memory_fault = fuzz.batch(Format.BAI2, range(1, 2)).faults
        assert "took 0.0 s" in str(time_fault)
        assert "took 300 MB" in str(memory_fault)

    def test_pieces_of_the_proof_add_up(self) -> None:
        whole, first = fuzz.batch(Format.BAI2, range(5, 8)), fuzz.batch(Format.BAI2, range(3, 5))
        whole.add(first)
        assert whole.outcomes == fuzz.batch(Format.BAI2, range(3, 8)).outcomes
        _, line = fuzz.table({Format.BAI2: whole})
        assert line.split()[:3] == ["bai2", "3-7", "5"]

    def test_a_refusal_is_no_fault(self) -> None:
        with pytest.raises(Held):
            list(read(BALANCED[:-20]))
        assert fuzz.outcome_of(BALANCED[:-20]) == "held"


def _with(events: list[Event], more: Entry) -> list[Event]:
    """The events, with an entry more before the statement ends."""
    at = next(number for number, event in enumerate(events) if isinstance(event, StatementEnd))
    return [*events[:at], more, *events[at:]]
