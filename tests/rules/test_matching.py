"""References are found however they were written, and never where there are none."""

import string
import time
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
from stdnum import iso11649

from prepay.ids import payment_reference
from rules.matching import MAX_CHARACTERS, MAX_REFERENCES, references

ours = st.integers(min_value=1, max_value=10**11 - 1).map(payment_reference)
separators = st.sampled_from(["", "", "", " ", ".", "-", "/", "\n", " - ", "\u00a0", "–"])
# Words that cannot make the shape of a reference: no digits, and no RF before one.
words = st.text(alphabet="abcdeghijklmnoqstuvwxyz ,.:;-/()", max_size=60)


@st.composite
def written(draw: st.DrawFn, reference: str) -> str:
    """The reference as some payer or bank might write it."""
    gaps = draw(st.lists(separators, min_size=len(reference), max_size=len(reference)))
    text = "".join(letter + gap for letter, gap in zip(reference, gaps, strict=True))
    return text.lower() if draw(st.booleans()) else text


def broken_at(text: str, width: int) -> list[str]:
    return [text[i : i + width] for i in range(0, len(text), width)]


class TestFreeText:
    @given(st.data(), ours)
    def test_finds_a_reference_however_it_is_written(self, data: st.DataObject, reference: str) -> None:
        text = data.draw(words) + data.draw(written(reference)) + data.draw(words)
        assert references((), [text]).free == (reference,)

    @given(st.data(), ours, st.integers(min_value=1, max_value=40))
    def test_finds_it_broken_over_lines(self, data: st.DataObject, reference: str, width: int) -> None:
        text = data.draw(words) + data.draw(written(reference)) + data.draw(words)
        assert references((), broken_at(text, width)).free == (reference,)

    @given(
        st.lists(ours, min_size=1, max_size=5, unique=True), st.sampled_from(["", " ", ", ", " and ", "\n"])
    )
    def test_finds_several_in_their_order(self, some: list[str], between: str) -> None:
        assert references((), [between.join(some)]).free == tuple(some)

    @given(ours)
    def test_a_date_or_number_behind_it_does_not_hide_it(self, reference: str) -> None:
        assert references((), [f"{reference} 2026-11-23", f"12{reference}34"]).free == (reference,)

    @given(ours)
    def test_finds_full_width_letters(self, reference: str) -> None:
        wide = "".join(chr(ord(c) + 0xFEE0) for c in reference)
        assert references((), [wide]).free == (reference,)

    @given(ours)
    def test_finds_it_behind_letters_that_look_like_its_beginning(self, reference: str) -> None:
        assert references((), [f"RF RFRF{reference}", f"ref {reference}"]).free == (reference,)

    @given(ours, st.integers(min_value=4, max_value=15), st.sampled_from(string.digits))
    def test_a_wrong_digit_is_not_found(self, reference: str, at: int, digit: str) -> None:
        wrong = reference[:at] + digit + reference[at + 1 :]
        expected = () if wrong != reference else (reference,)
        assert references((), [wrong]).free == expected

    @given(ours)
    def test_a_reference_that_is_cut_off_is_not_found(self, reference: str) -> None:
        assert references((), [reference[:-1]]).free == ()

    @given(st.lists(words, max_size=6))
    def test_words_give_nothing(self, lines: list[str]) -> None:
        assert references((), lines).free == ()

    @given(st.lists(st.text(max_size=200), max_size=6))
    def test_whatever_is_found_is_valid_and_ours(self, lines: list[str]) -> None:
        for reference in references((), lines).free:
            assert iso11649.is_valid(reference)
            assert len(reference) == 16

    @given(st.integers(0, 99), st.integers(0, 10**11 - 1))
    def test_accepts_what_the_standards_check_digits_accept(self, check: int, number: int) -> None:
        shape = f"RF{check:02d}P{number:011d}"
        assert (references((), [shape]).free == (shape,)) == iso11649.is_valid(shape)

    def test_chance_finds_no_more_than_the_check_digits_allow(self) -> None:
        shapes = [f"RF{check:02d}P{number:011d}" for number in range(100) for check in range(100)]
        found = sum(len(references((), [shape]).free) for shape in shapes)
        # Two of the hundred check digits can stand for one remainder of 97, and only for some.
        assert found <= 100 * 2

    def test_another_creditors_reference_is_not_looked_for_in_free_text(self) -> None:
        assert references((), ["RF18 5390 0754 7034 and thanks"]).free == ()


class TestStructured:
    @given(st.data(), ours)
    def test_finds_ours(self, data: st.DataObject, reference: str) -> None:
        assert references([data.draw(written(reference))], ()).structured == (reference,)

    def test_finds_another_creditors_as_the_whole_field(self) -> None:
        assert references(["rf18 5390 0754 7034"], ()).structured == ("RF18539007547034",)

    def test_leaves_national_references_alone(self) -> None:
        assert references(["120000000000234478943216899", "3900"], ()).structured == ()

    def test_names_a_reference_once(self) -> None:
        reference = payment_reference(7)
        found = references([reference, reference.lower()], [reference])
        assert found == ((reference,), (reference,))

    def test_two_fields_are_not_joined(self) -> None:
        reference = payment_reference(7)
        assert references([reference[:8], reference[8:]], ()).structured == ()


class TestBounds:
    def test_stops_at_many_references(self) -> None:
        lines = [payment_reference(n) for n in range(1, 200)]
        assert len(references((), lines).free) == MAX_REFERENCES

    def test_takes_no_longer_for_a_hostile_text(self) -> None:
        hostile: Sequence[str] = ["RF" * MAX_CHARACTERS, "RF12P1234567890" * MAX_CHARACTERS]
        before = time.process_time()
        references(hostile, hostile)
        assert time.process_time() - before < 1
