"""What the lifecycles are compared with. A module of its own: the sandbox imports it for each run."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import bench.waiting


@workflow.defn(name="Empty")
class Empty:
    """The least that a lifecycle can be: it waits for one signal."""

    def __init__(self) -> None:
        self._rung = False

    @workflow.run
    async def run(self) -> None:
        """Wait."""
        bench.waiting.another()
        await workflow.wait_condition(lambda: self._rung)

    @workflow.signal
    def ring(self) -> None:
        """Go on."""
        self._rung = True
