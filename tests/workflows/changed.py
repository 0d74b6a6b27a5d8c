"""A deposit whose steps come in another order: what a careless change would do to the runs that are open."""

from temporalio import workflow
from temporalio.common import RawValue

from workflows.operator import whatever_comes

with workflow.unsafe.imports_passed_through():
    from prepay.deposits import DepositOutcome
    from rules.deposit import DepositState

from workflows.deposit import Deposit


@workflow.defn(name="Deposit")
class LooksBeforeItIssues(Deposit):
    """Looks at the rows before it issues the form."""

    @workflow.init
    @whatever_comes
    def __init__(self, *raw: RawValue) -> None:
        super().__init__(*raw)

    @workflow.run
    @whatever_comes
    async def run(self, *raw: RawValue) -> DepositOutcome:
        return await super().run(*raw)

    async def _first_state(self) -> DepositState:
        await self._reload()
        return await super()._first_state()


@workflow.defn(name="Deposit")
class NeverReminds(Deposit):
    """Has no timer: it waits for money alone."""

    @workflow.init
    @whatever_comes
    def __init__(self, *raw: RawValue) -> None:
        super().__init__(*raw)

    @workflow.run
    @whatever_comes
    async def run(self, *raw: RawValue) -> DepositOutcome:
        return await super().run(*raw)

    def _show(self) -> None:
        super()._show()
        self._due = None
