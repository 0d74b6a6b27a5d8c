"""The sandbox that workflows run in: the SDK's own, without what it does again for each run.

Its rules stay as they are. It imports the workflow's module anew for each run, which here reads no file, and it is
entered only to run: together a fifth of what a worker does for a deposit (`prepay bench lifecycles`).
"""

import pkgutil
import sys
from collections.abc import Sequence
from copy import copy
from functools import cache
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import find_spec
from types import CodeType, ModuleType
from typing import Any

from temporalio.converter import StorageDriverStoreContext
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions
from temporalio.workflow import Info

import workflows

# Rooms without state of a run, and libraries of which the same is true. Tables alone would cost 0.3 s a run.
PASSED_THROUGH = (
    "activities",
    "bankfiles",
    "documents",
    "ledger",
    "migrations",
    "models",
    "prepay",
    "rules",
    "settings",
    "workflows.operator",
    "workflows.steps",
    "holidays",
    "iso4217",
)

_tried: set[type] = set()


def workflow_runner() -> SandboxedWorkflowRunner:
    """What workers and replays run workflows with."""
    _read_once(workflows)
    return _Sandbox(restrictions=SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH))


class _Sandbox(SandboxedWorkflowRunner):
    def prepare_workflow(self, defn: Any) -> None:
        """A trial run, for each worker that starts: whose module may be loaded here once, may be again."""
        if defn.cls not in _tried:
            super().prepare_workflow(defn)
            _tried.add(defn.cls)

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        return _ContextFree(super().create_instance(det))


class _ContextFree(WorkflowInstance):
    """A workflow in its sandbox, asked only to run.

    For each payload the SDK would enter the sandbox up to three times, to ask in which context to encode it.
    Prepay's converter is the same in every context.
    """

    def __init__(self, inner: WorkflowInstance) -> None:
        self._inner = inner

    def activate(self, act: Any) -> Any:
        return self._inner.activate(act)

    def get_info(self) -> Info:
        return self._inner.get_info()

    def get_thread_id(self) -> int | None:
        return self._inner.get_thread_id()

    def get_serialization_context(self, command_info: Any) -> None:
        return None

    def get_external_store_context(self, command_info: Any) -> StorageDriverStoreContext:
        return StorageDriverStoreContext(target=None)


@cache
def _read_once(package: ModuleType) -> None:
    """From now on the modules of the package are found and compiled in memory."""
    inside = pkgutil.iter_modules(package.__path__, f"{package.__name__}.")
    specs = {}
    for name in (package.__name__, *(module.name for module in inside)):
        spec = find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        spec.loader = _Kept(name, spec.origin)
        specs[name] = spec
    sys.meta_path.insert(0, _Finder(specs))


class _Kept(SourceFileLoader):
    """Loads a module again and again, from the code that it had the first time."""

    _code: CodeType | None = None

    def get_code(self, fullname: str) -> CodeType | None:
        if self._code is None:
            self._code = super().get_code(fullname)
        return self._code


class _Finder:
    def __init__(self, specs: dict[str, ModuleSpec]) -> None:
        self._specs = specs

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        known = self._specs.get(name)
        # Import marks a spec while it loads, and runs load at the same time.
        return copy(known) if known else None
