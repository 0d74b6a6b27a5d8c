"""What lifecycles share at the operators' side: tolerant input, who sent it, refused attempts, search attributes."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from datetime import timedelta
from inspect import Parameter, Signature
from typing import Any, NamedTuple, NoReturn, TypeVar

from temporalio import workflow
from temporalio.common import RawValue, RetryPolicy, SearchAttributeKey, SearchAttributeUpdate

with workflow.unsafe.imports_passed_through():
    from activities.attestation import Attest, Attestations, Attested
    from prepay.money import Money
    from prepay.wire import InputRefused, Wire, parse
    from rules.details import when

KEPT_REFUSALS = 5
MOST_WAITING = 100
"""Decisions that wait for those before them; what floods a workflow is refused, so that it never grows too long."""
_REFUSALS = "refusals"


_ONE_RAW_VALUE = Signature(
    [
        Parameter("self", Parameter.POSITIONAL_OR_KEYWORD),
        Parameter("raw", Parameter.POSITIONAL_OR_KEYWORD, annotation=RawValue),
    ]
)

_Input = TypeVar("_Input", bound=Wire)
_Handler = TypeVar("_Handler", bound=Callable[..., Any])
_Result = TypeVar("_Result")


def whatever_comes(handler: _Handler) -> _Handler:
    """Let a handler `(self, *raw: RawValue)` take any payloads: none, several, or such as are no JSON.

    Temporal leaves a payload unread where the signature names as many RawValues as came, so it names one.
    """
    setattr(handler, "__signature__", _ONE_RAW_VALUE)  # noqa: B010
    return handler


def content(raw: Sequence[Any], what: str) -> Any:
    """What was sent, read as JSON; None for nothing. Raises InputRefused."""
    if len(raw) > 1:
        raise InputRefused(what, [f"it is {len(raw)} values; send one JSON object"])
    if not raw or not isinstance(raw[0], RawValue):
        return raw[0] if raw else None
    try:
        return workflow.payload_converter().from_payload(raw[0].payload)
    except Exception:
        # Whatever the converter trips over, people can only send something else.
        raise InputRefused(what, ["it is no JSON that can be read; send a JSON object"]) from None


async def live(life: Coroutine[Any, Any, _Result], answer_cancel: Callable[[], None]) -> _Result:
    """Live to the end, whatever Cancel says: it is answered and never obeyed; the rows decide when it ends."""
    task = asyncio.create_task(life)
    while True:
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():
                raise
            answer_cancel()


class Taken(NamedTuple):
    """A decision that an operator sent: the signal, which of that name in this run it is, and what it says."""

    signal: str
    ordinal: int
    decision: Any


async def authorise(taken: Taken, money: Money | None = None, acts: Sequence[str] = ()) -> Attested:
    """Who sent a decision, and whether they may: `refused` says why not. It is attested in the database.

    `money` is what the decision is about, where it moves any; `acts` are what it does, where that is not the signal.
    """
    info = workflow.info()
    given = Attest(
        workflow_id=info.workflow_id,
        run_id=info.run_id,
        signal=taken.signal,
        ordinal=taken.ordinal,
        operator=taken.decision.operator,
        acts=tuple((info.workflow_type, act) for act in acts or [taken.signal]),
        money=money,
    )
    return await workflow.execute_activity_method(
        Attestations.attest,
        given,
        start_to_close_timeout=timedelta(seconds=30),
        retry_policy=RetryPolicy(maximum_interval=timedelta(seconds=30)),
        summary=f"attest {taken.signal}",
    )


class Desk:
    """Collects what operators send; nothing they type can harm the workflow."""

    def __init__(self) -> None:
        # As the run before this one left them.
        self.refusals: list[str] = workflow.memo_value(_REFUSALS, [], type_hint=list[str])
        self._attributes = {had.key.name: had.value for had in workflow.info().typed_search_attributes}
        self.decisions: list[Taken] = []
        self._arrived: Counter[str] = Counter()

    def take(self, signal: str, kind: type[_Input], raw: Sequence[Any], why_not: str | None = None) -> None:
        """Queue a decision, or keep the reason why it cannot be one. Every signal that comes must be taken here."""
        self._arrived[signal] += 1
        if why_not is None and len(self.decisions) >= MOST_WAITING:
            why_not = f"{MOST_WAITING} decisions wait already; look what came of them, and then decide"
        if why_not is not None:
            self.refuse(signal, why_not)
            return
        try:
            decision = parse(kind, content(raw, "The input"), "The input")
            self.decisions.append(Taken(signal, self._arrived[signal], decision))
        except InputRefused as refusal:
            self.refuse(signal, str(refusal))

    def refuse(self, signal: str, why: str) -> None:
        """Keep a refused attempt for the details; the oldest fall off."""
        attempt = f"{when(workflow.now())}, {signal[:40]}: {why[:600]}"
        self.refusals = [*self.refusals, attempt][-KEPT_REFUSALS:]

    def refuse_unknown(self, name: str, _args: Sequence[RawValue], known: Sequence[str]) -> None:
        """A signal of another name, most likely misspelt."""
        self.refuse(name, f"there is no such signal here; there is {', '.join(known)}")

    async def go_on(self, given: dict[str, str]) -> NoReturn:
        """Go on in a new run; its details still tell the attempts that were refused."""
        await workflow.wait_condition(workflow.all_handlers_finished)
        workflow.continue_as_new(given, memo={_REFUSALS: self.refusals})

    def publish(self, values: dict[SearchAttributeKey[Any], Any]) -> None:
        """Write the search attributes that changed, in one event; None takes one away."""
        updates: list[SearchAttributeUpdate[Any]] = []
        for key, value in values.items():
            if self._attributes.get(key.name) != value:
                updates.append(key.value_unset() if value is None else key.value_set(value))
                self._attributes[key.name] = value
        if updates:
            workflow.upsert_search_attributes(updates)
