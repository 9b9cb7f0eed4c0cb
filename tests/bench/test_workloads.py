"""Every process sees the same networks and the same batches."""

from __future__ import annotations

import itertools
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest

from bench.networks import layers_of
from bench.process import ROOT
from bench.workloads import SLOW, WORKLOADS, chosen, inputs_of

CHECKSUM = """
import zlib
from bench.networks import layers_of
from bench.workloads import WORKLOADS, inputs_of
layers = layers_of("mixed")
found = zlib.crc32(inputs_of(WORKLOADS["mixed-100"], layers))
for layer in layers:
    found = zlib.crc32(layer.bias, zlib.crc32(layer.weight, found))
print(found)
"""


def test_another_process_makes_the_same_numbers() -> None:
    layers = layers_of("mixed")
    wanted = zlib.crc32(inputs_of(WORKLOADS["mixed-100"], layers))
    for layer in layers:
        wanted = zlib.crc32(layer.bias, zlib.crc32(layer.weight, wanted))
    done = subprocess.run(
        [sys.executable, "-c", CHECKSUM], capture_output=True, check=True, cwd=ROOT, text=True
    )
    assert int(done.stdout) == wanted


def test_batches_of_different_sizes_are_different() -> None:
    layers = layers_of("mixed")
    one, hundred = (inputs_of(WORKLOADS[f"mixed-{n}"], layers) for n in (1, 100))
    assert one.shape == (1, 64)
    assert hundred.shape == (100, 64)
    assert not np.array_equal(one, hundred[:1])


def test_inputs_are_pixels() -> None:
    layers = layers_of("mnist")
    floats = inputs_of(WORKLOADS["mnist-100"], layers)
    assert floats.dtype == np.float32
    assert 0.0 <= floats.min() < 0.01
    assert 0.99 < floats.max() <= 1.0
    workload = WORKLOADS["mnist-10000-uint8"]
    pixels = inputs_of(workload, layers)
    assert (pixels.dtype, pixels.shape) == (np.uint8, (10_000, 784))
    assert (pixels.min(), pixels.max()) == (0, 255)


@pytest.mark.parametrize(
    ("network", "sizes"),
    [
        ("mnist", [784, 50, 100, 10]),
        ("wide", [4096, 4096, 4096, 1000]),
        ("mixed", [64, 96, 80, 64, 64, 48, 32, 3]),
        ("width-16", [784, 16, 16, 10]),
    ],
)
def test_networks_have_their_sizes(
    network: str, sizes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ARRAYNET_TEST_DATA", raising=False)
    layers = layers_of(network)
    assert [layers[0].weight.shape[0], *(layer.bias.size for layer in layers)] == sizes
    assert all(layer.weight.dtype == layer.bias.dtype == np.float32 for layer in layers)
    assert all(
        layer.weight.shape == shape
        for layer, shape in zip(layers, itertools.pairwise(sizes), strict=True)
    )


def test_the_mixed_network_has_seven_layers_three_classes_and_many_activations() -> None:
    layers = layers_of("mixed")
    assert (len(layers), layers[-1].bias.size) == (7, 3)
    assert len({layer.activation for layer in layers}) == 6


def test_the_book_has_other_weights(test_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    book = layers_of("mnist")
    monkeypatch.delenv("ARRAYNET_TEST_DATA")
    random = layers_of("mnist")
    assert [a.weight.shape for a in book] == [b.weight.shape for b in random]
    assert not np.array_equal(book[0].weight, random[0].weight)


def test_workloads_are_chosen_by_name() -> None:
    assert [w.name for w in chosen(["wide-*", "mnist-1"])] == ["mnist-1", "wide-1", "wide-256"]
    with pytest.raises(ValueError, match="got 'narrow', expected some of mnist-1"):
        chosen(["mnist-1", "narrow"])


def test_quick_leaves_out_the_slow_ones_unless_they_are_named() -> None:
    assert len(chosen([])) == len(WORKLOADS)
    assert {w.name for w in chosen([])} - {w.name for w in chosen([], quick=True)} == SLOW
    assert [w.name for w in chosen(["width-4096"], quick=True)] == ["width-4096"]


def test_the_curves_have_the_ends_that_were_asked_for() -> None:
    batches = [w.rows for w in WORKLOADS.values() if w.curve == "batch"]
    assert (min(batches), max(batches)) == (1, 100_000)
    widths = [w.place for w in WORKLOADS.values() if w.curve == "width"]
    assert widths == sorted(widths)
    assert max(widths) == 4096
