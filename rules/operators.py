"""Who decides: an operator with a role and limits, and where two must decide it takes two different ones."""

import unicodedata
from collections.abc import Mapping, Sequence
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from prepay.money import Money


class Role(StrEnum):
    """What an operator does in the company."""

    CLERK = "clerk"
    APPROVER = "approver"
    TREASURER = "treasurer"
    COMPLIANCE = "compliance"
    ADMINISTRATOR = "administrator"


class SamePerson(ValueError):
    """Two people must decide, and this one has done so already."""

    def __init__(self, done: str) -> None:
        super().__init__(f"you {done} it already; somebody else must")


class Authority(BaseModel):
    """What an operator may decide at a moment: their roles, and limits in minor units by currency (None: any)."""

    model_config = ConfigDict(frozen=True)

    operator: int
    name: str
    login: str = ""
    roles: frozenset[Role]
    limits: Mapping[str, int | None] = {}


def person(operator: str) -> str:
    """A name as names are compared: in any case, spacing and way to write its letters it is the same person."""
    return " ".join(unicodedata.normalize("NFKC", operator).casefold().split())


def second_person(before: Sequence[str], operator: str, done: str) -> bool:
    """Whether the operator is the second of two different people; not where nobody has decided before.

    `done` says what they decided, such as "released". Raises SamePerson.
    """
    if person(operator) in map(person, before):
        raise SamePerson(done)
    return bool(before)


def refuse_role(authority: Authority, wanted: frozenset[Role]) -> str | None:
    """Why the operator's roles do not allow an act; None where one of them does."""
    if authority.roles & wanted:
        return None
    if not authority.roles:
        return f"{authority.name} has no role now; `prepay operator list` tells who has which, and when"
    return f"{authority.name} is {_in_words(authority.roles, 'and')}, and this takes {_one_of(wanted)}"


def refuse_amount(authority: Authority, money: Money) -> str | None:
    """Why the operator may not decide so much at once; None where they may."""
    limit = authority.limits.get(money.currency, 0)
    if limit is None or money.amount_minor <= limit:
        return None
    if limit == 0:
        return f"{authority.name} has no limit in {money.currency}, and so decides no amount in it"
    most = Money(amount_minor=limit, currency=money.currency)
    return f"{authority.name} decides at most {most} at once, and this is {money}"


def _in_words(roles: frozenset[Role], last: str) -> str:
    names = [role.value for role in Role if role in roles]
    return f" {last} ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _one_of(roles: frozenset[Role]) -> str:
    articles = [f"{'an' if role.value[0] in 'aeiou' else 'a'} {role.value}" for role in Role if role in roles]
    return " or ".join([", ".join(articles[:-1]), articles[-1]] if len(articles) > 1 else articles)
