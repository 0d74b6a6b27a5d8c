"""The lifecycle of a virtual account: applied for, decided, in use with a number of its own, and closed."""

from datetime import datetime

from temporalio import workflow
from temporalio.common import RawValue

with workflow.unsafe.imports_passed_through():
    from activities.attestation import Attested
    from activities.virtual_accounts import Decide, Decided, VirtualAccounts
    from prepay import attributes
    from prepay.virtual_accounts import DecideVirtualAccount, VirtualAccountOutcome
    from rules.virtual_account import VirtualAccountState
    from rules.virtual_account_details import virtual_account_details
    from workflows.lifecycle import Lifecycle
    from workflows.operator import Taken, whatever_comes
    from workflows.steps import step


@workflow.defn(name="VirtualAccountApplication")
class VirtualAccountApplication(Lifecycle[VirtualAccountState]):
    """Waits for an operator's decision, then for a number where the pool is empty, then for the account's end.

    Its input is `{"resume": "virtual-account-<row>"}`: who applied and what came of it is in the database.
    """

    signals = ("approve", "reject", "close")
    cancel_answer = (
        "it does not end an application; it is put away by the signal `reject`, and closed by `close`"
    )
    due_summary = "remind operators"

    @workflow.init
    @whatever_comes
    def __init__(self, *_raw: RawValue) -> None:
        super().__init__()

    @workflow.run
    @whatever_comes
    async def run(self, *_raw: RawValue) -> VirtualAccountOutcome:
        """From the application to the account's end."""
        outcome: VirtualAccountOutcome = await self._until_ended()
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

    def _due(self, state: VirtualAccountState) -> datetime | None:
        return state.next_due(workflow.now())

    async def _look(self) -> VirtualAccountState:
        return await step(VirtualAccounts.look, workflow.info().workflow_id, "look at the application")

    async def _carry_out(self, state: VirtualAccountState, taken: Taken, attested: Attested) -> Decided:
        decide = Decide(
            application=state.application,
            signal=taken.signal,
            decision=taken.decision,
            attestation=attested.attestation,
            review=state.review,
        )
        return await step(VirtualAccounts.decide, decide, f"{taken.signal}, as {attested.operator} wants")

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
