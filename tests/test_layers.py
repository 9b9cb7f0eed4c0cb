"""Dense, Scale, Sequential, perceptron: what they build, and what they refuse."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from arraynet import Backend, Dense, Sequential, ops
from arraynet.errors import DeviceMismatchError, DtypeError, GraphError, ShapeError
from arraynet.layers import Scale, layer_ops, perceptron, sequential_graph
from arraynet.ops import OPS
from tests.networks import DENSE_OPS, dense, normal

CORNERS = np.array([[0, 0], [1, 0], [0, 1], [1, 1]], np.float32)

GATES = {"AND": (0.5, 0.5, -0.7), "NAND": (-0.5, -0.5, 0.7), "OR": (0.5, 0.5, -0.2)}
"""Weights and biases from the book."""

TRUTH = {"AND": [0, 0, 0, 1], "NAND": [1, 1, 1, 0], "OR": [0, 1, 1, 1], "XOR": [0, 1, 1, 0]}


def gate(name: str) -> tuple[Any, Any]:
    """Return a gate's weight column and bias."""
    first, second, bias = GATES[name]
    return np.float32([[first], [second]]), np.float32([bias])


@pytest.mark.parametrize("name", list(GATES))
def test_gates_are_single_perceptrons(name: str, backend: Backend) -> None:
    network = Sequential(Dense(*gate(name)), "step", backend=backend)
    assert network.predict(CORNERS)[:, 0].tolist() == TRUTH[name]
    assert backend.to_host(network(CORNERS.astype(np.uint8)))[:, 0].tolist() == TRUTH[name]


@pytest.mark.parametrize("name", list(GATES))
def test_a_perceptron_of_weights_and_a_bias(name: str) -> None:
    *weights, bias = GATES[name]
    assert perceptron(weights, bias)(CORNERS)[:, 0].tolist() == TRUTH[name]


def test_exclusive_or_is_two_layers_of_them(backend: Backend) -> None:
    (nand, nand_bias), (either, either_bias) = gate("NAND"), gate("OR")
    hidden = Dense(np.hstack([nand, either]), np.hstack([nand_bias, either_bias]))
    network = Sequential(hidden, "step", Dense(*gate("AND")), "step", backend=backend)
    assert network.predict(CORNERS)[:, 0].tolist() == TRUTH["XOR"]


def test_no_single_perceptron_is_exclusive_or() -> None:
    grid = np.linspace(-2, 2, 9)
    weights = np.stack(np.meshgrid(grid, grid), -1).reshape(-1, 2).T.astype("f4")
    for bias in grid:
        network = Sequential(Dense(weights, np.full(81, bias, "f4")), "step")
        answers = network.predict(CORNERS)
        assert not (answers == np.float32(TRUTH["XOR"])[:, None]).all(axis=0).any()


def test_dense_multiplies_and_adds() -> None:
    layer = dense(4, 3)
    x = normal(5, 4)
    exact = x.astype("f8") @ layer.weight.astype("f8") + layer.bias
    np.testing.assert_allclose(Sequential(layer)(x), exact, rtol=1e-6, atol=1e-6)


def test_the_other_layout_is_the_transpose() -> None:
    layer = dense(4, 3)
    other = Dense(layer.weight.T, layer.bias, layout="out_in")
    assert repr(other) == repr(layer) == "Dense(4 → 3)"
    x = normal(5, 4)
    np.testing.assert_allclose(Sequential(other)(x), Sequential(layer)(x), rtol=1e-6)


def test_a_bias_may_be_left_out() -> None:
    layer = Dense(dense(4, 3).weight)
    assert layer.bias.tolist() == [0, 0, 0]
    assert layer.bias.dtype == np.float32


