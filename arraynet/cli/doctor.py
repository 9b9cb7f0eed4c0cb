"""``arraynet doctor``: what works on this machine."""

from __future__ import annotations

import click

import arraynet.doctor
from arraynet.cli.options import JSON, backend_name, examples, options
from arraynet.cli.printing import print_json, say


@click.command(
    epilog=examples(
        "arraynet doctor",
        "arraynet doctor --backend gpu",
        "arraynet doctor --backend cpu --backend torch --json",
    )
)
@options(
    click.option(
        "--backend",
        "backends",
        type=backend_name,
        multiple=True,
        metavar="NAME",
        help="Look at this backend alone; may be repeated.",
    ),
    *JSON,
)
def doctor(backends: tuple[str, ...], as_json: bool) -> None:
    """Say which backends work here, and how to repair the others.

    For each: PASS or FAIL after a small computation, with version, device and memory,
    or with the line to type. What is not installed is no failure, unless --backend asks
    for it. The exit status is 1 when a backend fails.
    """
    report = arraynet.doctor.report(backends or None)
    if as_json:
        print_json(report)
    else:
        say(*arraynet.doctor.format_text(report).split("\n"))
    if report["failed"]:
        raise click.exceptions.Exit(1)
