"""``arraynet evaluate``: how often a network is right."""

from __future__ import annotations

import warnings
from typing import Any

import click

from arraynet.cli.networks import open_network
from arraynet.cli.options import BACKEND, DTYPE, JSON, LIMIT, NETWORK, count, examples, options
from arraynet.cli.printing import print_json, say
from arraynet.cli.samples import LABELLED, check_labelled, labelled
from arraynet.progress import bar


@click.command(
    epilog=examples(
        "arraynet evaluate",
        "arraynet evaluate sample_weight.pkl --hidden sigmoid --output softmax",
        "arraynet evaluate model.safetensors --images x.npy --labels t.npy --backend gpu --json",
    )
)
@click.argument("model", required=False)
@options(
    LABELLED,
    *NETWORK,
    *DTYPE,
    *BACKEND,
    count("--batch-size", "Images at a time.", default=100),
    LIMIT,
    *JSON,
)
def evaluate(
    model: str | None,
    images: str | None,
    labels: str | None,
    batch_size: int,
    limit: int | None,
    as_json: bool,
    **network_options: Any,
) -> None:
    """Report how often MODEL is right.

    MODEL is a .safetensors, .npz or .pkl file. Without it, the network that comes
    with arraynet is evaluated on the test images that come with it.

    Without --images and --labels, a MODEL for images of 28 × 28 pixels is evaluated on
    MNIST's test images, which 'arraynet fetch mnist' brings. Integers from 0 to 255 are
    divided by 255 first, unless the network starts with a scale of its own;
    floating-point images are used as they are.
    """
    check_labelled(images, labels)
    network = open_network(model, **network_options)
    x, t, source = labelled(model, network, images, labels, limit)
    with (
        bar("evaluating", len(x), "images") as advance,
        warnings.catch_warnings(action="ignore", category=UserWarning),  # said already
    ):
        result = network.evaluate(x, t, batch_size=batch_size, progress=advance or False)
    name = model or "the embedded network"
    if as_json:
        print_json(
            {
                "model": name,
                "images": source,
                "accuracy": result.accuracy,
                "correct": result.correct,
                "total": result.total,
                "backend": result.backend,
                "dtype": network.dtype,
                "batch_size": batch_size,
                "confusion_matrix": result.confusion_matrix,
            }
        )
        return
    say(f"{name} on {source}:")
    say(str(result), bold=True)
