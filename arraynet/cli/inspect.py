"""``arraynet inspect``: what a file of weights says that it holds."""

from __future__ import annotations

import itertools

import click

from arraynet.cli.options import JSON, examples, options
from arraynet.cli.printing import print_json, say
from arraynet.errors import clipped, shape_text
from arraynet.formats import inspect as inspect_file
from arraynet.tables import text_table

LONGEST = 200
"""Most characters of a name or a text of the file that are printed (with --json: all)."""

SHOWN = 100
"""Most entries of the metadata that are printed (with --json: all)."""


@click.command(
    epilog=examples(
        "arraynet inspect sample_weight.pkl", "arraynet inspect network.safetensors --json"
    )
)
@click.argument("file")
@options(*JSON)
def inspect(file: str, as_json: bool) -> None:
    """List what is in a file, without loading it.

    FILE is a .safetensors, .npz or .pkl file. Its tensors are named with shape, dtype
    and size, and its graph with its nodes; values are not read, and nothing is run.
    """
    found = inspect_file(file)
    if as_json:
        print_json(found)
        return
    rows = [
        (tensor.name, tensor.dtype, shape_text(tensor.shape), f"{tensor.bytes:,}")
        for tensor in found.tensors
    ]
    metadata = [
        f"metadata {clipped(name, LONGEST)}: {clipped(text, LONGEST)}"
        for name, text in itertools.islice(found.metadata.items(), SHOWN)
    ]
    if len(found.metadata) > SHOWN:
        metadata.append(f"metadata: {len(found.metadata) - SHOWN:,} more")
    nodes = [
        f"node {node.name} = {node.op}({', '.join(name or '-' for name in node.inputs)})"
        for node in found.nodes
    ] or ["no graph: name its activations with --hidden and --output when it is used"]
    say(
        f"{found.file}: {found.format}, {found.file_bytes:,} bytes",
        *text_table(("tensor", "dtype", "shape", "bytes"), rows, right=["bytes"]).split("\n"),
        *metadata,
        *(clipped(node, LONGEST) for node in nodes),
    )
