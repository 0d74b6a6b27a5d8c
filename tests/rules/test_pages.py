"""Pages make one statement when their numbers and their balances say so; where these disagree, nobody guesses."""

from dataclasses import replace
from datetime import date, timedelta

from rules.pages import Page, statement_of, unmet

MONDAY = date(2026, 11, 23)
FIRST = Page("5", "S-5", 1, MONDAY, 0, MONDAY, 100, MONDAY)
SECOND = Page("5", "S-5", 2, MONDAY, 100, MONDAY, 250, MONDAY)
THIRD = Page("5", "S-5", 3, MONDAY, 250, MONDAY, 300, MONDAY)
NOTIFIED = Page("5", "N-5", 1, MONDAY)


class TestStatementOf:
    def test_the_first_page_to_come_begins_one(self) -> None:
        assert statement_of(SECOND, {}) is None

    def test_pages_of_one_number_whose_balances_meet_are_one(self) -> None:
        assert statement_of(SECOND, {1: [FIRST]}) == 1
        assert statement_of(FIRST, {1: [SECOND]}) == 1
        assert statement_of(SECOND, {1: [FIRST, THIRD]}) == 1

    def test_a_page_again_is_the_same_page(self) -> None:
        assert statement_of(replace(SECOND, statement_id="COPY"), {1: [FIRST, SECOND]}) == 1

    def test_pages_with_others_missing_between_them_are_one_within_a_month(self) -> None:
        assert statement_of(THIRD, {1: [FIRST]}) == 1
        later = replace(THIRD, opening_on=MONDAY + timedelta(days=32))
        assert statement_of(later, {1: [FIRST]}) is None

    def test_a_number_that_is_used_again_makes_another_statement(self) -> None:
        tuesday = MONDAY + timedelta(days=1)
        again = Page("5", "S-6", 1, tuesday, 250, MONDAY, 400, tuesday)
        assert statement_of(again, {1: [FIRST, SECOND]}) is None
        after = replace(again, page=2, opening_minor=400, closing_minor=450)
        assert statement_of(after, {1: [FIRST, SECOND], 2: [again]}) == 2

    def test_pages_that_the_bank_numbers_one_by_one_are_one_where_their_balances_meet(self) -> None:
        assert statement_of(replace(SECOND, sequence="6"), {1: [FIRST]}) == 1
        assert statement_of(replace(SECOND, sequence="6", opening_minor=90), {1: [FIRST]}) is None

    def test_without_numbers_the_id_tells(self) -> None:
        first, second = replace(FIRST, sequence=""), replace(SECOND, sequence="")
        assert statement_of(second, {1: [first]}) == 1
        assert statement_of(replace(THIRD, sequence="", statement_id=""), {1: [first]}) is None

    def test_pages_without_balances_are_one_when_they_were_made_on_one_day(self) -> None:
        assert statement_of(replace(NOTIFIED, page=2), {1: [NOTIFIED]}) == 1
        assert statement_of(replace(NOTIFIED, page=2, made_on=None), {1: [NOTIFIED]}) is None
        assert statement_of(replace(NOTIFIED, page=2, sequence="6"), {1: [NOTIFIED]}) is None


class TestUnmet:
    def test_a_page_whose_balance_is_not_its_neighbours_is_told(self) -> None:
        second = replace(SECOND, opening_minor=90)
        assert statement_of(second, {1: [FIRST]}) is None
        assert unmet(second, {1: [FIRST]}) == FIRST
        assert unmet(FIRST, {1: [second]}) == second

    def test_balances_of_another_day_are_another_statements(self) -> None:
        assert unmet(replace(SECOND, opening_minor=90, opening_on=date(2026, 11, 24)), {1: [FIRST]}) is None

    def test_pages_that_the_bank_has_cut_anew_are_a_statement_of_their_own(self) -> None:
        anew = replace(FIRST, closing_minor=60)
        assert statement_of(anew, {1: [FIRST, SECOND]}) is None
        assert unmet(anew, {1: [FIRST, SECOND]}) is None
        assert statement_of(replace(SECOND, opening_minor=60), {1: [FIRST, SECOND], 2: [anew]}) == 2
