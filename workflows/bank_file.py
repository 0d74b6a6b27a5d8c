"""The lifecycle of a bank file: stored, read, posted; held or in alarm until operators decide; refused."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RawValue, RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.bank_decisions import Decide
    from activities.bank_files import BankFiles
    from prepay import attributes
    from prepay.bank_files import BankFileOutcome, DecideBankFile
    from rules.bank_file import WAITING, BankFileState, Signal, refuse_decision
    from rules.details import bank_file_details
    from workflows.operator import Desk, authorise, live, whatever_comes
    from workflows.steps import step

AT_ONCE = 10
"""Decisions that wait for their turn: both people may send theirs twice before the first has been written down."""

_RETRIES = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=30))


@workflow.defn(name="BankFile")
class BankFile:
    """Reads the whole file first; only then posts it, in chunks that each are one transaction.

    Its input is `{"resume": "bank-file-<SHA-256>"}`: the bytes are in the database.
    """

    @workflow.init
    @whatever_comes
    def __init__(self, *_raw: RawValue) -> None:
        self._desk = Desk()
        self._state: BankFileState | None = None
        self._rung = False

    @workflow.run
    @whatever_comes
    async def run(self, *_raw: RawValue) -> BankFileOutcome:
        """Read, wait for an operator where the file is held, post."""
        return await live(self._live(), self._answer_cancel)

    async def _live(self) -> BankFileOutcome:
        sha256 = workflow.info().workflow_id.removeprefix("bank-file-")
        state = await self._look(sha256)
        while not state.ended:
            self._become(state)
            if state.stage in WAITING:
                state = await self._waiting(sha256)
            elif state.stage == "stored":
                self._rung = False
                state = await self._work(BankFiles.read, sha256, "read and validate the whole file")
            else:
                state = await self._work(BankFiles.post, sha256, "post in chunks")
        self._become(state)
        await workflow.wait_condition(workflow.all_handlers_finished)
        return state.outcome()

    def _become(self, state: BankFileState) -> None:
        """A decision is about the hold that its operator saw: what came too late for it is not kept for another."""
        before, self._state = self._state, state
        if before and (before.stage, before.hold) != (state.stage, state.hold):
            for late in self._desk.decisions:
                why = refuse_decision(state, late.signal, before.hold)
                self._desk.refuse(late.signal, f"{late.decision.operator}: {why}")
            self._desk.decisions.clear()
        self._show()

    @workflow.signal(
        name="ring",
        description="The file, or what it lacked, has come. Prepay sends it by itself; it does no harm.",
    )
    @whatever_comes
    def ring(self, *_raw: RawValue) -> None:
        """The file was delivered (again), or what it lacked has come: that may end a hold or an alarm."""
        self._rung = True

    @workflow.signal(
        name="release",
        description="Two people let a held file be read again, or go on without what an alarm says is missing: "
        '{"operator": "your name", "reason": "the account has been added"}',
    )
    @whatever_comes
    def release(self, *raw: RawValue) -> None:
        """Read it again once two people want that. What does not add up is never released."""
        self._take("release", raw)

    @workflow.signal(
        name="discard",
        description='Put a held file away unposted: {"operator": "your name", "reason": "a test file"}',
    )
    @whatever_comes
    def discard(self, *raw: RawValue) -> None:
        """Put it away; its bytes are kept."""
        self._take("discard", raw)

    @workflow.signal(dynamic=True, description="Any other name is refused; the details say so.")
    def other(self, name: str, args: Sequence[RawValue]) -> None:
        """A signal that does not exist here."""
        self._desk.refuse_unknown(name, args, ("release", "discard"))
        self._show()

    def _take(self, signal: Signal, raw: Sequence[RawValue]) -> None:
        self._desk.take(signal, DecideBankFile, raw, self._why_not_now(signal))
        self._show()

    def _why_not_now(self, signal: Signal) -> str | None:
        if self._state is None:
            return "the file has not been looked at yet; wait until it is held"
        if len(self._desk.decisions) >= AT_ONCE:
            return "other decisions are being carried out; look what came of them, and then decide"
        return refuse_decision(self._state, signal, self._state.hold)

    async def _waiting(self, sha256: str) -> BankFileState:
        """Wait for a decision, for the file to be delivered by somebody else, or for what it lacks to come."""
        await workflow.wait_condition(lambda: self._rung or bool(self._desk.decisions))
        if not self._rung:
            return await self._decide(sha256)
        if self._state is not None and self._state.stage == "alarm":
            self._rung = False
            return await self._work(BankFiles.post, sha256, "look again for what was missing")
        return await self._look(sha256)

    async def _look(self, sha256: str) -> BankFileState:
        # Before the look: what rings during it asks for another one.
        self._rung = False
        return await step(BankFiles.look, sha256, "look at the file")

    async def _decide(self, sha256: str) -> BankFileState:
        assert self._state is not None
        hold, taken = self._state.hold, self._desk.decisions.pop(0)
        attested = await authorise(taken)
        if attested.refused:
            self._desk.refuse(taken.signal, f"{attested.operator}: {attested.refused}")
            return await self._look(sha256)
        decide = Decide(
            sha256=sha256,
            hold=hold,
            key=str(workflow.uuid4()),
            signal=taken.signal,
            decision=taken.decision.model_copy(update={"operator": attested.operator}),
        )
        decided = await step(BankFiles.decide, decide, f"{taken.signal}, as {attested.operator} wants")
        if decided.refused:
            self._desk.refuse(taken.signal, f"{attested.operator}: {decided.refused}")
        return decided.state

    async def _work(self, activity: Any, sha256: str, summary: str) -> BankFileState:
        state: BankFileState = await workflow.execute_activity_method(
            activity,
            sha256,
            start_to_close_timeout=timedelta(hours=2),
            heartbeat_timeout=timedelta(seconds=30),
            retry_policy=_RETRIES,
            summary=summary,
        )
        return state

    def _answer_cancel(self) -> None:
        self._desk.refuse(
            "Cancel", "it does not stop a bank file; a held one is put away by the signal `discard`"
        )
        self._show()

    def _show(self) -> None:
        state = self._state
        if state is None:
            return
        workflow.set_current_details(bank_file_details(state, self._desk.refusals))
        waits = state.stage in WAITING
        self._desk.publish(
            {
                attributes.STAGE: state.stage,
                attributes.NEEDS_HUMAN: waits,
                attributes.WAITS_FOR_ROLE: "clerk" if waits else None,
                attributes.DECIDED_BY: state.deciders or None,
            }
        )
