"""Every entry × every odd kind of array: computed right, or refused by name on one line."""

from __future__ import annotations

import array
from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from arraynet import Backend, Dense, Network, Scale, metrics, parity, perceptron
from arraynet.errors import ArraynetError, DeviceMismatchError, DtypeError
from arraynet.graph import Graph, Node, Value
from tests.networks import mlp

TABLE = np.array([[0, 1], [1, 0], [0, 1]])
LABELS = np.array([0, 1, 1])

NETWORK = mlp(2, 4, 2)


def library(name: str, function: Callable[[Any, Any], Any]) -> Callable[[Any], Any]:
    """Return a kind of another library's array; the test is skipped without it."""
    return lambda plain: function(pytest.importorskip(name), plain)


def read_only(plain: Any) -> Any:
    copy = plain.copy()
    copy.setflags(write=False)
    return copy


class Convertible:
    """What has no more than the method by which NumPy makes an array of it."""

    def __init__(self, plain: Any) -> None:
        self.plain = plain

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return self.plain.copy()


WHOLE: dict[str, Callable[[Any], Any]] = {
    "a list": lambda plain: plain.tolist(),
    "a tuple of arrays": tuple,
    "int8": lambda plain: plain.astype(np.int8),
    "uint64": lambda plain: plain.astype(np.uint64),
    "bool": lambda plain: plain.astype(bool),
    "the other byte order": lambda plain: plain.astype(plain.dtype.newbyteorder()),
    "read-only": read_only,
    "reversed": lambda plain: plain[::-1].copy()[::-1],
    "with gaps": lambda plain: np.repeat(plain, 2, axis=0)[::2],
    "by columns": np.asfortranarray,
    "an object with __array__": Convertible,
    "a NumPy subclass": lambda plain: plain.view(np.recarray),
    "torch": library("torch", lambda torch, plain: torch.from_numpy(plain.copy())),
    "jax": library("jax.numpy", lambda jnp, plain: jnp.asarray(plain)),
    "array_api_strict": library("array_api_strict", lambda strict, plain: strict.asarray(plain)),
    "pandas": library(
        "pandas", lambda pd, plain: (pd.Series if plain.ndim == 1 else pd.DataFrame)(plain)
    ),
}

FLOATING: dict[str, Callable[[Any], Any]] = {
    "float16": lambda plain: plain.astype(np.float16),
    "float64": lambda plain: plain.astype(np.float64),
    "bfloat16": lambda plain: plain.astype(ml_dtypes.bfloat16),
    "torch of float64": library("torch", lambda torch, plain: torch.from_numpy(plain * 1.0)),
}

REFUSED: dict[str, Callable[[Any], Any]] = {
    "masked": lambda plain: np.ma.masked_equal(plain, 7),
    "a list of masked": lambda plain: [*plain[:2], np.ma.masked_equal(plain[2:], 7)[0:1]],
    "a list with masked": lambda plain: [np.ma.masked, *plain[1:].tolist()],
    "a list of lists with masked": lambda plain: [[np.ma.masked, 1], [0, 1], [1, 0]],
    "float8": lambda plain: plain.astype(ml_dtypes.float8_e4m3fn),
    "int4": lambda plain: plain.astype(ml_dtypes.int4),
    "longdouble": lambda plain: plain.astype(np.longdouble),
    "complex": lambda plain: plain.astype(np.complex64),
    "objects": lambda plain: plain.astype(object),
    "nothing": lambda plain: None,
    "dates": lambda plain: plain.astype("M8[s]"),
    "durations": lambda plain: plain.astype("m8[s]"),
    "structured": lambda plain: plain.astype([(f"field{i}", float) for i in range(99)]),
    "text": lambda plain: plain.astype(str),
    "bytes": lambda plain: plain.astype("S"),
    "a dict": lambda plain: {"another name": plain},
    "a set": lambda plain: {1, 2},
    "rows of different lengths": lambda plain: [[1], [1, 2]],
    "a string": lambda plain: "x" * 10_000,
    "torch with a gradient": library(
        "torch", lambda torch, plain: torch.from_numpy(plain * 1.0).requires_grad_()
    ),
    "torch of bfloat16": library(
        "torch", lambda torch, plain: torch.from_numpy(plain).to(torch.bfloat16)
    ),
    "torch on no device": library(
        "torch", lambda torch, plain: torch.from_numpy(plain).to(device="meta")
    ),
    "on another device": library(
        "array_api_strict",
        lambda strict, plain: strict.asarray(plain, device=strict.Device("device1")),
    ),
}


def graph_weight(x: Any) -> Any:
    nodes = (Node("matmul", ("x", "W"), ("y",)),)
    return Graph((Value("x", ("batch", 3)),), nodes, {"W": x}, ("y",)).validated().weights["W"]


ROWS: dict[str, Callable[[Any], Any]] = {
    "call": lambda x: NETWORK(x),
    "predict": lambda x: NETWORK.predict(x),
    "predict in parts": lambda x: NETWORK.predict(x, batch_size=2),
    "classify": lambda x: NETWORK.classify(x),
    "activations": lambda x: NETWORK.activations(x)["affine1"],
    "evaluate": lambda x: NETWORK.evaluate(x, LABELS).confusion_matrix,
    "compare": lambda x: [float(n.absolute) for n in parity.compare(NETWORK, x).nodes],
    "Dense": lambda x: Dense(x).weight,
    "top_k_accuracy": lambda x: metrics.top_k_accuracy(x, LABELS, 1),
}

