"""The lifecycle of a virtual account: applied for, decided, in use with a number of its own, and closed."""

from temporalio import workflow
from temporalio.common import RawValue

with workflow.unsafe.imports_passed_through():
    from activities.virtual_accounts import Decide, VirtualAccounts
    from prepay import attributes
    from prepay.virtual_accounts import DecideVirtualAccount, VirtualAccountOutcome
    from rules.virtual_account import VirtualAccountState
    from rules.virtual_account_details import virtual_account_details
    from workflows.operator import Taken, authorise, whatever_comes
    from workflows.proposal import Proposal
    from workflows.steps import step


@workflow.defn(name="VirtualAccountApplication")
class VirtualAccountApplication(Proposal[VirtualAccountState]):
    """Waits for an operator's decision, then for a number where the pool is empty, then for the account's end.

    Its input is `{"resume": "virtual-account-<row>"}`: who applied and what came of it is in the database.
    """

    signals = ("approve", "reject", "close")
    cancel_answer = (
        "it does not end an application; it is put away by the signal `reject`, and closed by `close`"
    )

    @workflow.init
    @whatever_comes
    def __init__(self, *_raw: RawValue) -> None:
        super().__init__()

    @workflow.run
    @whatever_comes
    async def run(self, *_raw: RawValue) -> VirtualAccountOutcome:
        """From the application to the account's end."""
        outcome: VirtualAccountOutcome = await self._until_decided()
        return outcome

    @workflow.signal(
        name="approve",
        description="Give the customer a number, as another person than applied; later, keep it after a change: "
        '{"operator": "your name", "reason": "the contract is signed"}',
    )
    @whatever_comes
    def approve(self, *raw: RawValue) -> None:
        """An operator agrees."""
        self._take("approve", DecideVirtualAccount, raw)

    @workflow.signal(
        name="reject",
        description="Refuse the application; the customer is told the reason: "
        '{"operator": "your name", "reason": "the contract has not been signed"}',
    )
    @whatever_comes
    def reject(self, *raw: RawValue) -> None:
        """An operator refuses."""
        self._take("reject", DecideVirtualAccount, raw)

    @workflow.signal(
        name="close",
        description="Close the account for ever; money that still comes waits for a person: "
        '{"operator": "your name", "reason": "the customer has left"}',
    )
    @whatever_comes
    def close(self, *raw: RawValue) -> None:
        """An operator closes the account."""
        self._take("close", DecideVirtualAccount, raw)

    async def _wait(self) -> None:
        """Until somebody rings or decides, or operators are to be reminded."""
        assert self._state is not None
        due = self._state.next_due(workflow.now())
        if due is None:
            await super()._wait()
            return
        try:
            await workflow.wait_condition(
                self._woken, timeout=due - workflow.now(), timeout_summary="remind operators"
            )
        except TimeoutError:
            self._rung = True

    async def _look(self) -> VirtualAccountState:
        return await step(VirtualAccounts.look, workflow.info().workflow_id, "look at the application")

    async def _decide(self, state: VirtualAccountState, taken: Taken) -> VirtualAccountState:
        attested = await authorise(taken)
        refused, now = attested.refused, state
        if not refused:
            decision = taken.decision.model_copy(update={"operator": attested.operator})
            decide = Decide(
                application=state.application,
                signal=taken.signal,
                decision=decision,
                attestation=attested.attestation,
            )
            decided = await step(
                VirtualAccounts.decide, decide, f"{taken.signal}, as {attested.operator} wants"
            )
            refused, now = decided.refused, decided.state
        if refused:
            self._desk.refuse(taken.signal, f"{attested.operator}: {refused}")
        return now

    def _show(self) -> None:
        state = self._state
        if state is None:
            return
        now = workflow.now()
        workflow.set_current_details(virtual_account_details(state, now, self._desk.refusals))
        self._desk.publish(
            {
                attributes.STAGE: state.stage,
                attributes.CUSTOMER: state.customer,
                attributes.CURRENCY: state.currency,
                attributes.ENTITY: state.entity,
                attributes.NEEDS_HUMAN: state.waits_for is not None,
                attributes.WAITS_FOR_ROLE: state.waits_for,
                attributes.ESCALATED: state.escalated(now),
                attributes.DUE: state.next_due(now),
                attributes.DECIDED_BY: state.deciders or None,
            }
        )
