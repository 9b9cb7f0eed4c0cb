"""``arraynet predict``: what a network sees in images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
import numpy as np

from arraynet.cli.images import HostArray, axes, in_range, in_shape
from arraynet.cli.networks import open_network
from arraynet.cli.options import BACKEND, BATCH_SIZE, DTYPE, JSON, LIMIT, NETWORK, examples, options
from arraynet.cli.printing import print_json, say
from arraynet.datasets.images import read_images
from arraynet.errors import DtypeError, ShapeError
from arraynet.labels import labels_from_scores
from arraynet.ops import OPS
from arraynet.progress import bar

if TYPE_CHECKING:
    from arraynet.graph import Graph
    from arraynet.network import Network


@click.command(
    epilog=examples(
        "arraynet predict digits images.npy",
        "arraynet predict sample_weight.pkl t10k-images-idx3-ubyte.gz \\",
        "    --hidden sigmoid --output softmax --limit 10",
        "arraynet predict model.safetensors seven.png --invert --json",
    )
)
@click.argument("model")
@click.argument("file")
@options(
    *NETWORK,
    *DTYPE,
    *BACKEND,
    BATCH_SIZE,
    LIMIT,
    click.option(
        "--top",
        type=click.IntRange(min=1),
        default=3,
        show_default=True,
        metavar="N",
        help="How many classes to name for each image.",
    ),
    click.option("--invert", is_flag=True, help="Dark on light: turn bytes b into 255 - b first."),
    *JSON,
)
def predict(
    model: str,
    file: str,
    batch_size: int | None,
    limit: int | None,
    top: int,
    invert: bool,
    as_json: bool,
    **network_options: Any,
) -> None:
    """Print the label and probabilities of each image.

    MODEL is a .safetensors, .npz or .pkl file, or 'digits', the network that comes
    with arraynet. FILE is IDX (.gz or not), .npy, or one PNG (with Pillow), which
    must have the size that the network takes. Bytes are divided by 255 first, unless
    the network starts with a scale of its own.
    """
    network = open_network(model, **network_options)
    _check_classes(network)
    images = in_shape(read_images(file), network, file, limit)
    images = in_range(_inverted(images, file) if invert else images, network)
    with bar("predicting", len(images), "images") as advance:
        scores = network.predict(images, batch_size=batch_size, progress=advance or False)
    kind = "probabilities" if _gives_probabilities(network.graph) else "outputs"
    labels = labels_from_scores(scores)
    if as_json:
        rows = [
            {"index": index, "label": label, kind: row}
            for index, (label, row) in enumerate(zip(labels.tolist(), scores, strict=True))
        ]
        print_json(
            {"model": model, "images": file, "backend": network.backend.name, "predictions": rows}
        )
        return
    answers = zip(labels.tolist(), scores, strict=True)
    say(*(_line(index, label, row, top, kind) for index, (label, row) in enumerate(answers)))


def _check_classes(network: Network) -> None:
    """Refuse a network whose output is not one row of scores for each example."""
    match network.output_shape:
        case (batch, int()) if batch == network.input_shape[0]:
            return
    raise ShapeError(
        f"predict: got a network from {axes(network.input_shape)} to "
        f"{axes(network.output_shape)}, expected one from (batch, features) to (batch, classes)"
    )


def _inverted(images: HostArray, path: str) -> HostArray:
    """Return images of bytes with light and dark exchanged."""
    if images.dtype != np.uint8:
        raise DtypeError(f"{path}: got {images.dtype} with --invert, expected images of bytes")
    return 255 - images


def _gives_probabilities(graph: Graph) -> bool:
    """Return whether every output is from 0 to 1, whatever the input."""
    node = graph.producers.get(graph.outputs[0])
    return node is not None and OPS[node.op].bounds == (0, 1)


def _line(index: int, label: int, row: HostArray, top: int, kind: str) -> str:
    """Return one image's label and its best classes as text."""
    if label < 0:
        return f"{index:>6}  no answer: the {kind} hold NaN"
    best = np.argsort(-row, kind="stable")[:top]
    form = "{}: {:.2%}" if kind == "probabilities" else "{}: {:.6g}"
    named = "   ".join(form.format(position, float(row[position])) for position in best)
    return f"{index:>6}  {label:>3}   {named}"
