"""What the refusals of this room share: they keep their sentence on the way between processes."""

import copyreg
from typing import Any


class DocumentRefused(Exception):
    """A form that cannot be made, with one sentence that says why and what to do."""

    def __reduce__(self) -> tuple[Any, ...]:
        # Pickle would call __init__ with the finished sentence.
        return copyreg.__newobj__, (type(self), *self.args)  # type: ignore[attr-defined]
