"""Bad input gives one clear error and changes nothing; an empty batch gives an empty result."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import arraynet
from arraynet import Backend, Network, Sequential, get_backend
from arraynet.errors import (
    ArraynetError,
    BackendUnavailableError,
    DeviceMismatchError,
    DtypeError,
    GraphError,
    ShapeError,
)
from tests.networks import dense, mlp, normal

GOOD = normal(4, 6)

CALLS: dict[str, Any] = {
    "call": lambda network, x: network(x),
    "predict": lambda network, x: network.predict(x),
    "predict in batches": lambda network, x: network.predict(x, batch_size=3),
    "classify": lambda network, x: network.classify(x),
    "activations": lambda network, x: network.activations(x),
    "evaluate": lambda network, x: network.evaluate(x, np.zeros(4, int)),
}

SHAPES: dict[str, tuple[Any, str]] = {
    "too few features": (GOOD[:, :5], r"input: got shape \(4, 5\), expected \(batch, 6\)"),
    "too many features": (np.zeros((4, 7), "f4"), r"got shape \(4, 7\), expected \(batch, 6\)"),
    "one example alone": (GOOD[0], r"got shape \(6,\), .*for one example, pass x\[None, :\]"),
    "a vector": (np.zeros(5, "f4"), r"got shape \(5,\), expected \(batch, 6\)"),
    "images": (np.zeros((4, 2, 3), "f4"), r"flatten each image: x.reshape\(len\(x\), -1\)"),
    "no feature": (np.zeros((4, 0), "f4"), r"got shape \(4, 0\)"),
    "an empty batch of other rows": (np.zeros((0, 5), "f4"), r"got shape \(0, 5\)"),
    "rows of different lengths": (
        [[1.0, 2.0], [3.0]],
        "got rows of different lengths, expected an array",
    ),
    "an empty list": ([], r"got shape \(0,\), expected \(batch, 6\)"),
}


def assert_one_clear_error(error: BaseException) -> None:
    assert isinstance(error, ArraynetError)
    assert len(str(error).splitlines()) == 1
    assert "got" in str(error)
    assert "expected" in str(error)


@pytest.mark.parametrize("call", list(CALLS))
@pytest.mark.parametrize("what", list(SHAPES))
def test_a_wrong_shape_is_told(what: str, call: str, backend: Backend) -> None:
    x, message = SHAPES[what]
    network = mlp(6, 5, 3, backend=backend)
    before = network.predict(GOOD)
    with pytest.raises(ShapeError, match=message) as caught:
        CALLS[call](network, x)
    assert_one_clear_error(caught.value)
    if isinstance(x, np.ndarray):
        with pytest.raises(ShapeError, match=message):
            CALLS[call](network, backend.asarray(x))
    np.testing.assert_array_equal(network.predict(GOOD), before)


@pytest.mark.parametrize("number", [3.0, np.float32(3), np.array(3.0), 5])
def test_a_number_is_no_batch(number: Any, backend: Backend) -> None:
    network = mlp(6, 5, 3, backend=backend)
    for call in (network, network.predict, network.classify, network.activations):
        with pytest.raises(ShapeError, match=r"input: got shape \(\)"):
            call(number)
    with pytest.raises(ShapeError, match=r"input: got shape \(\)"):
        network.evaluate(number, [0])


DTYPES: dict[str, Any] = {
    "complex numbers": GOOD.astype("c8"),
    "text": [["a"] * 6],
    "objects": np.full((4, 6), None),
    "dates": np.zeros((4, 6), "M8[s]"),
    "a string": "abc",
    "bytes": b"abc",
    "nothing": None,
    "a masked array": np.ma.masked_less(GOOD, 0),
}


@pytest.mark.parametrize("call", [c for c in CALLS if c != "evaluate"])
@pytest.mark.parametrize("what", list(DTYPES))
def test_what_is_no_array_of_real_numbers_is_refused(
    what: str, call: str, backend: Backend
) -> None:
    network = mlp(6, 5, 3, backend=backend)
    with pytest.raises(DtypeError) as caught:
        CALLS[call](network, DTYPES[what])
    assert_one_clear_error(caught.value)
    assert "Recorded" not in str(caught.value)


@pytest.mark.parametrize("call", [c for c in CALLS if c != "evaluate"])
def test_complex_numbers_of_the_network_s_own_library_are_refused(
    call: str, backend: Backend
) -> None:
    kind = getattr(backend.xp, "complex64", None)
    if kind is None:
        pytest.skip(f"{backend.name} has no complex numbers")
    x = backend.xp.full((4, 6), 1 + 5j, dtype=kind, device=backend.device)
    with pytest.raises(DtypeError, match="complex64") as caught:
        CALLS[call](mlp(6, 5, 3, backend=backend), x)
    assert_one_clear_error(caught.value)
    assert "Recorded" not in str(caught.value)


def test_an_empty_batch_gives_an_empty_result(backend: Backend) -> None:
    network = mlp(6, 5, 3, backend=backend)
    empty = GOOD[:0]
    for x in (empty, backend.asarray(empty), empty.astype(np.uint8)):
        assert tuple(network(x).shape) == (0, 3)
        for options in ({}, {"batch_size": 7}, {"threads": 2}, {"progress": lambda n: None}):
            result = network.predict(x, **options)
            assert (result.shape, result.dtype) == ((0, 3), np.float32)
        labels = network.classify(x)
        assert (labels.shape, labels.dtype) == ((0,), np.int64)
        assert [tuple(v.shape) for v in network.activations(x).values()] == [
            *((0, 6), (0, 5), (0, 5), (0, 3), (0, 3))
        ]
    for t in ([], np.zeros((0, 3))):
        evaluation = network.evaluate(empty, t)
        assert (evaluation.correct, evaluation.total) == (0, 0)
        assert np.isnan(evaluation.accuracy)


def foreign(backend: Backend) -> tuple[Any, str]:
    """Return an array that lives elsewhere than a backend, and the name of that place."""
    strict = pytest.importorskip("array_api_strict")
    if backend.name == "array_api_strict:device1":
        return strict.ones((4, 6), device=strict.Device("device2")), "device2"
    return strict.ones((4, 6), device=strict.Device("device1")), "device1"


@pytest.mark.parametrize("call", list(CALLS))
def test_an_array_that_lives_elsewhere_is_refused_and_both_places_named(
    call: str, backend: Backend
) -> None:
    network = mlp(6, 5, 3, backend=backend)
    x, place = foreign(backend)
    with pytest.raises(DeviceMismatchError) as caught:
        CALLS[call](network, x)
    assert_one_clear_error(caught.value)
    assert place in str(caught.value)
    assert repr(backend.name) in str(caught.value)


@pytest.mark.parametrize("name", ["batch_size", "threads"])
@pytest.mark.parametrize("count", [0, -1, 2.5, "7", [1], np.float64(2.0)])
def test_a_count_is_a_whole_number_of_at_least_one(name: str, count: Any) -> None:
    network = mlp(6, 5, 3)
    for x in (GOOD, iter([GOOD])):
        with pytest.raises(
            ShapeError, match=f"{name}: got .*, expected a whole number of at least 1"
        ):
            network.predict(x, **{name: count})
    with pytest.raises(ShapeError, match=f"{name}: got"):
        network.classify(GOOD, **{name: count})


def test_a_count_may_be_numpy_s() -> None:
    network = mlp(6, 5, 3)
    assert network.predict(GOOD, batch_size=np.int64(2), threads=np.uint8(1)).shape == (4, 3)


@pytest.mark.parametrize(
    ("t", "error", "message"),
    [
        ([0, 1, 2], ShapeError, "got 4 rows and 3 labels"),
        ([0, 1, 2, 3], ShapeError, "got label 3 at index 3, expected 0 to 2"),
        ([0, -1, 2, 1], ShapeError, "got label -1 at index 1, expected 0 to 2"),
        ([0.0, 1.0, 2.0, 1.0], DtypeError, "got float64, expected integer labels"),
        (np.eye(4), ShapeError, "got one-hot rows of 4 classes, expected 3"),
        (np.ones((4, 3)), ShapeError, "expected a single 1 and zeros"),
        (np.zeros((4, 3)), ShapeError, "expected a single 1 and zeros"),
        (np.zeros((4, 3, 1)), ShapeError, "expected labels"),
        (3, ShapeError, "expected labels"),
        ([[0, 1], [2]], ShapeError, "rows of different lengths"),
    ],
)
def test_labels_that_do_not_fit(t: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message) as caught:
        mlp(6, 5, 3).evaluate(GOOD, t)
    assert len(str(caught.value).splitlines()) == 1


def test_labels_are_checked_before_the_network_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    network = mlp(6, 5, 3)
    monkeypatch.setattr(Network, "classify", lambda *_: pytest.fail("it ran"))
    with pytest.raises(ShapeError, match="got label 9"):
        network.evaluate(GOOD, [0, 1, 2, 9])


def test_one_number_a_row_has_no_classes(backend: Backend) -> None:
    network = Sequential(dense(6, 3), "logsumexp", backend=backend)
    assert network.predict(GOOD, batch_size=3).shape == (4,)
    for call in (network.classify, lambda x: network.evaluate(x, [0] * 4)):
        with pytest.raises(
            ShapeError, match=r"got a network from \(batch, 6\) to \(batch,\), expected"
        ):
            call(GOOD)


def test_a_backend_that_does_not_exist_is_told() -> None:
    network = mlp(6, 5, 3)
    with pytest.raises(BackendUnavailableError, match="tpu"):
        network.to("tpu")
    with pytest.raises(BackendUnavailableError, match="tpu"):
        mlp(6, 5, 3, backend="tpu")
    assert network.backend is get_backend("cpu")


@pytest.mark.parametrize("dtype", ["int8", "complex64", "", "float128"])
def test_a_dtype_that_no_network_has_is_told(dtype: str) -> None:
    with pytest.raises(DtypeError, match="expected one of float16, bfloat16, float32, float64"):
        mlp(6, 5, 3).astype(dtype)


@pytest.mark.parametrize("progress", ["yes", 3, [GOOD], np.ones(3), np.zeros(1)])
def test_a_progress_that_is_no_function_is_told(progress: Any) -> None:
    with pytest.raises(ArraynetError, match=r"^progress: got .*, expected True, False or a func"):
        mlp(6, 5, 3).predict(GOOD, progress=progress)


@pytest.mark.parametrize("graph", [None, "model.npz", {"W1": GOOD}])
def test_what_is_no_graph_is_told(graph: Any) -> None:
    with pytest.raises(GraphError, match=r"^Network: got .*, expected a Graph \(arraynet.load"):
        Network(graph)


@pytest.mark.parametrize("name", [None, 3, ["cpu"], np.zeros((3, 30))])
def test_what_is_no_backend_is_told_on_one_line(name: Any) -> None:
    with pytest.raises(BackendUnavailableError, match="got no name") as caught:
        get_backend(name)
    assert_one_clear_error(caught.value)


@pytest.mark.parametrize("name", [None, 3, ["digits"], {}, "mnist"])
def test_a_pretrained_network_that_does_not_exist_is_told(name: Any) -> None:
    with pytest.raises(ArraynetError, match=r"^load_pretrained: got .*, expected one of 'digits'"):
        arraynet.load_pretrained(name)


@pytest.mark.parametrize(
    ("name", "usual"), [("numpy", "cpu"), ("cuda:7", "gpu:7"), ("cupy:7:tf32", "gpu:7:tf32")]
)
def test_other_names_of_a_backend(name: str, usual: str) -> None:
    found: list[str] = []
    for each in (name, usual):
        try:
            found.append(get_backend(each).name)
        except BackendUnavailableError as error:
            found.append(str(error))
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("name", "hint"),
    [("CPU", "'cpu'"), ("touch", "'torch'"), ("Numpy", "'numpy'"), ("cudaa:0", "'cuda'")],
)
def test_a_backend_that_is_nearly_right_is_named(name: str, hint: str) -> None:
    with pytest.raises(BackendUnavailableError, match=f"did you mean {hint}"):
        get_backend(name)


def test_a_name_without_end_is_not_repeated() -> None:
    for call in (
        lambda: get_backend("x" * 10**6),
        lambda: get_backend("torch:" + "x" * 10**6),
        lambda: get_backend("cpu", precision="x" * 10**6),
        lambda: mlp(6, 5, 3).astype("x" * 10**6),
        lambda: Sequential(dense(6, 3), "x" * 10**6),
        lambda: Sequential(dense(6, 3), ("leaky_relu", {"x" * 10**6: 1})),
        lambda: Sequential(dense(6, 3), ("leaky_relu", {"alpha": "x" * 10**6})),
        lambda: Sequential(dense(6, 3), ("gelu", {"approximate": "x" * 10**6})),
        lambda: Sequential(dense(6, 3), GOOD.astype(str).tolist()),
        lambda: mlp(6, 5, 3).predict(GOOD, batch_size="x" * 10**6),
        lambda: mlp(6, 5, 3).evaluate(GOOD, [10**18] * 4),
        lambda: mlp(6, 5, 3).evaluate(np.ones((9, 6)), np.ones((9, 3)) * 7),
    ):
        with pytest.raises(ArraynetError) as caught:
            call()
        assert len(str(caught.value)) < 1000
        assert_one_clear_error(caught.value)


def test_an_attribute_too_large_for_a_float_is_refused() -> None:
    with pytest.raises(GraphError, match="got alpha=an integer of 1329 bits"):
        Sequential(dense(6, 3), ("leaky_relu", {"alpha": 10**400}))
