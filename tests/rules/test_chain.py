"""Statements in whatever order: the same chain, and a book that is where the last one ends."""

from datetime import date, timedelta
from itertools import pairwise, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.chain import Chain, Link

MONDAY = date(2026, 11, 23)


def links(balances: list[int], kinds: tuple[str, ...] = ("camt.053",)) -> list[Link]:
    """A statement a day in each of the formats, from one balance to the next."""
    return [
        Link(
            number * 10 + place,
            kind,
            number + 1,
            1,
            opening,
            MONDAY + timedelta(days=number - 1),
            closing,
            MONDAY + timedelta(days=number),
        )
        for number, (opening, closing) in enumerate(pairwise(balances))
        for place, kind in enumerate(kinds)
    ]


def arrive(arriving: list[Link]) -> Chain:
    """One after the other, as files come."""
    known: list[Link] = []
    steps = []
    for link in arriving:
        known.append(link)
        chain = Chain(known)
        chain.grow()
        steps += chain.steps
    chain.steps = steps
    return chain


balances = st.lists(st.integers(-3, 3).map(lambda n: n * 100), min_size=2, max_size=8)


@given(balances, st.randoms(use_true_random=False), st.booleans())
def test_in_any_order_all_are_linked_and_the_book_begins_with_the_first(
    balances: list[int], random: object, two_formats: bool
) -> None:
    told = links(balances, ("camt.053", "mt940") if two_formats else ("camt.053",))
    random.shuffle(told)  # type: ignore[attr-defined]
    chain = arrive(told)
    assert chain.gaps() == []
    assert sum(step.moved_minor for step in chain.steps) == balances[0]
    assert [link.begins for link in chain.links if link.begins] == ["account"]


@pytest.mark.parametrize("order", [*permutations(range(4))])
def test_pages_and_the_same_statement_in_one_piece(order: tuple[int, ...]) -> None:
    told = [(1, 1, 0, 300), (2, 2, 300, 500), (3, 3, 500, 900), (4, 1, 0, 900)]
    links = [Link(n, "camt.053", 1, page, start, MONDAY, end, MONDAY) for n, page, start, end in told]
    chain = arrive([links[place] for place in order])
    assert chain.gaps() == []
    assert sum(step.moved_minor for step in chain.steps) == 0


@given(balances.filter(lambda b: len(b) > 3), st.data())
def test_one_that_is_missing_is_a_gap_whatever_the_balances(balances: list[int], data: st.DataObject) -> None:
    told = links(balances)
    missing = data.draw(st.integers(1, len(told) - 2))
    chain = arrive(told[:missing] + told[missing + 1 :])
    assert [gap.id for gap in chain.gaps()][:1] == [told[missing + 1].id]


@given(balances.filter(lambda b: len(b) > 3), st.data())
def test_and_it_closes_the_gap_when_it_comes(balances: list[int], data: st.DataObject) -> None:
    told = links(balances)
    missing = data.draw(st.integers(1, len(told) - 2))
    chain = arrive([*told[:missing], *told[missing + 1 :], told[missing]])
    assert chain.gaps() == []
    assert sum(step.moved_minor for step in chain.steps) == balances[0]


def test_thousands_of_equal_balances_are_linked_at_once() -> None:
    chain = Chain(links([0] * 3_001))
    chain.grow()
    assert chain.gaps() == []
