"""The command `prepay`. The application runs from its checkout; the published package is the client only."""

import importlib
import sys
from pathlib import Path

CLIENT_ONLY = (
    "This package is Prepay's client only: the application is run from its checkout or its image,"
    " where `prepay` does the rest."
)


def checkout() -> Path | None:
    """The folder of the application, when this file lies in it. Never a folder of somebody else's modules."""
    root = Path(__file__).resolve().parent.parent
    project = root / "pyproject.toml"
    if not (root / "worker.py").is_file() or not (root / "cli" / "__init__.py").is_file():
        return None
    return root if project.is_file() and '\nname = "prepay"\n' in project.read_text() else None


def main() -> None:
    """Hand over to the application's command line."""
    root = checkout()
    if root is None:
        sys.exit(CLIENT_ONLY)
    sys.path.insert(0, str(root))
    importlib.import_module("cli").main()