@pytest.mark.parametrize("dtype", ["complex64", "U1", "object", "longdouble", "M8[s]"])
def test_weights_that_are_not_real_are_refused(dtype: str) -> None:
    with pytest.raises(DtypeError, match=r"Dense: W: got ndarray of .*, expected real numbers"):
        Dense(np.ones((2, 2)).astype(dtype))
    with pytest.raises(DtypeError, match="Dense: b: got ndarray of"):
        Dense(np.ones((2, 2), "f4"), np.ones(2).astype(dtype))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Dense(np.ones(3)), ShapeError, r"got W of shape \(3,\), expected \(in, out\)"),
        (lambda: Dense(1.0), ShapeError, r"got W of shape \(\)"),
        (lambda: Dense(np.ones((2, 3, 4))), ShapeError, r"got W of shape \(2, 3, 4\)"),
        (lambda: Dense([[1.0], [1.0, 2.0]]), ShapeError, "rows of different lengths"),
        (
            lambda: Dense(np.ones((2, 3)), np.ones(2)),
            ShapeError,
            r"got b of shape \(2,\), expected \(3,\) \(W of shape \(2, 3\) gives 3 outputs\)",
        ),
        (lambda: Dense(np.ones((2, 3)), np.ones((1, 3))), ShapeError, r"got b of shape \(1, 3\)"),
        (
            lambda: Dense(np.ones((2, 3)), np.ones(3, "f4")),
            DtypeError,
            "got b of float32 beside W of float64, expected one dtype",
        ),
        (lambda: Dense(np.ones((2, 3)), layout="rows"), GraphError, "got layout 'rows'"),
        (lambda: Scale([[1.0]]), ShapeError, r"Scale: got shapes \(1, 1\) and \(\)"),
        (lambda: Scale("abc"), DtypeError, "Scale: scale: got str of <U3, expected real numbers"),
        (lambda: Scale(1.0, 1j), DtypeError, "Scale: shift: got complex of complex128"),
        (lambda: Scale([[1.0], [1.0, 2.0]]), ShapeError, "rows of different lengths"),
        (lambda: perceptron([[1.0]], 0.0), ShapeError, r"got w of shape \(1, 1\)"),
        (lambda: perceptron([1.0], [0.0]), ShapeError, r"b of shape \(1,\), expected"),
        (lambda: perceptron(["a"], 0.0), DtypeError, "perceptron: w: got list of <U1"),
        (lambda: perceptron([1.0], "a"), DtypeError, "perceptron: b: got str of <U1"),
    ],
)
def test_layers_refuse_what_does_not_fit(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message) as caught:
        make()
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    "layers",
    [
        ("relu",),
        (),
        (dense(2, 2), "no such op"),
        (dense(2, 2), "Relu6x"),
        (dense(2, 2), 3),
        (dense(2, 2), None),
        (dense(2, 2), np.tanh),
        (dense(2, 2), ops.add),
        (dense(2, 2), "Add"),
        ([dense(2, 2)], "relu"),
        ([],),
        (dense(2, 2), ("relu",)),
        (dense(2, 2), ("relu", 1)),
        (dense(2, 2), ("relu", {}, {})),
        (dense(2, 2), ("leaky_relu", {"slope": 1.0})),
        (dense(2, 2), ("leaky_relu", {"alpha": "1"})),
        (dense(2, 2), "affine"),
        (dense(2, 2), "prelu"),
        (Dense, "relu"),
    ],
)
def test_layers_that_are_none_are_refused(layers: Any) -> None:
    with pytest.raises(GraphError) as caught:
        Sequential(*layers)
    assert len(str(caught.value).splitlines()) == 1
    assert re.search("got .*expected", str(caught.value))


@pytest.mark.parametrize(
    ("layer", "op"),
    [
        ("ReLU", "relu"),
        ("Sigmoid", "sigmoid"),
        ("LeakyReLU", "leaky_relu"),
        ("leaky-relu", "leaky_relu"),
        ("Log Softmax", "log_softmax"),
        ("HardSwish", "hard_silu"),
        (ops.relu, "relu"),
        (ops.swish, "silu"),
        (("LeakyReLU", {"alpha": 0.5}), "leaky_relu"),
        ((ops.leaky_relu, {"alpha": 0.5}), "leaky_relu"),
    ],
)
def test_an_activation_is_an_op_or_a_name_of_any_framework(layer: Any, op: str) -> None:
    network = Sequential(dense(4, 6), layer)
    assert network.layers[1].op == op
    assert network.layers[1].attributes == ({"alpha": 0.5} if isinstance(layer, tuple) else {})


def test_no_two_layers_are_called_alike() -> None:
    folded = [name.replace("_", "") for name in layer_ops()]
    assert len(set(folded)) == len(folded)


@pytest.mark.parametrize(
    ("layer", "hint"),
    [("rleu", "'relu'"), ("sigmod", "'sigmoid'"), ("SoftMaxx", "'softmax'"), ("gulo", None)],
)
def test_a_layer_that_is_nearly_right_is_named(layer: str, hint: str | None) -> None:
    with pytest.raises(GraphError) as caught:
        Sequential(dense(4, 6), layer)
    listed = ("add", "affine", "matmul", "prelu", "scale_shift")
    names = re.findall(r"\w+", str(caught.value))
    assert not set(listed) & set(names)
    if hint:
        assert f"did you mean {hint}?" in str(caught.value)
        assert "celu" not in names
    else:
        assert "celu" in names


def test_an_attribute_that_is_nearly_right_is_named() -> None:
    with pytest.raises(GraphError, match=r"got attribute 'alhpa', .*did you mean 'alpha'"):
        Sequential(dense(4, 6), ("leaky_relu", {"alhpa": 0.5}))
    with pytest.raises(GraphError, match=r"got approximate='tanhh', .*did you mean 'tanh'"):
        Sequential(dense(4, 6), ("gelu", {"approximate": "tanhh"}))


