"""What lifecycles share that wait for a second person's decision about something that never changes."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Generic, Protocol, TypeVar

from temporalio import workflow
from temporalio.common import RawValue

with workflow.unsafe.imports_passed_through():
    from workflows.operator import Desk, Taken, live, whatever_comes


class Decidable(Protocol):
    """The state of a proposal."""

    @property
    def ended(self) -> bool:
        """Nothing is left to do."""

    def outcome(self) -> Any:
        """What the workflow ends with."""


_State = TypeVar("_State", bound=Decidable)


class Proposal(Generic[_State]):
    """Looks, waits, takes the operators' signals, and ends when the rows say so."""

    signals: tuple[str, ...] = ("approve", "refuse")
    """Those that operators send."""
    cancel_answer = "it does not end a proposal; it is put away by the signal `refuse`"

    def __init__(self) -> None:
        self._desk = Desk()
        self._state: _State | None = None
        self._rung = False

    @abstractmethod
    async def _look(self) -> _State: ...

    @abstractmethod
    async def _decide(self, state: _State, taken: Taken) -> _State: ...

    @abstractmethod
    def _show(self) -> None: ...

    async def _until_decided(self) -> Any:
        return await live(self._live(), self._answer_cancel)

    async def _live(self) -> Any:
        self._state = await self._look_again()
        self._show()
        # What came while the last step ran is answered too.
        while not self._state.ended or self._desk.decisions:
            await self._wait()
            self._state = await self._act(self._state)
            self._show()
            if workflow.info().is_continue_as_new_suggested() and not self._woken():
                await workflow.wait_condition(workflow.all_handlers_finished)
                workflow.continue_as_new({"resume": workflow.info().workflow_id})
        await workflow.wait_condition(workflow.all_handlers_finished)
        return self._state.outcome()

    async def _wait(self) -> None:
        await workflow.wait_condition(self._woken)

    async def _act(self, state: _State) -> _State:
        if self._desk.decisions:
            return await self._decide(state, self._desk.decisions.pop(0))
        return await self._look_again()

    async def _look_again(self) -> _State:
        # Before the look: what rings during it asks for another one.
        self._rung = False
        return await self._look()

    @workflow.signal(
        name="ring", description="Look at the proposal again. Prepay sends it by itself; it does no harm."
    )
    @whatever_comes
    def ring(self, *_raw: RawValue) -> None:
        """It was proposed, or the sweep looks after it."""
        self._rung = True

    @workflow.signal(dynamic=True, description="Any other name is refused; the details say so.")
    def other(self, name: str, args: Sequence[RawValue]) -> None:
        """A signal that does not exist here."""
        self._desk.refuse_unknown(name, args, self.signals)
        self._show()

    def _take(self, signal: str, kind: Any, raw: Sequence[RawValue]) -> None:
        self._desk.take(signal, kind, raw)
        self._show()

    def _woken(self) -> bool:
        return self._rung or bool(self._desk.decisions)

    def _answer_cancel(self) -> None:
        self._desk.refuse("Cancel", self.cancel_answer)
        self._show()
