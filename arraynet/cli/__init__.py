"""The command ``arraynet`` (extra ``cli``): one file a subcommand."""

from __future__ import annotations

import sys

NEEDED = ("click", "rich")


def main() -> None:
    """Run the command, or say what it needs to be installed."""
    try:
        import rich  # noqa: F401 (the subcommands import it when they print)

        from arraynet.cli.group import commands
    except ModuleNotFoundError as error:
        if error.name not in NEEDED:
            raise
        sys.exit(
            f"arraynet: the command needs {' and '.join(NEEDED)} "
            f'(python -m pip install "arraynet[cli]"; in a clone: ".[cli]")'
        )
    commands(prog_name="arraynet")