@pytest.mark.parametrize("group", [list, tuple, iter])
def test_layers_may_be_one_list(group: Any) -> None:
    layers = [dense(4, 6), ops.relu, dense(6, 3), ("leaky_relu", {"alpha": 0.5})]
    x = normal(5, 4)
    network = Sequential(group(layers))
    np.testing.assert_array_equal(network.predict(x), Sequential(*layers).predict(x))
    assert [node.op for node in network.layers] == ["affine", "relu", "affine", "leaky_relu"]


def test_integers_become_the_dtype_beside_them() -> None:
    whole = [[1, 0], [0, 1]]
    half = np.float16([0.5, 0.5])
    assert Dense(whole).weight.dtype == np.float64
    assert Dense(whole, [1, 2]).bias.dtype == np.float64
    assert Dense(np.int8(whole), half).weight.dtype == np.float16
    assert Dense(np.float32(whole), [0.1, 0.2]).bias.tolist() == [np.float32(0.1), np.float32(0.2)]
    assert Dense(np.float32(whole), np.int64([1, 2])).bias.dtype == np.float32
    assert Sequential(Dense(whole, [1, 0]), "relu").predict([[2.0, -3.0]]).tolist() == [[3.0, 0.0]]


@pytest.mark.parametrize(
    ("weight", "bias"),
    [
        ([[2049]], np.float16([1.0])),
        (np.int64([[2**53 + 1]]), None),
        (np.float32([[1.0]]), [2**24 + 1]),
        (np.float16([[1.0]]), [70000]),
    ],
)
def test_integers_that_the_dtype_cannot_hold_are_refused(weight: Any, bias: Any) -> None:
    with pytest.raises(DtypeError, match=r"Dense: [Wb]: got whole numbers .*wider dtype"):
        Dense(weight, bias)
    assert Dense(np.int8([[-128]]), np.float16([1.0])).weight.tolist() == [[-128.0]]


def test_layers_whose_sizes_differ_are_both_named() -> None:
    with pytest.raises(ShapeError) as caught:
        Sequential(dense(4, 3), "relu", dense(5, 2))
    text = str(caught.value)
    assert text.startswith("affine2 (affine): got relu1 (batch, 3), W2 (5, 2)")
    assert "the layer before it is affine1 (affine)" in text
    with pytest.raises(ShapeError, match=r"scale_shift1 \(scale_shift\): got affine1 \(batch, 3\)"):
        Sequential(dense(4, 3), Scale([1.0, 2.0]))
    with pytest.raises(ShapeError, match="halves need an even number"):
        Sequential(dense(4, 3), "glu")


def test_layers_of_two_dtypes_are_refused() -> None:
    with pytest.raises(DtypeError, match="expected one dtype"):
        Sequential(dense(4, 3), dense(3, 2, dtype="f8"))


def test_names_count_each_op() -> None:
    graph = sequential_graph(
        Scale(2.0), dense(4, 3), "swish", Scale(1.0, [1, 2, 3]), dense(3, 3), "silu", "linear"
    )
    assert [node.name for node in graph.nodes] == [
        *("scale_shift1", "affine1", "silu1", "scale_shift2", "affine2", "silu2", "identity1")
    ]
    assert list(graph.weights) == ["scale", "shift", "W1", "b1", "scale2", "shift2", "W2", "b2"]
    assert graph.inputs[0].shape == ("batch", 4)
    assert graph.dtype == "float32"


def test_attributes_reach_their_op(backend: Backend) -> None:
    layer = Dense(np.eye(3, dtype="f4"))
    x = np.float32([[-2.0, 0.0, 3.0]])
    for alpha in (0.5, np.float32(0.5), np.float64(0.5)):
        network = Sequential(layer, ("leaky_relu", {"alpha": alpha}), backend=backend)
        assert network.predict(x).tolist() == [[-1.0, 0.0, 3.0]]
        assert type(network.graph.nodes[1].attributes["alpha"]) is float
    network = Sequential(layer, ("hard_tanh", {"lower": -1, "upper": 2}), backend=backend)
    assert network.predict(x).tolist() == [[-1.0, 0.0, 2.0]]


def test_a_scale_may_be_per_feature(backend: Backend) -> None:
    network = Sequential(
        Scale([1, 2, 4], [0.5, 0, -1]), Dense(np.eye(3, dtype="f4")), backend=backend
    )
    assert network.predict([[1, 2, 3]]).tolist() == [[1.5, 4.0, 11.0]]
    assert repr(Scale([1, 2, 4], 0.5)) == "Scale(3 values, 0.5)"


def test_a_scale_tells_the_number_of_features() -> None:
    with pytest.raises(ShapeError, match="affine1"):
        Sequential(Scale([1.0, 2.0]), dense(3, 2))


