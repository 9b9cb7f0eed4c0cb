"""The command ``arraynet`` (extra ``cli``)."""

from __future__ import annotations

INTERRUPTED = 130  # the exit status after Ctrl-C: 128, and the number of the signal

try:
    import os
    import signal
    import sys
    import warnings
except KeyboardInterrupt:
    raise SystemExit(INTERRUPTED) from None

NEEDED = ("click", "rich")


def main() -> None:
    """Run the command, or say what it needs to be installed."""
    # Under nohup, and in the background of a script, Ctrl-C is not for this process.
    heeded = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if heeded:
        signal.signal(signal.SIGINT, _end)
    try:
        import rich  # noqa: F401 (the subcommands import it when they print)

        from arraynet.cli.commands import warn
        from arraynet.cli.group import commands
    except ModuleNotFoundError as error:
        if error.name not in NEEDED:
            raise
        sys.exit(
            f"arraynet: the command needs {' and '.join(NEEDED)} "
            f'(python -m pip install "arraynet[cli]"; in a clone: ".[cli]")'
        )
    if not sys.warnoptions:  # else somebody wants to see them
        warnings.simplefilter("ignore")
        warnings.filterwarnings("always", category=UserWarning, module="arraynet")
        warnings.showwarning = warn  # type: ignore[assignment]
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # × and → on a terminal without them
    try:
        if heeded:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        commands(prog_name="arraynet")
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    finally:
        if heeded:
            signal.signal(signal.SIGINT, _end)


def _end(*signalled: object) -> None:
    """End at once: libraries that are being imported, or let go, lose or print the exception."""
    os._exit(INTERRUPTED)
