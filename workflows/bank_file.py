"""The lifecycle of a bank file: stored, read, posted; held until an operator decides; refused."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RawValue, RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.bank_files import BankFiles, Discard
    from prepay import attributes
    from prepay.bank_files import BankFileOutcome, DecideBankFile
    from rules.bank_file import BankFileState
    from rules.details import bank_file_details
    from workflows.operator import Desk, live, whatever_comes
    from workflows.steps import step

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
        self._asking = False

    @workflow.run
    @whatever_comes
    async def run(self, *_raw: RawValue) -> BankFileOutcome:
        """Read, wait for an operator where the file is held, post."""
        return await live(self._live(), self._answer_cancel)

    async def _live(self) -> BankFileOutcome:
        sha256 = workflow.info().workflow_id.removeprefix("bank-file-")
        self._state = await step(BankFiles.look, sha256, "look at the file")
        while not self._state.ended:
            self._show()
            if self._state.stage == "held":
                await self._decide(sha256)
            elif self._state.stage == "stored":
                self._state = await self._work(BankFiles.read, sha256, "read and validate the whole file")
            else:
                self._state = await self._work(BankFiles.post, sha256, "post in chunks")
        self._show()
        await workflow.wait_condition(workflow.all_handlers_finished)
        return self._state.outcome()

    @workflow.signal(
        name="ring", description="The file has come (again). Prepay sends it by itself; it does no harm."
    )
    @whatever_comes
    def ring(self, *_raw: RawValue) -> None:
        """The file was delivered (again); nothing is left to do for that."""

    @workflow.signal(
        name="release",
        description="Read a held file again, after what was missing has been set up: "
        '{"operator": "your name", "reason": "the account has been added"}',
    )
    @whatever_comes
    def release(self, *raw: RawValue) -> None:
        """Read it again. What does not add up stays held."""
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

    def _take(self, signal: str, raw: Sequence[RawValue]) -> None:
        """A decision is about what the operator saw: one that comes at another moment is not kept for later."""
        if self._asking and not self._desk.decisions:
            self._desk.take(signal, DecideBankFile, raw)
        else:
            self._desk.refuse(signal, self._why_not_now())
        self._show()

    def _why_not_now(self) -> str:
        if self._state is None:
            return "the file has not been looked at yet; wait until it is held"
        if self._state.stage == "held":
            return "another decision is being carried out; look what came of it, and then decide"
        return f"the file is {self._state.stage}; only a held file waits for a decision"

    async def _decide(self, sha256: str) -> None:
        self._asking = True
        await workflow.wait_condition(lambda: bool(self._desk.decisions))
        self._asking = False
        signal, decision = self._desk.decisions.pop(0)
        assert isinstance(decision, DecideBankFile)
        if signal == "release":
            self._state = await self._work(
                BankFiles.read, sha256, f"read again, as {decision.operator} asked"
            )
        else:
            discard = Discard(sha256=sha256, decision=decision)
            self._state = await step(BankFiles.discard, discard, "put the file away")

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
        held = state.stage == "held"
        self._desk.publish(
            {
                attributes.STAGE: state.stage,
                attributes.NEEDS_HUMAN: held,
                attributes.WAITS_FOR_ROLE: "clerk" if held else None,
            }
        )
