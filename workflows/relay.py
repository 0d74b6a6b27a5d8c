"""The relay: rings the workflows that the outbox names, for all who write doorbells."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.outbox import Outbox

_RETRIES = RetryPolicy(initial_interval=timedelta(milliseconds=500), maximum_interval=timedelta(seconds=10))


@workflow.defn(name="Relay")
class Relay:
    """One activity that rings for an hour; the schedule `relay` starts the next run."""

    @workflow.run
    async def run(self) -> None:
        """Ring until the hour is over."""
        workflow.set_current_details(
            "Rings workflows whose rows have changed. Nothing to do here for an operator."
        )
        await workflow.execute_activity_method(
            Outbox.ring,
            start_to_close_timeout=timedelta(minutes=61),
            heartbeat_timeout=timedelta(seconds=5),
            retry_policy=_RETRIES,
            summary="ring what the outbox names",
        )