LABELLED: dict[str, Callable[[Any], Any]] = {
    "labels_of": metrics.labels_of,
    "accuracy, predicted": lambda x: metrics.accuracy(x, LABELS),
    "accuracy, t": lambda x: metrics.accuracy(LABELS, x),
    "correct_count": lambda x: metrics.correct_count(x, x),
    "confusion_matrix": lambda x: metrics.confusion_matrix(x, LABELS),
    "Evaluation.of": lambda x: metrics.Evaluation.of(LABELS, x).confusion_matrix,
    "top_k_accuracy, t": lambda x: metrics.top_k_accuracy(TABLE, x, 1),
    "evaluate, t": lambda x: NETWORK.evaluate(TABLE, x).confusion_matrix,
}

NUMBERS: dict[str, Callable[[Any], Any]] = {
    "Scale": lambda x: Scale(x).scale,
    "Scale, shift": lambda x: Scale(1.0, x).shift,
    "Dense, b": lambda x: Dense(np.ones((2, 3)), x).bias,
    "perceptron": lambda x: perceptron(x, 0).graph.weights["W1"],
}


@pytest.mark.parametrize("kind", [*WHOLE, "a matrix", *FLOATING])
@pytest.mark.parametrize("entry", list(ROWS))
def test_rows_of_every_kind_are_computed_with_as_they_say(entry: str, kind: str) -> None:
    make = {**WHOLE, **FLOATING, "a matrix": lambda plain: plain.view(np.matrix)}[kind]
    found = ROWS[entry](make(TABLE))
    if kind in ("float16", "bfloat16") and entry in ("Dense", "compare"):
        np.testing.assert_array_equal(np.asarray(found, float), ROWS[entry](TABLE.astype(float)))
    else:
        np.testing.assert_array_equal(found, ROWS[entry](TABLE))
    assert type(found) is not np.matrix


@pytest.mark.parametrize("kind", list(WHOLE))
@pytest.mark.parametrize("entry", [*LABELLED, *NUMBERS])
def test_labels_and_numbers_of_every_kind_are_taken_as_they_say(entry: str, kind: str) -> None:
    call = {**LABELLED, **NUMBERS}[entry]
    np.testing.assert_array_equal(call(WHOLE[kind](LABELS)), call(LABELS))


@pytest.mark.parametrize("kind", list(FLOATING))
@pytest.mark.parametrize("entry", list(LABELLED))
def test_labels_are_whole_numbers(entry: str, kind: str) -> None:
    assert_one_line(DtypeError, LABELLED[entry], FLOATING[kind](LABELS), "expected integer labels")


@pytest.mark.parametrize("kind", list(REFUSED))
@pytest.mark.parametrize("entry", [*ROWS, *LABELLED, *NUMBERS, "a graph's weight"])
def test_what_cannot_be_computed_with_is_refused_by_name(entry: str, kind: str) -> None:
    entries = {**ROWS, **LABELLED, **NUMBERS, "a graph's weight": graph_weight}
    if (entry, kind) == ("Dense, b", "nothing"):
        pytest.skip("no bias is one of zeros")
    plain = LABELS if entry in {**LABELLED, **NUMBERS} else TABLE
    assert_one_line(ArraynetError, entries[entry], REFUSED[kind](plain), "expected")


def assert_one_line(
    error: type[Exception], call: Callable[[Any], Any], argument: Any, said: str
) -> None:
    with pytest.raises(error, match=said) as caught:
        call(argument)
    text = str(caught.value)
    assert len(text.splitlines()) == 1
    assert len(text) < 500
    assert "got " in text


@pytest.mark.parametrize("kind", ["torch", "jax", "array_api_strict"])
def test_an_array_in_the_host_s_memory_comes_in_whatever_its_library(
    kind: str, backend: Backend
) -> None:
    network = mlp(2, 4, 2, backend=backend)
    x = WHOLE[kind](TABLE)
    np.testing.assert_array_equal(network.predict(x), network.predict(TABLE))


def test_a_tensor_is_viewed_and_not_copied() -> None:
    torch = pytest.importorskip("torch")
    from arraynet.admission import host_array

    tensor = torch.zeros(4)
    view = host_array("x", tensor)
    tensor += 1
    assert view.tolist() == [1, 1, 1, 1]


def test_what_a_tensor_lacks_is_said_by_its_own_library() -> None:
    torch = pytest.importorskip("torch")
    with pytest.raises(DeviceMismatchError, match=r"^Dense: W: got Parameter .*detach\(\)"):
        Dense(torch.nn.Linear(2, 3).weight)


def test_sixteen_bit_scores_are_ranked() -> None:
    half: Network = mlp(2, 4, 2).astype("bfloat16")
    scores = half.predict(TABLE)
    exact = scores.astype(float)
    assert metrics.top_k_accuracy(scores, LABELS, 1) == metrics.top_k_accuracy(exact, LABELS, 1)


def test_an_array_of_the_standard_library_is_one_of_numbers() -> None:
    assert metrics.labels_of(array.array("i", [0, 1])).tolist() == [0, 1]
