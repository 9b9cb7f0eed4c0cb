"""``arraynet doctor``: what works on this machine."""

from __future__ import annotations

import click

import arraynet.doctor
from arraynet.cli.options import JSON, examples, options
from arraynet.cli.printing import print_json


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
        multiple=True,
        metavar="NAME",
        help="Look at this backend alone, and fail if it does; may be repeated.",
    ),
    *JSON,
)
def doctor(backends: tuple[str, ...], as_json: bool) -> None:
    """Say which backends work here, and how to repair the others.

    For each: PASS or FAIL after a small computation, with version, device and memory,
    or with the line to type. The exit status is 1 when a backend that was asked for
    with --backend fails.
    """
    report = arraynet.doctor.report(backends or None)
    if as_json:
        print_json(report)
    else:
        click.echo(arraynet.doctor.format_text(report))
    if backends and report["failed"]:
        raise click.exceptions.Exit(1)
