"""Who may have a virtual account: the most specific rule in force decides, and where there is none the answer is no."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

ANY = "*"


class Rule(NamedTuple):
    """What holds for customers of a contracting entity and a country (`*` is any), from a day on."""

    entity: str
    country: str
    allowed: bool
    reason: str
    valid_from: date


class Answer(NamedTuple):
    """Whether they may, and the reason: of the rule that decided, or that there is none."""

    allowed: bool
    reason: str


def eligible(rules: Sequence[Rule], entity: str, country: str, on: date) -> Answer:
    """Whether a customer of that entity and country may have a virtual account on a day.

    A rule for both counts before one for the country, that before one for the entity, and that before one for all: what
    the law of a country forbids, an entity's habit does not allow. Of several for the same, the newest in force counts.
    """
    fitting = [r for r in rules if r.entity in (entity, ANY) and r.country in (country, ANY)]
    in_force = [r for r in fitting if r.valid_from <= on]
    if not in_force:
        return Answer(False, f"no rule allows it for customers of {entity} in {country}")
    best = max(in_force, key=lambda r: (r.country != ANY, r.entity != ANY, r.valid_from))
    return Answer(best.allowed, best.reason)
