"""``arraynet inspect``: what a file of weights says that it holds."""

from __future__ import annotations

import itertools
from dataclasses import asdict

import click

from arraynet.cli.options import JSON, examples, options
from arraynet.cli.printing import print_json, printable, table
from arraynet.formats import inspect as inspect_file

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
        print_json(asdict(found))
        return
    click.echo(f"{printable(found.file)}: {found.format}, {found.file_bytes:,} bytes")
    rows = [
        (printable(tensor.name), tensor.dtype, str(tensor.shape), f"{tensor.bytes:,}")
        for tensor in found.tensors
    ]
    click.echo(table(("tensor", "dtype", "shape", "bytes"), rows, right=("bytes",)))
    for name, text in itertools.islice(found.metadata.items(), SHOWN):
        click.echo(f"metadata {printable(name)}: {printable(text)}")
    if len(found.metadata) > SHOWN:
        click.echo(f"metadata: {len(found.metadata) - SHOWN:,} more")
    if found.nodes:
        for node in found.nodes:
            inputs = ", ".join(name or "-" for name in node.inputs)
            click.echo(printable(f"node {node.name} = {node.op}({inputs})"))
    else:
        click.echo("no graph: name its activations with --hidden and --output when it is used")
