"""docs/schemas: what other languages send and get, current and usable."""

import json
from typing import Any

import jsonschema
import pytest

from scripts.schemas import FOLDER, schemas
from tests.prepay.test_wire import REQUEST


def schema(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    return found


def test_they_are_current() -> None:
    written = {path.name: path.read_text("utf-8") for path in FOLDER.glob("*.json")}
    assert written == schemas(), "run `python -m scripts.schemas`"


@pytest.mark.parametrize("name", [name.removesuffix(".json") for name in schemas()])
def test_each_is_a_json_schema(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(schema(name))


def test_they_tell_what_is_taken_from_what_is_not() -> None:
    validator = jsonschema.Draft202012Validator(schema("Deposit.input"))
    assert validator.is_valid(REQUEST)
    assert not validator.is_valid({**REQUEST, "amount": 1000.0})
    assert not validator.is_valid({**REQUEST, "colour": "red"})
