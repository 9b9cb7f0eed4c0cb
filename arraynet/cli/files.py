"""``arraynet inspect``, ``convert`` and ``fetch``: files of weights, and of data sets."""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import click

import arraynet
from arraynet.cli.commands import Commands
from arraynet.cli.options import NETWORK, Answer, answering, epilog_of, flag, option
from arraynet.errors import clipped, shape_text
from arraynet.formats import inspect as inspect_file
from arraynet.loading import convert as convert_file
from arraynet.progress import Advance, bar
from arraynet.tables import text_table

# What is printed of a file (with --json: all): characters of a name or text, and metadata.
LONGEST, SHOWN = 200, 100


@answering(
    "inspect sample_weight.pkl",
    "inspect network.safetensors --json",
    options=[click.argument("file")],
)
def inspect(file: str) -> Answer:
    """List what is in a file, without loading it.

    FILE is a .safetensors, .npz or .pkl file. Its tensors are named with shape, dtype
    and size, and its graph with its nodes; values are not read, and nothing is run.
    """
    found = inspect_file(file)

    def lines() -> Iterator[str]:
        yield f"{found.file}: {found.format}, {found.file_bytes:,} bytes"
        rows = [
            (tensor.name, tensor.dtype, shape_text(tensor.shape), f"{tensor.bytes:,}")
            for tensor in found.tensors
        ]
        headings = ("tensor", "dtype", "shape", "bytes")
        yield from text_table(headings, rows, right=["bytes"]).split("\n")
        for name, text in itertools.islice(found.metadata.items(), SHOWN):
            yield f"metadata {clipped(name, LONGEST)}: {clipped(text, LONGEST)}"
        if len(found.metadata) > SHOWN:
            yield f"metadata: {len(found.metadata) - SHOWN:,} more"
        for node in found.nodes:
            inputs = ", ".join(name or "-" for name in node.inputs)
            yield clipped(f"node {node.name} = {node.op}({inputs})", LONGEST)
        if not found.nodes:
            yield (
                "no graph: name its activations with --hidden and --output, or its layers with "
                "--layers, when it is used"
            )

    return Answer(found, lines())


@answering(
    "convert sample_weight.pkl network.safetensors \\",
    "    --hidden sigmoid --output softmax",
    "convert params.pkl network.safetensors --layers 'conv, relu, \\",
    "    max_pool 2x2 strides=2, flatten, affine, relu, affine, softmax'",
    "convert network.safetensors network.npz",
    options=[
        click.argument("source", metavar="IN"),
        click.argument("target", metavar="OUT"),
        NETWORK,
    ],
)
def convert(source: str, target: str, **reading: Any) -> Answer:
    """Write a network to .safetensors or .npz, with its graph.

    IN is a .safetensors, .npz or .pkl file; a pickle is read, never executed. OUT is
    written whole or not at all: a file that was there stays until the new one is
    complete. It loads again without --hidden, --output or --layers.
    """
    graph = convert_file(source, target, **reading)
    nodes = [node.name for node in graph.nodes]
    facts = {
        "parameters": sum(weight.size for weight in graph.weights.values()),
        "dtype": graph.dtype,
    }
    return Answer(
        {"file": target, "source": source, "nodes": nodes, **facts},
        [f"{target}: {', '.join(nodes)}; {facts['parameters']:,} parameters of {facts['dtype']}"],
    )


@click.group(cls=Commands, epilog=epilog_of("fetch mnist"))
def fetch() -> None:
    """Download a data set: MNIST."""


@answering(
    "fetch mnist",
    "fetch mnist data/mnist",
    "fetch mnist --offline --json",
    options=[
        click.argument("folder", required=False),
        option(
            "--mirror",
            "Address of a folder with the four files; may be repeated. [default: three mirrors]",
            None,
            "URL",
            multiple=True,
        ),
        flag("--offline", "Connect to nothing: check the files there."),
    ],
)
def mnist(folder: str | None, mirror: tuple[str, ...], offline: bool) -> Answer:
    """Download MNIST's four files, and say where they are.

    They go to FOLDER; without it, to mnist in $ARRAYNET_CACHE, or in your cache folder,
    where 'evaluate', 'plot', 'draw' and load_mnist() look for them. Files that are there
    already stay, and each is checked against its published SHA-256.
    """
    from arraynet.datasets.fetch import MIRRORS

    with _progress() as progress:
        place = arraynet.datasets.fetch_mnist(
            folder, mirrors=mirror or MIRRORS, offline=offline, progress=progress
        )
    if folder is None:
        hint = (
            "try: arraynet evaluate sample_weight.pkl --hidden sigmoid --output softmax "
            "(the book's weights)"
        )
    else:
        images, labels = (
            shlex.quote(str(place / f"t10k-{kind}-ubyte.gz"))
            for kind in ("images-idx3", "labels-idx1")
        )
        hint = f"its test images: --images {images} --labels {labels}"
    files = sorted(path.name for path in place.glob("*-ubyte.gz"))
    return Answer({"folder": place, "files": files}, [f"MNIST is in {place}", hint])


fetch.add_command(mnist)


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """Give a function of the bytes done and in all, which shows a bar."""
    with ExitStack() as stack:
        advance: Advance | None = None
        before: int | None = None

        def report(done: int, total: int) -> None:
            nonlocal advance, before
            if before is None:
                before = 0
                advance = stack.enter_context(bar("downloading", total, "bytes")) if total else None
            if advance is not None:
                advance(done - before)
            before = done

        yield report
