"""``arraynet summary``: what is inside a network."""

from __future__ import annotations

from typing import Any

import click

from arraynet.cli.networks import open_network
from arraynet.cli.options import BACKEND, DTYPE, JSON, NETWORK, examples, options
from arraynet.cli.printing import print_json, say


@click.command(
    epilog=examples(
        "arraynet summary",
        "arraynet summary sample_weight.pkl --hidden sigmoid --output softmax",
    )
)
@click.argument("model", required=False)
@options(*NETWORK, *DTYPE, *BACKEND, *JSON)
def summary(model: str | None, as_json: bool, **network_options: Any) -> None:
    """Show the layers of MODEL.

    For each: the shape that it gives, its parameters, their bytes, and the
    multiply-adds that one row of input costs.

    MODEL is a .safetensors, .npz or .pkl file; without it, the network that comes
    with arraynet is shown.
    """
    network = open_network(model, **network_options)
    if as_json:
        print_json(network.summary().to_dict())
    else:
        say(*str(network.summary()).split("\n"))
