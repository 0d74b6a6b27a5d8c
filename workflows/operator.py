"""What lifecycles share at the operators' side: tolerant input, refused attempts, search attributes."""

from collections.abc import Sequence
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.common import RawValue, SearchAttributeKey, SearchAttributeUpdate

with workflow.unsafe.imports_passed_through():
    from prepay.wire import InputRefused, Wire, parse
    from rules.details import when

KEPT_REFUSALS = 5

_Input = TypeVar("_Input", bound=Wire)


class Desk:
    """Collects what operators send; nothing they type can harm the workflow."""

    def __init__(self) -> None:
        self.refusals: list[str] = []
        self.decisions: list[tuple[str, Wire]] = []
        self._attributes: dict[str, Any] = {}

    def take(self, signal: str, kind: type[_Input], raw: Any) -> None:
        """Queue a decision, or keep the reason why it cannot be one."""
        try:
            self.decisions.append((signal, parse(kind, raw, "The input")))
        except InputRefused as refusal:
            self.refuse(signal, str(refusal))

    def refuse(self, signal: str, why: str) -> None:
        """Keep a refused attempt for the details; the oldest fall off."""
        attempt = f"{when(workflow.now())}, {signal[:40]}: {why[:600]}"
        self.refusals = [*self.refusals, attempt][-KEPT_REFUSALS:]

    def refuse_unknown(self, name: str, _args: Sequence[RawValue], known: Sequence[str]) -> None:
        """A signal of another name, most likely misspelt."""
        self.refuse(name, f"there is no such signal here; there is {', '.join(known)}")

    def publish(self, values: dict[SearchAttributeKey[Any], Any]) -> None:
        """Write the search attributes that changed, in one event; None takes one away."""
        updates: list[SearchAttributeUpdate[Any]] = []
        for key, value in values.items():
            if self._attributes.get(key.name) != value:
                updates.append(key.value_unset() if value is None else key.value_set(value))
                self._attributes[key.name] = value
        if updates:
            workflow.upsert_search_attributes(updates)
