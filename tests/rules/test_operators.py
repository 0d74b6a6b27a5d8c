"""Two people are two whatever they call themselves, and one is one however they write it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.operators import SamePerson, person, second_person


class TestPerson:
    @pytest.mark.parametrize(
        "typed",
        ["First Operator", " first operator ", "FIRST  OPERATOR", "First\u00a0Operator", "Ｆirst Operator"],
    )
    def test_is_the_same_in_any_case_spacing_and_width(self, typed: str) -> None:
        assert person(typed) == "first operator"

    def test_an_accent_makes_another_one_and_its_spelling_does_not(self) -> None:
        assert person("Zoë") == person("Zoe\u0308") != person("Zoe")

    @given(st.text(max_size=40))
    def test_of_a_person_is_that_person(self, typed: str) -> None:
        assert person(f" {person(typed)} ") == person(typed)


class TestSecondPerson:
    def test_nobody_before_is_not_enough(self) -> None:
        assert not second_person([], "First Operator", "released")

    def test_somebody_else_before_is(self) -> None:
        assert second_person(["Second Operator"], "First Operator", "released")

    @pytest.mark.parametrize("typed", ["First Operator", "first operator", " FIRST OPERATOR "])
    def test_oneself_before_is_refused(self, typed: str) -> None:
        with pytest.raises(SamePerson, match="you released it already; somebody else must"):
            second_person(["First Operator"], typed, "released")
