"""``arraynet predict``: what a network sees in images."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from arraynet.classification import checked_classes
from arraynet.cli.options import LIMIT, RUN, Answer, answering, count, flag
from arraynet.cli.samples import doubt_ink, fitted, in_range, in_shape, open_network, unit_of
from arraynet.datasets.images import read_images
from arraynet.datasets.preprocess import PREPARATIONS
from arraynet.errors import DtypeError
from arraynet.graph import HostArray
from arraynet.labels import class_scores, labels_from_scores
from arraynet.progress import bar
from arraynet.scaling import BYTE, largest

if TYPE_CHECKING:
    from arraynet.network import Network


@answering(
    "predict digits images.npy",
    "predict sample_weight.pkl t10k-images-idx3-ubyte.gz \\",
    "    --hidden sigmoid --output softmax --limit 10",
    "predict digits photo.jpg --fit --invert",
    options=[
        click.argument("model"),
        click.argument("file"),
        RUN,
        count("--batch-size", "Images at a time."),
        LIMIT,
        count("--top", "How many classes to name for each image.", default=3),
        flag("--invert", "Dark on light: turn bytes b into 255 - b first."),
        flag("--fit", "Resize and centre drawings, as 'arraynet draw' does."),
    ],
)
def predict(
    model: str,
    file: str,
    batch_size: int | None,
    limit: int | None,
    top: int,
    invert: bool,
    fit: bool,
    **reading: Any,
) -> Answer:
    """Print the label and probabilities of each image.

    MODEL is a .safetensors, .npz or .pkl file, or 'digits', the network that comes
    with arraynet. FILE is IDX (.gz or not), .npy, or one PNG, JPEG, BMP or WebP picture
    (with Pillow), of the size that the network takes, or of any with --fit. Integers
    from 0 to 255 are divided by 255 first, unless the network starts with a scale of its
    own. Transparent parts of a picture are dark, and light with --invert.
    """
    network = open_network(model, **reading)
    checked_classes(network.graph, "predict", rank=2)
    images = _images(file, network, unit_of(model), limit, invert, fit)
    with bar("predicting", len(images), "images") as advance:
        scores = network.predict(images, batch_size=batch_size, progress=advance or False)
    kind = "probabilities" if network.gives_probabilities else "outputs"
    labels, scores = labels_from_scores(scores).tolist(), class_scores(scores)
    facts = {"model": model, "images": file, "backend": network.backend.name}
    rows = list(enumerate(zip(labels, scores, strict=True)))
    answers = [{"index": index, "label": label, kind: row} for index, (label, row) in rows]
    lines = (_line(index, label, row, top, kind) for index, (label, row) in rows)
    return Answer({**facts, "predictions": answers}, lines)


def _images(
    file: str, network: Network, unit: int, limit: int | None, invert: bool, fit: bool
) -> HostArray:
    """Return a file's images as the network takes them, dark and light as it takes them."""
    found = read_images(file, ground=BYTE if invert else 0)
    if invert and found.dtype != np.uint8:
        raise DtypeError(f"{file}: got {found.dtype} with --invert, expected images of bytes")
    most = BYTE if invert else largest(found)
    shown = found[:limit] if found.ndim > 2 else found
    doubt_ink(shown, file, invert)
    if fit:
        images, most = fitted(BYTE - shown if invert else shown, network, file)
        return in_range(in_shape(images, network, file, limit), network, file, most, most)
    inputs = math.prod(size for size in network.input_shape[1:] if isinstance(size, int))
    advice = " (--fit resizes and centres drawings)" if inputs in PREPARATIONS else ""
    images = in_shape(found, network, file, limit, advice)
    return in_range(BYTE - images if invert else images, network, file, most, unit)


def _line(index: int, label: int, row: HostArray, top: int, kind: str) -> str:
    """Return one image's label and its best classes as text."""
    if label < 0:
        return f"{index:>6}  no answer: the {kind} hold NaN"
    best = np.argsort(-row, kind="stable")[:top]
    form = "{}: {:.2%}" if kind == "probabilities" else "{}: {:.6g}"
    named = "   ".join(form.format(position, float(row[position])) for position in best)
    return f"{index:>6}  {label:>3}   {named}"
