"""What lifecycles share whose facts are rows: look, wait, do what an operator decided or time brings, look again."""

from abc import abstractmethod
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Generic, Protocol, TypeVar

from temporalio import workflow
from temporalio.common import RawValue

with workflow.unsafe.imports_passed_through():
    from activities.attestation import Attested
    from prepay.money import Money
    from workflows.operator import Desk, Taken, authorise, live, whatever_comes


class Followed(Protocol):
    """A copy of the rows of one lifecycle."""

    @property
    def ended(self) -> bool:
        """Nothing is left to do."""

    def outcome(self) -> Any:
        """What the workflow ends with."""


_State = TypeVar("_State", bound=Followed)
_Seen_co = TypeVar("_Seen_co", covariant=True)


class Decided(Protocol[_Seen_co]):
    """What came of a decision."""

    @property
    def state(self) -> _Seen_co:
        """The rows after it."""

    @property
    def refused(self) -> str:
        """Why it was not carried out; empty where it was."""


class Lifecycle(Generic[_State]):
    """Looks, waits, takes the operators' signals, follows up, and ends when the rows say so."""

    signals: tuple[str, ...] = ("approve", "refuse")
    """Those that operators send."""
    cancel_answer = "it does not end a proposal; it is put away by the signal `refuse`"
    due_summary = "look what time has brought"
    """What the timer in the Temporal UI is for."""

    def __init__(self) -> None:
        self._desk = Desk()
        self._state: _State | None = None
        self._rung = False

    @abstractmethod
    async def _look(self) -> _State: ...

    @abstractmethod
    async def _carry_out(self, state: _State, taken: Taken, attested: Attested) -> Decided[_State]: ...

    @abstractmethod
    def _show(self) -> None: ...

    def _moves(self, _state: _State, _signal: str) -> Money | None:
        """The money that a decision moves, against its operator's limit."""
        return None

    def _acts(self, _state: _State, _signal: str) -> Sequence[str]:
        """What a decision does, where that is not the signal."""
        return ()

    def _due(self, _state: _State) -> datetime | None:
        """When time does something next."""
        return None

    async def _follow_up(self, _state: _State) -> _State:
        """Somebody rang, or what was due has come."""
        return await self._look_again()

    async def _until_ended(self) -> Any:
        return await live(self._live(), self._answer_cancel)

    async def _live(self) -> Any:
        self._state = await self._look_again()
        self._show()
        # What came while the last step ran is answered too, and who rang then is heard.
        while not self._state.ended or self._woken():
            await self._wait(self._state)
            self._state = await self._act(self._state)
            self._show()
            if workflow.info().is_continue_as_new_suggested() and not self._woken():
                await self._desk.go_on({"resume": workflow.info().workflow_id})
        await workflow.wait_condition(workflow.all_handlers_finished)
        return self._state.outcome()

    async def _wait(self, state: _State) -> None:
        """Until somebody rings or decides, or the next thing is due; or the history has become too long."""
        due = self._due(state)
        if due is None:
            await workflow.wait_condition(self._stirred)
            return
        left = max(due - workflow.now(), timedelta())
        try:
            await workflow.wait_condition(self._stirred, timeout=left, timeout_summary=self.due_summary)
        except TimeoutError:
            return

    async def _act(self, state: _State) -> _State:
        if self._desk.decisions:
            return await self._decide(state, self._desk.decisions.pop(0))
        return await self._follow_up(state)

    async def _decide(self, state: _State, taken: Taken) -> _State:
        """Who sent it, and whether they may; then what it says, in the database; why not, in the details."""
        attested = await authorise(taken, self._moves(state, taken.signal), self._acts(state, taken.signal))
        refused, now = attested.refused, state
        if not refused:
            decision = taken.decision.model_copy(update={"operator": attested.operator})
            decided = await self._carry_out(state, taken._replace(decision=decision), attested)
            refused, now = decided.refused, decided.state
        if refused:
            self._desk.refuse(taken.signal, f"{attested.operator}: {refused}")
        return now

    async def _look_again(self) -> _State:
        # Before the look: what rings during it asks for another one.
        self._rung = False
        return await self._look()

    @workflow.signal(
        name="ring", description="Look at the rows again. Prepay sends it by itself; it does no harm."
    )
    @whatever_comes
    def ring(self, *_raw: RawValue) -> None:
        """The rows have changed, or the sweep looks after them."""
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

    def _stirred(self) -> bool:
        # Signals that are refused wake nobody, and a run takes only so many.
        return self._woken() or workflow.info().is_continue_as_new_suggested()

    def _answer_cancel(self) -> None:
        self._desk.refuse("Cancel", self.cancel_answer)
        self._show()
