"""From tensors to a perceptron: names, layouts, activations, dtypes."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import arraynet
from arraynet import DtypeError, LoadError, formats
from arraynet.chains import Chain, graph_from_contents, known_activations
from arraynet.formats import Contents
from arraynet.formats.naming import LayerNames, layers_of
from arraynet.graph import Graph

Arrays = dict[str, np.ndarray[Any, Any]]


def graph_of(tensors: Arrays, **given: Any) -> Graph:
    options = {"hidden": "sigmoid", "output": "softmax"} | given
    return graph_from_contents(Contents(tensors), file="net.npz", chain=Chain(**options))


def book(*sizes: int, dtype: str = "float32") -> Arrays:
    arrays: Arrays = {}
    for number, (inputs, outputs) in enumerate(itertools.pairwise(sizes), start=1):
        arrays[f"W{number}"] = np.arange(inputs * outputs).reshape(inputs, outputs).astype(dtype)
        arrays[f"b{number}"] = np.arange(outputs).astype(dtype)
    return arrays


def torch(names: list[str], *sizes: int) -> Arrays:
    arrays: Arrays = {}
    for name, inputs, outputs in zip(names, sizes, sizes[1:], strict=False):
        arrays[f"{name}.weight"] = np.arange(inputs * outputs, dtype="f4").reshape(outputs, inputs)
        arrays[f"{name}.bias"] = np.arange(outputs, dtype="f4")
    return arrays


def test_the_books_names() -> None:
    tensors = book(4, 5, 6, 3)
    graph = graph_of(tensors)
    assert [node.name for node in graph.nodes] == [
        "affine1", "sigmoid1", "affine2", "sigmoid2", "affine3", "softmax1",
    ]  # fmt: skip
    assert [node.inputs for node in graph.nodes[::2]] == [
        ("x", "W1", "b1"), ("sigmoid1", "W2", "b2"), ("sigmoid2", "W3", "b3"),
    ]  # fmt: skip
    assert graph.inputs[0].shape == ("batch", 4)
    assert graph.outputs == ("softmax1",)
    for name, tensor in tensors.items():
        assert (graph.weights[name] == tensor).all()


def test_ten_layers_are_in_the_order_of_their_numbers() -> None:
    tensors = dict(sorted(book(*range(2, 14)).items()))
    assert list(tensors)[1] == "W10"
    graph = graph_of(tensors)
    assert graph.weights["W11"].shape == (12, 13)
    assert graph.shapes[graph.outputs[0]] == ("batch", 13)


@pytest.mark.parametrize(
    "names",
    [
        ["0", "2", "10"],
        ["layers.0", "layers.2", "layers.10"],
        ["model.net.1", "model.net.3", "model.net.4"],
        ["fc1", "fc2", "fc3"],
        ["block0.fc1", "block0.fc2", "block1.fc1"],
    ],
)
@pytest.mark.parametrize("shuffled", [False, True])
def test_torch_names(names: list[str], shuffled: bool) -> None:
    tensors = torch(names, 4, 5, 6, 3)
    if shuffled:
        tensors = dict(sorted(tensors.items()))
    graph = graph_of(tensors)
    assert graph.inputs[0].shape == ("batch", 4)
    assert list(graph.weights) == ["W1", "b1", "W2", "b2", "W3", "b3"]
    for number, name in enumerate(names, start=1):
        assert (graph.weights[f"W{number}"] == tensors[f"{name}.weight"].T).all()
        assert (graph.weights[f"b{number}"] == tensors[f"{name}.bias"]).all()


def test_one_layer_without_a_number() -> None:
    assert layers_of(["weight", "bias"], "f")[0] == [
        LayerNames("weight", "bias", "running_mean", "running_var")
    ]
    graph = graph_of(torch(["fc"], 4, 3), hidden=None)
    assert [node.op for node in graph.nodes] == ["affine", "softmax"]


def test_names_that_tell_no_order() -> None:
    with pytest.raises(LoadError, match=r"named hidden, output, expected names that differ"):
        graph_of(torch(["hidden", "output"], 4, 5, 3))
    with pytest.raises(LoadError, match="names that differ in a number"):
        graph_of(torch(["a1", "b1"], 4, 5, 3))
    with pytest.raises(LoadError, match="names that differ in a number"):
        graph_of(torch(["01", "1"], 4, 5, 3))
    many = [f"{'a' * 400}{number}.x{number % 2 * 'y'}" for number in range(2_000)]
    with pytest.raises(
        LoadError, match=r"layers named aaa.*names that differ in a number"
    ) as caught:
        layers_of([f"{name}.{kind}" for name in many for kind in ("weight", "bias")], "net.npz")
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    ("numbers", "missing", "there"), [("13", "W2", "W3"), ("23", "W1", "W2"), ("024", "W1", "W2"),
                                      ("5", "W1", "W5")]
)  # fmt: skip
def test_a_layer_of_the_book_that_is_missing(numbers: str, missing: str, there: str) -> None:
    tensors = {f"W{n}": np.ones((4, 4), "f4") for n in numbers}
    tensors |= {f"b{n}": np.ones(4, "f4") for n in numbers}
    with pytest.raises(LoadError) as caught:
        graph_of(tensors)
    assert str(caught.value).startswith(
        f"net.npz: {missing}: got no tensor of that name (there is {there}), "
        f"expected a layer for every number, from 0 or 1 on"
    )


def test_layers_of_the_book_may_count_from_zero() -> None:
    tensors = {f"{name[0]}{int(name[1]) - 1}": t for name, t in book(4, 5, 3).items()}
    assert list(tensors) == ["W0", "b0", "W1", "b1"]
    assert graph_of(tensors).shapes["softmax1"] == ("batch", 3)


def test_layout_overrides_the_names() -> None:
    tensors = {name: a.T.copy() for name, a in book(4, 5, 3).items()}
    graph = graph_of(tensors, layout="out_in")
    assert (graph.weights["W1"] == tensors["W1"].T).all()
    with pytest.raises(LoadError, match=r"W1|b1"):
        graph_of(tensors)
    with pytest.raises(LoadError, match=r"layout='rows', expected one of in_out or out_in$"):
        graph_of(tensors, layout="rows")


@pytest.mark.parametrize("sizes", [(4, 5, 3), (4, 4, 3), (4, 4, 4, 2)])
def test_weights_that_fit_only_in_the_other_layout_say_so(sizes: tuple[int, ...]) -> None:
    tensors = {name: a.T.copy() for name, a in book(*sizes).items()}
    with pytest.raises(LoadError, match=r"\(or layout='out_in', in which all fit\)$"):
        graph_of(tensors)
    assert graph_of(tensors, layout="out_in").outputs
    named = {f"{n}.{k}": a for n, k, a in zip(
        [name[1:] for name in tensors], ["weight", "bias"] * 9, book(*sizes).values(), strict=False
    )}  # fmt: skip
    with pytest.raises(LoadError, match=r"\(or layout='in_out', in which all fit\)$"):
        graph_of(named)
    assert graph_of(named, layout="in_out").outputs


def test_weights_that_fit_in_no_layout_say_nothing_of_it() -> None:
    tensors = book(4, 4, 4)
    tensors["W2"] = np.ones((5, 4), "f4")
    with pytest.raises(LoadError) as caught:
        graph_of(tensors)
    assert str(caught.value).startswith(
        "net.npz: W2, for affine2 (affine): got sigmoid1 (batch, 4), W2"
    )
    assert str(caught.value).endswith(
        "x has 4 features, and weight (5, 4) takes 5 (the layer before it is affine1 (affine))"
    )


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({"hidden": None, "output": None}, "expected hidden= and output= to say"),
        ({"hidden": None}, "expected hidden= to say"),
        ({"output": None}, "expected output= to say"),
    ],
)
def test_weights_alone_need_activations(given: dict[str, None], missing: str) -> None:
    with pytest.raises(LoadError, match=missing) as caught:
        graph_of(book(4, 5, 3), **given)
    assert "sigmoid" in caught.value.expected
    assert "softmax" in caught.value.expected
    assert "affine" not in caught.value.expected


@pytest.mark.parametrize("option", ["hidden", "output", "layout"])
@pytest.mark.parametrize(
    "value", [np.array(["relu", "in_out"]), ["relu"], {}, 3, ["relu"] * 99_999, "r" * 99_999]
)
def test_options_that_are_no_words(option: str, value: Any) -> None:
    with pytest.raises(
        LoadError, match=rf"net.npz: got {option}=.*, expected (one of|another) "
    ) as caught:
        graph_of(book(4, 5, 3), **{option: value})
    assert len(str(caught.value)) < 600


def test_unknown_activations() -> None:
    with pytest.raises(LoadError, match=r"hidden='sigmoit', expected .*did you mean 'sigmoid'\?"):
        graph_of(book(4, 5, 3), hidden="sigmoit")
    with pytest.raises(LoadError, match=r"output='affine', expected one of celu, "):
        graph_of(book(4, 5, 3), output="affine")
    with pytest.raises(LoadError, match=r"hidden='prelu', expected .*did you mean 'relu'\?"):
        graph_of(book(4, 5, 3), hidden="prelu")


def test_every_listed_activation_makes_a_network() -> None:
    assert {"sigmoid", "relu", "tanh", "softmax", "identity", "swish"} <= set(known_activations())
    assert not {"affine", "prelu", "logsumexp", "unguarded_softmax"} & set(known_activations())
    for name in known_activations():
        assert graph_of(book(4, 6, 6), hidden="relu", output=name).outputs


def test_an_alias_becomes_the_ops_own_name() -> None:
    assert graph_of(book(4, 3), output="linear").nodes[-1].op == "identity"


def test_an_activation_that_halves_its_input() -> None:
    tensors = book(4, 6, 3)
    tensors["W2"] = np.ones((3, 3), "f4")
    assert graph_of(tensors, hidden="glu").shapes["glu1"] == ("batch", 3)
    with pytest.raises(LoadError, match=r"W2, for affine2 .*x has 3 features, .* takes 6"):
        graph_of(book(4, 6, 3), hidden="glu")


def test_a_scale_comes_first() -> None:
    graph = graph_of(book(4, 3), scale=1 / 255)
    assert graph.nodes[0].op == "scale_shift"
    assert graph.nodes[0].inputs == ("x", "scale", "shift")
    assert graph.nodes[1].inputs[0] == "scale_shift1"
    assert graph.weights["scale"] == np.float32(1 / 255)
    assert graph.weights["scale"].dtype == np.float32
    assert graph_of(book(4, 3), scale=0).weights["scale"] == 0
    truths = (True, False, np.True_)
    for scale in (np.nan, np.inf, "1", 1j, 1e300, 10**400, 1e-50, -1e-50, np.ones(2), *truths):
        with pytest.raises(LoadError, match=r"scale=.*, expected a finite number"):
            graph_of(book(4, 3), scale=scale)


# How others name the same layers.


def renamed(tensors: Arrays, names: list[str]) -> Arrays:
    return dict(zip(names, tensors.values(), strict=True))


NAMINGS: dict[str, list[str]] = {
    "a list, as savez names it": ["arr_0", "arr_1", "arr_2", "arr_3"],
    "the third book": ["l0/W", "l0/b", "l1/W", "l1/b"],
    "the third book, in a model": ["layers/l1/W", "layers/l1/b", "layers/l3/W", "layers/l3/b"],
    "Keras 2": ["dense/kernel:0", "dense/bias:0", "dense_1/kernel:0", "dense_1/bias:0"],
    "Keras 2, later": [
        "dense_9/kernel:0", "dense_9/bias:0", "dense_10/kernel:0", "dense_10/bias:0"
    ],
    "Keras 3": [
        "sequential/dense/kernel", "sequential/dense/bias", "sequential/dense_1/kernel",
        "sequential/dense_1/bias",
    ],
    "Flax": ["Dense_0.kernel", "Dense_0.bias", "Dense_1.kernel", "Dense_1.bias"],
    "Haiku": ["mlp/~/linear_0/w", "mlp/~/linear_0/b", "mlp/~/linear_1/w", "mlp/~/linear_1/b"],
}  # fmt: skip


@pytest.mark.parametrize("naming", NAMINGS)
@pytest.mark.parametrize("is_sorted", [False, True])
def test_other_names_of_the_same_layers(naming: str, is_sorted: bool) -> None:
    tensors = book(4, 5, 3)
    named = renamed(tensors, NAMINGS[naming])
    graph = graph_of(dict(sorted(named.items())) if is_sorted else named)
    assert list(graph.weights) == list(tensors)
    for name, tensor in tensors.items():
        assert graph.weights[name].tobytes() == tensor.tobytes()
    turned = renamed({n: a.T.copy() for n, a in tensors.items()}, NAMINGS[naming])
    assert graph_of(turned, layout="out_in").weights["W1"].tolist() == tensors["W1"].tolist()


def test_one_layer_whose_names_have_no_number() -> None:
    for names in (["W", "b"], ["w", "b"], ["kernel", "bias"], ["dense/kernel:0", "dense/bias:0"]):
        assert graph_of(renamed(book(4, 3), names), hidden=None).weights["W1"].shape == (4, 3)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["arr_0", "arr_1", "arr_2", "arr_4"], "arr_3: got no array of that number"),
        (["dense/kernel:0", "dense/bias:0", "out/kernel:0", "out/bias:0"], "layers named dense, o"),
        (["l0/W", "l0/b", "dense/kernel:0", "dense/bias:0"], "names of two kinds"),
        (["l0/W", "l0/b", "l1/W", "l1/beta"], "l1/beta: got a tensor of no layer"),
        (["l0/W", "l0/b", "l1/W", "l2/b"], "l1/b: got no tensor of that name"),
    ],
)
def test_what_stays_refused_ends_with_the_way_on(names: list[str], message: str) -> None:
    with pytest.raises(LoadError) as caught:
        graph_of(renamed(book(4, 5, 3), names))
    assert message in str(caught.value)
    assert caught.value.expected.endswith(
        "build it: arraynet.Sequential(arraynet.Dense(W, b), 'relu', …) of the arrays in "
        "arraynet.formats.read(path).tensors"
    )


def test_the_way_on_works(tmp_path: Path) -> None:
    path = tmp_path / "odd.npz"
    np.savez(path, first=np.eye(3), second=np.ones(3))
    with pytest.raises(LoadError, match="tensor of no layer"):
        arraynet.load(path, output="relu")
    W, b = arraynet.formats.read(path).tensors.values()
    assert arraynet.Sequential(arraynet.Dense(W, b), "relu")(np.ones((1, 3))).tolist() == [[2] * 3]


@pytest.mark.parametrize("shape", [(1, -1), (-1, 1)])
def test_biases_with_an_axis_of_one(shape: tuple[int, int]) -> None:
    tensors = book(4, 5, 3)
    shaped = {n: a.reshape(shape) if n[0] == "b" else a for n, a in tensors.items()}
    graph = graph_of(shaped)
    for name, tensor in tensors.items():
        assert graph.weights[name].shape == tensor.shape
        assert graph.weights[name].tobytes() == tensor.tobytes()
    shaped["b1"] = np.ones((5, 5), "f4")
    with pytest.raises(LoadError, match=r"b1: got shape \(5, 5\), expected \(5,\), as W1 is"):
        graph_of(shaped)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_mixed_dtypes_are_what_is_asked_for(dtype: str) -> None:
    kinds = dict(zip(book(4, 5, 3), ("f4", "f8", "f2", "i4"), strict=True))
    tensors = {n: book(4, 5, 3)[n].astype(kind) for n, kind in kinds.items()}
    graph = graph_of(tensors, dtype=dtype)
    assert graph.dtype == dtype
    for name, tensor in tensors.items():
        np.testing.assert_array_equal(graph.weights[name], tensor.astype(dtype), strict=True)
    with pytest.raises(
        LoadError, match=r"b1: got dtype float64, expected float32.*dtype='float32'"
    ):
        graph_of({n: t for n, t in tensors.items() if n != "b2"} | {"b2": np.ones(3, "f4")})
    with pytest.raises(LoadError, match=r"b2: got dtype int32, .*\(dtype='float32' converts it\)"):
        graph_of(book(4, 5, 3) | {"b2": np.ones(3, "i4")})
    with pytest.raises(LoadError, match="W1: got dtype complex64"):
        graph_of(book(4, 3, dtype="complex64"), dtype=dtype)
    with pytest.raises(DtypeError, match="expected"):
        graph_of(tensors, dtype="int8")
    with pytest.raises(DtypeError, match="expected numbers that float16 can hold"):
        graph_of({"W1": np.full((2, 2), 1e6), "b1": np.ones(2, "f4")}, dtype="float16")


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_floating_dtypes(dtype: str) -> None:
    assert graph_of(book(4, 3, dtype=dtype)).dtype == dtype


def test_bfloat16(tmp_path: Path) -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes")
    tensors = {name: a.astype(ml_dtypes.bfloat16) for name, a in book(4, 3).items()}
    path = tmp_path / "net.safetensors"
    formats.write(path, tensors)
    read = formats.read(path).tensors
    assert graph_of(read).dtype == "bfloat16"
    assert all(read[name].tobytes() == tensors[name].tobytes() for name in tensors)
    tensors["b1"][0] = np.nan
    formats.write(path, tensors)
    with pytest.raises(LoadError, match="nan at index"):
        formats.read(path)


@pytest.mark.parametrize("dtype", ["int8", "int64", "uint8", "bool", "complex64"])
def test_other_dtypes_are_refused_by_name(dtype: str) -> None:
    with pytest.raises(LoadError, match=rf"W1: got dtype {dtype}, expected one of float16"):
        graph_of(book(4, 3, dtype=dtype))


def test_convolutions_lead_on_to_layers() -> None:
    tensors = {"W1": np.ones((30, 1, 5, 5), "f4"), "b1": np.ones(30, "f4")}
    with pytest.raises(
        LoadError, match=r"W1: got a convolution's weight .*, expected .*layers= lists"
    ):
        graph_of(tensors, hidden=None)


def test_the_books_perceptron(test_data: Path) -> None:
    path = test_data / "weights" / "sample_weight.pkl"
    graph = graph_from_contents(formats.read(path), file=path, chain=Chain("sigmoid", "softmax"))
    assert graph.inputs[0].shape == ("batch", 784)
    assert graph.shapes["softmax1"] == ("batch", 10)


def test_a_file_with_a_graph_takes_no_activations(tmp_path: Path) -> None:
    path = tmp_path / "net.npz"
    graph = graph_of(book(4, 5, 3))
    formats.write(path, graph.weights, formats.graph_to_metadata(graph))
    contents = formats.read(path)
    assert graph_from_contents(contents, file=path).nodes == graph.nodes
    for name, value in {"hidden": "relu", "output": "x", "layout": "in_out", "scale": 1.0}.items():
        with pytest.raises(LoadError, match=f"{name}=.*, expected no {name}="):
            graph_from_contents(contents, file=path, chain=Chain(**{name: value}))  # type: ignore[arg-type]
