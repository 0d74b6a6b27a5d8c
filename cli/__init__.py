"""The `prepay` command."""

import sys


def main() -> None:
    """Run a command; a refusal is one sentence on standard error and exit code 1."""
    # Imported here: `prepay --help` should not wait for libraries that it does not use.
    from cli.app import app
    from cli.output import explain

    try:
        app()
    except Exception as error:
        sentence = explain(error)
        if sentence is None:
            raise
        print(f"prepay: {sentence}", file=sys.stderr)
        sys.exit(1)
