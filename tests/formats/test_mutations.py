"""Sixty-odd mutations of a valid network: each error names tensor, finding, expectation."""

from __future__ import annotations

import itertools
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from arraynet import LoadError, formats
from arraynet.chains import Chain, graph_from_contents

Arrays = dict[str, np.ndarray[Any, Any]]

SIZES = (4, 5, 6, 3)


def network() -> Arrays:
    chance = np.random.default_rng(1)
    arrays = {}
    for number, (inputs, outputs) in enumerate(itertools.pairwise(SIZES), start=1):
        arrays[f"W{number}"] = chance.standard_normal((inputs, outputs)).astype("f4")
        arrays[f"b{number}"] = chance.standard_normal(outputs).astype("f4")
    return arrays


def save(arrays: Arrays, path: Path) -> None:
    if path.suffix == ".safetensors":
        safetensors.numpy.save_file({k: np.array(a, order="C") for k, a in arrays.items()}, path)
    elif path.suffix == ".npz":
        np.savez(path, **arrays)
    else:
        path.write_bytes(pickle.dumps(arrays))


def load(path: Path) -> Any:
    contents = formats.read(path)
    return graph_from_contents(contents, file=path, chain=Chain("sigmoid", "softmax"))


def with_value(array: np.ndarray[Any, Any], value: float) -> np.ndarray[Any, Any]:
    changed = array.copy()
    changed.flat[-1] = value
    return changed


# What is done to one tensor, and what the error then says was found there.
CHANGES: dict[str, tuple[Callable[[np.ndarray[Any, Any]], np.ndarray[Any, Any]], str]] = {
    "of int32": (lambda a: a.astype("i4"), "dtype int32"),
    "of uint8": (lambda a: a.astype("u1"), "dtype uint8"),
    "of bool": (lambda a: a > 0, "dtype bool"),
    "of complex64": (lambda a: a.astype("c8"), "dtype complex64"),
    "of float64": (lambda a: a.astype("f8"), "dtype float"),
    "of float16": (lambda a: a.astype("f2"), "dtype float"),
    "with NaN": (lambda a: with_value(a, np.nan), "nan at index"),
    "with inf": (lambda a: with_value(a, np.inf), "inf at index"),
    "with -inf": (lambda a: with_value(a, -np.inf), "-inf at index"),
    "with two more axes": (lambda a: a[np.newaxis, np.newaxis], "shape (1, "),
    "with three more axes": (lambda a: a[np.newaxis, np.newaxis, np.newaxis], "shape (1, 1, 1, "),
    "without axes": (lambda a: a.reshape(-1)[0], "shape ()"),
    "one longer in its last axis": (
        lambda a: np.concatenate([a, a[..., :1]], axis=-1), ""
    ),
    "one shorter in its last axis": (lambda a: a[..., :-1], ""),
    "empty": (lambda a: a[..., :0], "shape ("),
}  # fmt: skip

MATRIX_CHANGES: dict[str, tuple[Callable[[np.ndarray[Any, Any]], np.ndarray[Any, Any]], str]] = {
    "transposed": (lambda a: a.T, ""),
    "of four axes": (lambda a: a[..., np.newaxis, np.newaxis], "a convolution's weight of shape"),
}


def mutations() -> Iterator[tuple[str, str, Arrays, str]]:
    """Yield what was done, the tensor it was done to, all tensors, and what is found."""
    good = network()
    for name, array in good.items():
        changes = CHANGES | (MATRIX_CHANGES if array.ndim == 2 else {})
        for what, (change, found) in changes.items():
            yield f"{name} {what}", name, good | {name: np.asarray(change(array))}, found
        rest = {other: values for other, values in good.items() if other != name}
        yield f"{name} missing", name, rest, "no tensor of that name"
        renamed = {("X1" if other == name else other): v for other, v in good.items()}
        yield f"{name} renamed", "X1", renamed, "a tensor of no layer"
    for name in ("W4", "b4", "W9", "b0"):
        yield f"{name} extra", name, good | {name: np.ones((3, 3), "f4")}, "no tensor of that name"
    for number in (1, 2):
        kept = {other: t for other, t in good.items() if other[1:] != str(number)}
        yield f"layer {number} missing", f"W{number}", kept, "no tensor of that name"
    for name in ("x", "w1", "W1 ", "W-1", "W1.5", "W\u0661", "fc", "weight.0", "W1b"):
        yield f"{name!a} extra", name, good | {name: np.ones(3, "f4")}, "a tensor of no layer"
    for name in ("0.weight", "W", "l0/W", "dense/kernel:0"):
        yield f"{name} extra", name, good | {name: good["W1"]}, "names of two kinds"


CASES = list(mutations())


def test_there_are_enough() -> None:
    print(f"{len(CASES)} mutations")
    assert len(CASES) >= 60


@pytest.mark.parametrize("suffix", [".safetensors", ".npz", ".pkl"])
def test_the_network_itself_loads(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"net{suffix}"
    save(network(), path)
    assert load(path).shapes["softmax1"] == ("batch", 3)


@pytest.mark.parametrize("suffix", [".safetensors", ".npz", ".pkl"])
@pytest.mark.parametrize("case", CASES, ids=[case[0] for case in CASES])
def test_mutations(case: tuple[str, str, Arrays, str], suffix: str, tmp_path: Path) -> None:
    _, name, arrays, found = case
    path = tmp_path / f"net{suffix}"
    save(arrays, path)
    with pytest.raises(LoadError) as caught:
        load(path)
    error = caught.value
    assert error.file == str(path)
    assert error.member is not None
    assert name in str(error).replace(str(path), "")
    assert found in error.found
    assert error.found
    assert error.expected
    assert str(error) == f"{path}: {error.member}: got {error.found}, expected {error.expected}"