@pytest.mark.parametrize(
    "name", sorted(set(DENSE_OPS) - {"affine", "matmul", "prelu", "scale_shift"})
)
def test_every_op_of_one_array_is_an_activation(name: str) -> None:
    network = Sequential(dense(4, 6), name)
    assert network.graph.nodes[1].op == OPS[name].name
    assert network.predict(normal(3, 4)).shape[0] == 3


@pytest.mark.parametrize(("inputs", "outputs"), [(3, 0), (0, 3), (0, 0)])
def test_a_layer_may_be_empty(inputs: int, outputs: int, backend: Backend) -> None:
    bias = np.arange(outputs, dtype="f4")
    network = Sequential(Dense(np.ones((inputs, outputs), "f4"), bias), "relu", backend=backend)
    for rows in (1, 4):
        found = network.predict(np.ones((rows, inputs), "f4"))
        np.testing.assert_array_equal(found, np.tile(bias, (rows, 1)))


@pytest.mark.parametrize(
    ("dtype", "scale", "shift", "found"),
    [
        ("f2", 1e-8, 0.0, "Scale: scale: got 1e-08, .*float16 can hold"),
        ("f2", [1.0, -1e-8], 0.0, "Scale: scale: got -1e-08, .*float16 can hold"),
        ("f4", 1e-46, 0.0, "Scale: scale: got 1e-46, .*float32 can hold"),
        ("f4", 1e300, 0.0, r"Scale: scale: got 1e\+300, .*float32 can hold"),
        ("f4", 1.0, -1e300, r"Scale: shift: got -1e\+300, .*float32 can hold"),
        ("f2", 1.0, [0.0, 70000.0], "Scale: shift: got 70000.0, .*float16 can hold"),
    ],
)
def test_a_scale_that_the_dtype_cannot_hold_is_refused(
    dtype: str, scale: Any, shift: Any, found: str
) -> None:
    with pytest.raises(DtypeError, match=found):
        Sequential(Scale(scale, shift), Dense(np.eye(2, dtype=dtype)))
    assert Sequential(Scale(scale, shift), Dense(np.eye(2)))


def test_a_scale_of_zero_and_a_small_shift_are_no_loss() -> None:
    network = Sequential(Scale(0.0, 1e-50), Dense(np.eye(2, dtype="f4")))
    assert network.predict([[3.0, 4.0]]).tolist() == [[0.0, 0.0]]


def test_dense_keeps_arrays_that_nobody_writes_to() -> None:
    own, bias = np.ones((2, 3), np.float32), np.zeros(3, np.float32)
    for layer in (Dense(own, bias), Dense(own), Dense(own.T, layout="out_in")):
        for array in (layer.weight, layer.bias):
            with pytest.raises(ValueError, match="WRITEABLE"):
                array.setflags(write=True)
        graph = sequential_graph(layer)
        assert np.shares_memory(graph.weights["W1"], layer.weight)
    layer = Dense(own, bias)
    own[:], bias[:] = 5, 5
    assert (layer.weight.max(), layer.bias.max()) == (1, 0)


def test_bytes_in_the_other_order_become_the_machine_s_own() -> None:
    layer = dense(3, 2)
    swapped = Dense(layer.weight.astype(">f4"), layer.bias.astype(">f4"))
    assert swapped.weight.dtype == np.dtype("=f4")
    np.testing.assert_array_equal(swapped.weight, layer.weight)
    np.testing.assert_array_equal(
        Sequential(swapped)(normal(2, 3)), Sequential(layer)(normal(2, 3))
    )
    assert Scale(np.arange(3, dtype=">f8")).scale.tolist() == [0.0, 1.0, 2.0]


def test_masked_arrays_are_refused() -> None:
    masked = np.ma.masked_array(np.ones((2, 2)), np.eye(2))
    for make in (lambda: Dense(masked), lambda: Dense(np.ones((2, 2)), masked[0])):
        with pytest.raises(DtypeError, match="got a masked array, expected a plain one"):
            make()
    with pytest.raises(DtypeError, match="Scale: scale: got a masked array"):
        Scale(masked[0])


def test_arrays_of_another_device_are_refused() -> None:
    strict = pytest.importorskip("array_api_strict")
    with pytest.raises(DeviceMismatchError, match=r"Dense: W: got Array .* on .*device1"):
        Dense(strict.ones((2, 2), device=strict.Device("device1")))


@pytest.mark.parametrize("layout", [np.array(["in_out", "x"]), ["in_out"], None, 1])
def test_a_layout_is_a_word(layout: Any) -> None:
    with pytest.raises(GraphError, match="Dense: got layout"):
        Dense(np.ones((2, 2)), layout=layout)
