"""The set-up file: entities, collection accounts and customers in one readable TOML."""

import re
import tomllib
from pathlib import Path
from typing import Any

from sqlmodel import Session

from activities.database import make_engine
from activities.master_data import (
    AccountInput,
    CustomerInput,
    EntityInput,
    MasterDataRefused,
    put_account,
    put_customer,
    put_entity,
)
from prepay.wire import InputRefused, parse

KINDS = ("entity", "account", "customer")
_VERBS: dict[str, tuple[type[Any], Any]] = {
    "entity": (EntityInput, put_entity),
    "account": (AccountInput, put_account),
    "customer": (CustomerInput, put_customer),
}


class SetupMistake(ValueError):
    """The file has a mistake; the message names the line and the field."""

    def __init__(self, file: Path, line: int, what: str) -> None:
        super().__init__(f"{file}, line {line}: {what}")


def apply(file: Path, database_url: str) -> dict[str, dict[str, int]]:
    """All of the file in one transaction, or nothing. Raises SetupMistake."""
    text, content = _read(file)
    done: dict[str, dict[str, int]] = {kind: {} for kind in KINDS}
    engine = make_engine(database_url, 1)
    with Session(engine) as session, session.begin():
        for kind, (model, put) in _VERBS.items():
            for number, raw in enumerate(content.get(kind, [])):
                try:
                    result = put(session, parse(model, raw, f"[[{kind}]]"))
                except (InputRefused, MasterDataRefused) as refusal:
                    raise SetupMistake(file, _line(text, kind, number, str(refusal)), str(refusal)) from None
                done[kind][result] = done[kind].get(result, 0) + 1
    engine.dispose()
    return done


def _read(file: Path) -> tuple[str, dict[str, Any]]:
    text = file.read_text(encoding="utf-8")
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{file} is no TOML: {error}") from None
    for name, value in content.items():
        line = _line(text, name, 0, "")
        if name not in KINDS:
            raise SetupMistake(
                file, line, f"{name!r} is not known; there are {', '.join(f'[[{k}]]' for k in KINDS)}"
            )
        if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
            raise SetupMistake(file, line, f"write [[{name}]] in double brackets")
    return text, content


def _line(text: str, kind: str, number: int, problem: str) -> int:
    """The line of the field that the problem names, in the table of that kind and number; else of the table."""
    field = re.search(r"`(\w+)", problem)
    lines, seen, start = text.splitlines(), -1, 1
    for position, line in enumerate(lines, 1):
        header = re.match(r"\s*\[\[?\s*([\w-]+)", line)
        if header:
            if seen == number and header[1]:
                break
            if header[1] == kind:
                seen += 1
                start = position
        elif (seen == number and field and re.match(rf"\s*{field[1]}\s*=", line)) or (
            seen < 0 and re.match(rf"\s*{re.escape(kind)}\s*=", line)
        ):
            return position
    return start
