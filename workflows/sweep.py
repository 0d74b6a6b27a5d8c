"""The sweep: each minute, what nobody else remembers."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.notices import Notices
    from activities.sweep import Upkeep
    from rules.checks import check_due

_RETRIES = RetryPolicy(maximum_attempts=3)


@workflow.defn(name="Sweep")
class Sweep:
    """Expires holds, posts credits whose value date has come, restarts lost workflows, seals, sends notices.

    Once an hour it also recomputes every invariant. A step that fails does not stop the others; the next
    minute tries again.
    """

    @workflow.run
    async def run(self) -> dict[str, str]:
        """Do each step once and say what it did."""
        steps: dict[str, Callable[..., Any]] = {
            "holds and value dates": Upkeep.settle_time,
            "lost workflows": Upkeep.restart_lost,
            "notices": Notices.send,
            "seal": Upkeep.seal,
        }
        checked_at = _last_check()
        # Recomputing the whole book takes longer the more there is of it. An attempt that failed counts too.
        if check_due(checked_at, workflow.now()):
            steps["checks"], checked_at = Upkeep.check, workflow.now().isoformat()
        done: dict[str, str] = {}
        for name, activity in steps.items():
            try:
                done[name] = str(await self._do(activity, name))
            except ActivityError as error:
                done[name] = f"failed: {error.cause or error}"[:200]
        workflow.set_current_details("\n".join(f"- {name}: {result}" for name, result in done.items()))
        return {**done, "checked_at": checked_at}

    async def _do(self, activity: Callable[..., Any], summary: str) -> Any:
        return await workflow.execute_activity_method(
            activity, start_to_close_timeout=timedelta(minutes=5), retry_policy=_RETRIES, summary=summary
        )


def _last_check() -> str:
    """When the book was last checked: each run of the schedule hands it on to the next."""
    if not workflow.has_last_completion_result():
        return ""
    return (workflow.get_last_completion_result(dict[str, str]) or {}).get("checked_at", "")
