"""The set-up file: entities, accounts and their pools, rules, operators and customers in one readable TOML."""

import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from sqlmodel import Session

from activities.database import make_engine
from activities.master_data import (
    MasterDataRefused,
    one_at_a_time,
    put_account,
    put_customer,
    put_entity,
)
from activities.master_data_input import AccountInput, CustomerInput, EntityInput
from activities.operators import OperatorInput, any_operators, put_operator
from activities.refund_policy import RefundPolicyInput, put_refund_policy
from activities.virtual_account_setup import EligibilityInput, PoolInput, put_eligibility, put_pool
from prepay.wire import InputRefused, parse


class Table(NamedTuple):
    """A kind of row in the file: the field that it is called by, its type, and how one is written."""

    name: str
    model: type[Any]
    put: Callable[[Session, Any], str]


TABLES: dict[str, Table] = {
    "entity": Table("code", EntityInput, put_entity),
    "account": Table("code", AccountInput, put_account),
    "pool": Table("code", PoolInput, put_pool),
    "eligibility": Table("rule", EligibilityInput, put_eligibility),
    "refund_policy": Table("policy", RefundPolicyInput, put_refund_policy),
    "operator": Table("name", OperatorInput, put_operator),
    "customer": Table("number", CustomerInput, put_customer),
}
"""In the order in which they need each other."""
KINDS = tuple(TABLES)
FREE = ("customer",)
"""What one person may change alone, also when there are operators."""


class SetupMistake(ValueError):
    """The file has a mistake; the message names the line and the field."""

    def __init__(self, file: Path, line: int, what: str) -> None:
        super().__init__(f"{file}, line {line}: {what}")


class TakesTwo(MasterDataRefused):
    """Since there are operators, two of them change it."""

    def __init__(self, field: str, kind: str, name: str) -> None:
        super().__init__(
            f"`{field}`: {kind} {name!r} would change, and since there are operators two of them decide that: "
            "propose it with `prepay change propose`"
        )


class Twice(MasterDataRefused):
    """Two tables of one file are about the same thing."""

    def __init__(self, field: str, name: str) -> None:
        super().__init__(f"`{field}`: {name!r} stands in this file twice; keep one of them")


def apply(file: Path, database_url: str) -> dict[str, dict[str, int]]:
    """All of the file in one transaction, or nothing: how many of each kind were added, changed, unchanged.

    Until there are operators it is the first set-up, which one person does. Raises SetupMistake.
    """
    text, content = read(file)
    engine = make_engine(database_url, 1)
    try:
        with Session(engine) as session, session.begin():
            one_at_a_time(session)
            first = not any_operators(session)
            return {
                kind: _put_all(session, file, text, kind, content[kind], first)
                for kind in KINDS
                if kind in content
            }
    finally:
        engine.dispose()


def _put_all(
    session: Session, file: Path, text: str, kind: str, tables: list[dict[str, Any]], first: bool
) -> dict[str, int]:
    name, model, put = TABLES[kind]
    done: dict[str, int] = {}
    seen: set[str] = set()
    for number, raw in enumerate(tables):
        try:
            row = parse(model, raw, f"[[{kind}]]")
            if getattr(row, name) in seen:
                raise Twice(name, getattr(row, name))
            seen.add(getattr(row, name))
            result = put(session, row)
            if result != "unchanged" and not (first or kind in FREE):
                raise TakesTwo(name, kind, getattr(row, name))
        except (InputRefused, MasterDataRefused) as refusal:
            why = str(refusal)
            field = re.search(r"`(\w+)", why)
            line = _line(text, kind, number, field[1] if field else "")
            raise SetupMistake(file, line, why) from None
        done[result] = done.get(result, 0) + 1
    return done


def read(file: Path) -> tuple[str, dict[str, Any]]:
    """The text of a file, and its tables by kind. Raises SetupMistake."""
    raw = file.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
        content = tomllib.loads(text)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise SetupMistake(file, line, "it is not written in UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise _no_toml(file, text, str(error)) from None
    for name, value in content.items():
        if name not in KINDS:
            known = ", ".join(f"[[{kind}]]" for kind in KINDS)
            raise SetupMistake(file, _line(text, name, 0), f"`{name}` is not known; there are {known}")
        if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
            raise SetupMistake(file, _line(text, name, 0), f"write [[{name}]] in double brackets")
    return text, content


def _no_toml(file: Path, text: str, said: str) -> SetupMistake:
    at = re.search(r" \(at (?:line (\d+), column \d+|end of document)\)", said)
    line = int(at[1]) if at and at[1] else len(text.splitlines())
    return SetupMistake(file, line, f"this is no TOML: {said[: at.start()] if at else said}")


def _line(text: str, kind: str, number: int, field: str = "") -> int:
    """The line of a field in the table of that kind and number; else the line where the table begins."""
    tables, start = -1, 1
    for position, line in enumerate(text.split("\n"), 1):
        header = re.match(r"""\s*\[{1,2}\s*["']?([\w-]+)["']?\s*\]""", line)
        if header:
            if tables == number:
                break
            if header[1] == kind:
                tables, start = tables + 1, position
        # Before the first of its tables, it may be written as a key.
        wanted = kind if tables < 0 else field if tables == number else ""
        # A field may be a table of its own: [kind.field].
        within = rf"(?:\[\s*{re.escape(kind)}\s*\.\s*)?"
        if wanted and re.match(rf"""\s*{within}["']?{re.escape(wanted)}["']?\s*[].=]""", line):
            return position
    return start
