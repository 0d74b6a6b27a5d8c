"""Eligibility: the most specific rule in force decides, no rule refuses, and the answer always says why."""

import tomllib
from datetime import date
from itertools import product
from pathlib import Path

import pytest

from rules.eligibility import ANY, Answer, Rule, eligible

TODAY = date(2026, 11, 26)
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
EU, SG, OTHER = "nimbus-eu", "nimbus-sg", "nimbus-us"


def rule(entity: str, country: str, allowed: bool = True, since: date = date(2026, 1, 1)) -> Rule:
    return Rule(entity, country, allowed, f"{entity} {country} {allowed}", since)


class TestMostSpecific:
    def test_no_rule_refuses_and_says_so(self) -> None:
        assert eligible([], EU, "IN", TODAY) == Answer(
            False, "no rule allows it for customers of nimbus-eu in IN"
        )

    def test_a_rule_of_another_entity_or_country_is_none(self) -> None:
        assert not eligible([rule(SG, "IN"), rule(EU, "MY")], EU, "IN", TODAY).allowed

    @pytest.mark.parametrize("allowed", [True, False])
    def test_each_counts_before_the_more_general_ones(self, allowed: bool) -> None:
        ladder = [(ANY, ANY), (EU, ANY), (ANY, "IN"), (EU, "IN")]
        for length in range(1, len(ladder) + 1):
            general = [rule(*place, not allowed) for place in ladder[: length - 1]]
            specific = rule(*ladder[length - 1], allowed)
            for rules in ([*general, specific], [specific, *general]):
                assert eligible(rules, EU, "IN", TODAY) == Answer(allowed, specific.reason)


class TestDates:
    def test_the_newest_in_force_counts(self) -> None:
        rules = [rule(EU, "IN", False, date(2026, 6, 1)), rule(EU, "IN", True)]
        assert eligible(rules, EU, "IN", date(2026, 5, 31)).allowed
        assert not eligible(rules, EU, "IN", date(2026, 6, 1)).allowed

    def test_what_begins_tomorrow_does_not_count_yet(self) -> None:
        assert not eligible([rule(EU, "IN", True, date(2026, 11, 27))], EU, "IN", TODAY).allowed

    def test_a_newer_general_rule_does_not_displace_a_specific_one(self) -> None:
        assert eligible([rule(EU, "IN"), rule(ANY, ANY, False, date(2026, 10, 1))], EU, "IN", TODAY).allowed


def shipped(name: str) -> list[Rule]:
    content = tomllib.loads((EXAMPLES / name).read_text("utf-8"))
    return [Rule(**row) for row in content["eligibility"]]


class TestShippedReadings:
    """Both ways to read: Europe or Singapore and India or Malaysia."""

    COUNTRIES = ("IN", "MY", "DE", "SG")

    def allowed(self, name: str) -> set[tuple[str, str]]:
        places = product((EU, SG, OTHER), self.COUNTRIES)
        answers = {place: eligible(shipped(name), *place, TODAY) for place in places}
        assert all(answer.reason for answer in answers.values())
        return {place for place, answer in answers.items() if answer.allowed}

    def test_either_entity_with_either_country(self) -> None:
        wanted = set(product((EU, SG), ("IN", "MY")))
        assert self.allowed("eligibility-both-with-countries.toml") == wanted

    def test_europe_as_a_whole_and_singapore_with_either_country(self) -> None:
        wanted = {(EU, country) for country in self.COUNTRIES} | {(SG, "IN"), (SG, "MY")}
        assert self.allowed("eligibility-europe-as-a-whole.toml") == wanted
