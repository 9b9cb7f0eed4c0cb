"""``arraynet convert``: a file of weights becomes one that is a whole network."""

from __future__ import annotations

from typing import Any

import click

from arraynet.cli.options import JSON, NETWORK, examples, options
from arraynet.cli.printing import print_json, say
from arraynet.loading import convert as convert_file


@click.command(
    epilog=examples(
        "arraynet convert sample_weight.pkl network.safetensors \\",
        "    --hidden sigmoid --output softmax",
        "arraynet convert network.safetensors network.npz",
    )
)
@click.argument("source", metavar="IN")
@click.argument("target", metavar="OUT")
@options(*NETWORK, *JSON)
def convert(source: str, target: str, as_json: bool, **reading: Any) -> None:
    """Write a network to .safetensors or .npz, with its graph.

    IN is a .safetensors, .npz or .pkl file; a pickle is read, never executed. OUT is
    written whole or not at all: a file that was there stays until the new one is
    complete. It loads again without --hidden and --output.
    """
    graph = convert_file(source, target, **reading)
    parameters = sum(weight.size for weight in graph.weights.values())
    if as_json:
        print_json(
            {
                "file": target,
                "source": source,
                "nodes": [node.name for node in graph.nodes],
                "parameters": parameters,
                "dtype": graph.dtype,
            }
        )
    else:
        nodes = ", ".join(node.name for node in graph.nodes)
        say(f"{target}: {nodes}; {parameters:,} parameters of {graph.dtype}")
