"""``arraynet summary``, ``evaluate``, ``parity`` and ``doctor``: what works, and how."""

from __future__ import annotations

import warnings
from typing import Any

import click

import arraynet.doctor
from arraynet.cli.commands import Bold
from arraynet.cli.layers import number
from arraynet.cli.options import (
    DTYPE,
    IMAGES,
    LABELLED,
    LIMIT,
    MODEL,
    NETWORK,
    RUN,
    Answer,
    answering,
    backend_name,
    backends_option,
    count,
    option,
)
from arraynet.cli.samples import labelled, name_of, open_network, unlabelled
from arraynet.parity import REFERENCE, compare
from arraynet.progress import bar


@answering(
    "summary", "summary sample_weight.pkl --hidden sigmoid --output softmax", options=[MODEL, RUN]
)
def summary(model: str | None, **reading: Any) -> Answer:
    """Show the layers of MODEL.

    For each: the shape that it gives, its parameters, their bytes, and the
    multiply-adds that one row of input costs.

    MODEL is a .safetensors, .npz or .pkl file; without it, the network that comes
    with arraynet is shown.
    """
    found = open_network(model, **reading).summary()
    return Answer(found, str(found).split("\n"))


@answering(
    "evaluate",
    "evaluate sample_weight.pkl --hidden sigmoid --output softmax",
    "evaluate params.pkl --layers 'conv, relu, max_pool 2x2 strides=2, \\",
    "    flatten, affine, relu, affine, softmax'",
    "evaluate model.safetensors --images x.npy --labels t.npy --backend gpu --json",
    options=[MODEL, LABELLED, RUN, count("--batch-size", "Images at a time.", default=100), LIMIT],
)
def evaluate(model: str | None, batch_size: int, **given: Any) -> Answer:
    """Report how often MODEL is right.

    MODEL is a .safetensors, .npz or .pkl file. Without it, the network that comes
    with arraynet is evaluated on the test images that come with it.

    Without --images and --labels, a MODEL for images of 28 × 28 pixels is evaluated on
    MNIST's test images, which 'arraynet fetch mnist' brings. Integers from 0 to 255 are
    divided by 255 first, unless the network starts with a scale of its own;
    floating-point images are used as they are.
    """
    network, x, t, source = labelled(model, **given)
    with (
        bar("evaluating", len(x), "images") as advance,
        warnings.catch_warnings(action="ignore", category=UserWarning),  # said already
    ):
        result = network.evaluate(x, t, batch_size=batch_size, progress=advance or False)
    name = name_of(model)
    facts = {
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
    return Answer(facts, [f"{name} on {source}:", Bold(str(result))])


@answering(
    "parity --backends cpu,torch",
    "parity sample_weight.pkl --hidden sigmoid --output softmax \\",
    "    --images t10k-images-idx3-ubyte.gz --backends float64,cpu,gpu --tolerance 1e-5",
    options=[
        MODEL,
        IMAGES,
        backends_option(f"cpu,{REFERENCE}"),
        option("--tolerance", "Fail when an output differs by more.", number, "N"),
        NETWORK,
        DTYPE,
        LIMIT,
    ],
)
def parity(model: str | None, backends: list[str], tolerance: float | None, **given: Any) -> Answer:
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
    network, x, source = unlabelled(model, **given)
    report = compare(network, x, backends)
    passed = report.passed(tolerance)
    lines = [f"{name_of(model)} on {source}", *str(report).split("\n")]
    if not passed:
        differs = (
            "labels differ" if report.differing else f"an output differs by more than {tolerance:g}"
        )
        lines.append(f"not passed: {differs}")
    facts = {"model": name_of(model), "images": source, **report.to_dict()}
    return Answer({**facts, "tolerance": tolerance, "passed": passed}, lines, not passed)


@answering(
    "doctor",
    "doctor --backend gpu",
    "doctor --backend cpu --backend torch --json",
    options=[
        option(
            "--backend",
            "Look at this backend alone; may be repeated.",
            backend_name,
            "NAME",
            multiple=True,
        )
    ],
)
def doctor(backend: tuple[str, ...]) -> Answer:
    """Say which backends work here, and how to repair the others.

    For each: PASS or FAIL after a small computation, with version, device and memory,
    or with the line to type. What is not installed is no failure, unless --backend asks
    for it. The exit status is 1 when a backend fails.
    """
    report = arraynet.doctor.report(backend or None)
    lines = arraynet.doctor.format_text(report).split("\n")
    return Answer(report, lines, bool(report["failed"]))
