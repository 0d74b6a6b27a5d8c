"""Writes docs/schemas: the JSON Schema of every workflow's input, signals, updates and answers.

`python -m scripts.schemas` writes them; a test fails when they are not current. A handler takes whatever comes and
reads it as one of our wire types, so the type is the one that its body names, or the `_take` that it calls.
"""

import ast
import inspect
import json
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_type_hints

from pydantic import BaseModel
from temporalio.workflow import _Definition as Definition

from prepay.deposits import DepositRequest
from prepay.statements import StatementRequest
from prepay.wire import Wire
from worker import WORKFLOWS

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "schemas"
OURS = {"ring", None}
"""Signals without content: Prepay sends them itself, or they are misspelt."""
SCHEDULED = {"Relay", "Sweep"}
INPUTS: dict[str, type[BaseModel]] = {"Deposit": DepositRequest, "Statement": StatementRequest}
"""What services start; all others go on from their rows."""


class Resume(Wire):
    """The workflow's own id: it goes on from its row."""

    resume: str


class SchemaUnknown(RuntimeError):
    """A handler whose wire type cannot be told."""

    def __init__(self, workflow: str, name: str) -> None:
        super().__init__(f"{workflow}.{name} names no wire type: name it in the handler, or in `_take`.")


def schemas() -> dict[str, str]:
    """File names and contents."""
    found: dict[str, type[BaseModel]] = {}
    for kind in WORKFLOWS:
        for name, model in _models(kind):
            found[name] = model
    return {f"{name}.json": _schema(name, model) for name, model in sorted(found.items())}


def _models(kind: type) -> Iterator[tuple[str, type[BaseModel]]]:
    definition = Definition.must_from_class(kind)
    workflow = str(definition.name)
    if workflow in SCHEDULED:
        return
    yield f"{workflow}.input", INPUTS.get(workflow, Resume)
    if answer := _answer(definition.run_fn):
        yield f"{workflow}.result", answer
    for name, signal in definition.signals.items():
        if name not in OURS:
            yield f"{workflow}.signal.{name}", _read_by(kind, signal.fn, workflow, str(name))
    for name, update in definition.updates.items():
        yield f"{workflow}.update.{name}", _read_by(kind, update.fn, workflow, str(name))
        if answer := _answer(update.fn):
            yield f"{workflow}.update.{name}.answer", answer


def _answer(function: Callable[..., Any]) -> type[BaseModel] | None:
    answer = get_type_hints(function).get("return")
    return answer if isinstance(answer, type) and issubclass(answer, BaseModel) else None


def _read_by(kind: type, handler: Callable[..., Any], workflow: str, name: str) -> type[BaseModel]:
    for function in (handler, getattr(kind, "_take", None)):
        if function is not None and (model := _wire_named(function)):
            return model
    raise SchemaUnknown(workflow, name)


def _wire_named(function: Callable[..., Any]) -> type[BaseModel] | None:
    body = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    assert isinstance(body, ast.FunctionDef | ast.AsyncFunctionDef)
    known = sys.modules[function.__module__].__dict__
    for node in (node for statement in body.body for node in ast.walk(statement)):
        named = known.get(node.id) if isinstance(node, ast.Name) else None
        if isinstance(named, type) and issubclass(named, Wire) and named is not Wire:
            return named
    return None


def _schema(name: str, model: type[BaseModel]) -> str:
    schema = model.model_json_schema(
        mode="serialization" if name.endswith(("result", "answer")) else "validation"
    )
    told = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"prepay:{name}", **schema}
    return json.dumps(told, indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Write them, and take away what is no more."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    wanted = schemas()
    for old in FOLDER.glob("*.json"):
        if old.name not in wanted:
            old.unlink()
    for name, content in wanted.items():
        (FOLDER / name).write_text(content, encoding="utf-8")
    print(f"{len(wanted)} schemas: {FOLDER}")


if __name__ == "__main__":
    main()
