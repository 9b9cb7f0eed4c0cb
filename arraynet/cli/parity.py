"""``arraynet parity``: how far backends differ, node by node."""

from __future__ import annotations

from typing import Any

import click

from arraynet.cli.networks import open_network
from arraynet.cli.options import (
    DTYPE,
    JSON,
    LIMIT,
    NETWORK,
    backends_option,
    examples,
    number,
    options,
)
from arraynet.cli.printing import print_json, say
from arraynet.cli.samples import IMAGES, unlabelled
from arraynet.parity import REFERENCE, compare


@click.command(
    epilog=examples(
        "arraynet parity --backends cpu,torch",
        "arraynet parity sample_weight.pkl --hidden sigmoid --output softmax \\",
        "    --images t10k-images-idx3-ubyte.gz --backends float64,cpu,gpu --tolerance 1e-5",
    )
)
@click.argument("model", required=False)
@options(
    IMAGES,
    backends_option(f"cpu,{REFERENCE}"),
    click.option(
        "--tolerance",
        type=number,
        metavar="N",
        help="Fail when an output differs by more.",
    ),
    *NETWORK,
    *DTYPE,
    LIMIT,
    *JSON,
)
def parity(
    model: str | None,
    images: str | None,
    backends: list[str],
    tolerance: float | None,
    limit: int | None,
    as_json: bool,
    **network_options: Any,
) -> None:
    """Run MODEL on several backends and show how far they differ.

    For each node and the output: the largest absolute and relative difference over all
    images, and that in units of the last place. The exit status is 1 when a label
    differs, or an output by more than the tolerance.

    MODEL is a .safetensors, .npz or .pkl file; without it, the network that comes with
    arraynet runs on the test images that come with it. A MODEL without --images gets
    random rows from 0 to 1. The backend 'float64' is NumPy in that precision.
    """
    if tolerance is not None and tolerance < 0:
        raise click.BadParameter(f"{tolerance:g} is below 0.", param_hint="--tolerance")
    network = open_network(model, **network_options)
    x, source = unlabelled(model, network, images)
    report = compare(network, x[:limit], backends)
    name = model or "the embedded network"
    passed = report.passed(tolerance)
    if as_json:
        verdict = {"tolerance": tolerance, "passed": passed}
        print_json({"model": name, "images": source, **report.to_dict(), **verdict})
    else:
        say(f"{name} on {source}", *str(report).split("\n"))
        if not passed:
            reason = (
                "labels differ"
                if report.differing
                else f"an output differs by more than {tolerance:g}"
            )
            say(f"not passed: {reason}")
    if not passed:
        raise click.exceptions.Exit(1)
