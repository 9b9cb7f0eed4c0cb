"""What the registry says about the ops is true, and the checked functions refuse the rest."""

from __future__ import annotations

import inspect
import math
import re
from typing import Any

import numpy as np
import pytest

from arraynet import ops
from arraynet.backends import Backend, get_backend
from arraynet.errors import DtypeError, GraphError, ShapeError
from arraynet.ops import OPS
from arraynet.ops.admission import KINDS
from arraynet.ops.registry import op
from tests.ops.applied import outputs, prepared
from tests.ops.inputs import sample
from tests.ops.samples import PIECEWISE, SMOOTH, apply, label, points_of
from tests.oracle import ROWS

UNARY = [*SMOOTH, *PIECEWISE]
NAMES = sorted({registration.name for registration in OPS.values() if not registration.control})


def test_every_op_is_exported_under_each_of_its_names() -> None:
    exported = {"if": "if_"}  # a word of Python's
    names = {name: exported.get(name, name) for name in OPS}
    assert set(names.values()) | {"OPS", "Op", "op"} == set(ops.__all__)
    assert ops.__all__ == sorted(ops.__all__)
    for name, public in names.items():
        assert inspect.unwrap(getattr(ops, public)) is inspect.unwrap(OPS[name].formula)


@pytest.mark.parametrize(
    ("alias", "name"), [("linear", "identity"), ("swish", "silu"), ("hard_swish", "hard_silu")]
)
def test_aliases(alias: str, name: str) -> None:
    assert OPS[alias] is OPS[name]
    assert OPS[alias].name == name
    assert getattr(ops, alias) is getattr(ops, name)


def test_a_name_is_registered_once() -> None:
    def sigmoid(x: Any, *, xp: Any = None) -> Any:
        return x

    with pytest.raises(RuntimeError, match="'sigmoid' is registered twice"):
        op(elementwise=True)(sigmoid)


@pytest.mark.parametrize("name", NAMES)
def test_arrays_stand_first_attributes_by_name_and_the_namespace_last(name: str) -> None:
    *_, last = parameters = list(inspect.signature(OPS[name].formula).parameters.values())
    assert last.name == "xp"
    assert last.kind is last.KEYWORD_ONLY
    for parameter in parameters:
        if parameter.kind is parameter.KEYWORD_ONLY:
            assert parameter.default is not parameter.empty


FLOATING = [name for name in NAMES if OPS[name].floating]


def _required(name: str) -> int:
    kinds = [p for p in OPS[name].arrays if p.default is p.empty or p.kind is p.VAR_POSITIONAL]
    return len([p for p in kinds if p.name not in OPS[name].host])


def _hosted(name: str) -> list[Any]:
    return [[0]] * sum(p.name in OPS[name].host for p in OPS[name].arrays)


@pytest.mark.parametrize("dtype", ["int64", "uint8", "bool", "complex64"])
@pytest.mark.parametrize("name", FLOATING)
def test_what_is_not_floating_is_refused_by_name(name: str, dtype: str) -> None:
    with pytest.raises(DtypeError, match=f"^{name}: got an array of {dtype}, expected a floating"):
        getattr(ops, name)(*[np.ones((2, 2), dtype)] * _required(name), *_hosted(name))


@pytest.mark.parametrize("dtype", ["float32", "int64", "uint8", "bool", "complex64"])
@pytest.mark.parametrize("name", sorted(set(NAMES) - set(FLOATING)))
def test_dtypes_of_other_kinds_are_refused_by_name(name: str, dtype: str) -> None:
    kinds = OPS[name].dtypes
    if "any" in kinds or any(dtype in KINDS[kind] for kind in kinds):
        pytest.skip(f"{name} takes {dtype}")
    arrays = [np.ones((2, 2), dtype)] * _required(name)
    with pytest.raises(DtypeError, match=f"^{name}: got an array of {dtype}, expected "):
        getattr(ops, name)(*arrays, *_hosted(name))


def test_integers_are_refused_on_every_backend(backend: Backend) -> None:
    with pytest.raises(DtypeError, match=r"^sigmoid: got an array of .*int32"):
        ops.sigmoid(backend.asarray(np.arange(3, dtype=np.int32)))


@pytest.mark.parametrize("name", NAMES)
def test_the_checked_function_finds_the_namespace_by_itself(backend: Backend, name: str) -> None:
    inputs, attributes = sample(name)
    wanted = outputs(backend, name, inputs, **attributes)
    arrays = prepared(backend, name, inputs)
    got = getattr(ops, name)(*arrays, **attributes)
    for one, other in zip(got if isinstance(got, tuple) else (got,), wanted, strict=True):
        host = one if OPS[name].gives_host else backend.to_host(one)
        # A program asks NumPy for sums and products in forms of its own.
        np.testing.assert_allclose(np.asarray(host), other, rtol=4e-7, atol=4e-7)


@pytest.mark.parametrize("case", UNARY, ids=label)
def test_a_single_number_is_an_array_of_no_axes(backend: Backend, case: tuple[str, Any]) -> None:
    name, attributes = case
    x = np.array(-0.75, np.float32)
    got = apply(backend, name, x, **attributes)
    assert np.shape(got) == ()
    again = apply(backend, name, x[None], **attributes)
    np.testing.assert_allclose(got, again[0], rtol=8 * np.finfo(np.float32).eps)


@pytest.mark.parametrize("x", [[1.0, 2.0], 1.5, "text", None])
def test_what_is_no_array_is_refused(x: Any) -> None:
    with pytest.raises(
        DtypeError, match=r"^relu: got .*, expected arrays of one array-API library"
    ):
        ops.relu(x)


def test_arrays_of_two_libraries_are_refused() -> None:
    strict = pytest.importorskip("array_api_strict")
    with pytest.raises(DtypeError, match=r"^prelu: got ndarray, Array"):
        ops.prelu(np.ones(2), strict.ones(2))


@pytest.mark.parametrize("name", sorted(ROWS))
def test_an_axis_that_does_not_exist_is_refused(name: str) -> None:
    with pytest.raises(ShapeError, match=rf"^{name}: got shape \(2, 3\).*axis 2 does not exist"):
        getattr(ops, name)(np.ones((2, 3)), axis=2)
    with pytest.raises(ShapeError, match="axis -1 does not exist"):
        getattr(ops, name)(np.array(1.0))
    with pytest.raises(ShapeError, match=r"axis -1 of \(2, 0\) is empty"):
        getattr(ops, name)(np.ones((2, 0)))


def test_glu_needs_two_halves() -> None:
    with pytest.raises(ShapeError, match="3 features, and halves need an even number"):
        ops.glu(np.ones((2, 3)))
    with pytest.raises(ShapeError, match="axis 5 does not exist"):
        ops.glu(np.ones((2, 4)), axis=5)


def test_shapes_that_do_not_broadcast_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"^prelu: got shape \(2, 3\) and \(2,\).*2 and 3"):
        ops.prelu(np.ones((2, 3)), np.ones(2))


@pytest.mark.parametrize("case", UNARY, ids=label)
def test_the_output_is_within_the_bounds(case: tuple[str, Any]) -> None:
    name, attributes = case
    low, high = OPS[name].bounds
    for dtype in ("float16", "float32", "float64"):
        y = apply(get_backend("cpu"), name, points_of(case, dtype), **attributes)
        assert (y >= low).all()
        assert (y <= high).all()


@pytest.mark.parametrize("name", ["softmax", "softmin", "sparsemax", "hardmax", "log_softmax"])
def test_the_output_of_a_row_is_within_the_bounds(name: str) -> None:
    low, high = OPS[name].bounds
    y = getattr(ops, name)(np.random.default_rng(3).normal(scale=10, size=(50, 6)))
    assert ((y >= low) & (y <= high)).all()


RESCALED = sorted({r.name for r in OPS.values() if r.rescaled is not None})


def test_the_sigmoid_is_a_rescaled_tanh() -> None:
    assert RESCALED == ["sigmoid"]


@pytest.mark.parametrize("name", RESCALED)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_rescaled_op_is_the_same_function(name: str, dtype: str) -> None:
    rescaled = OPS[name].rescaled
    assert rescaled is not None
    x = points_of((name, {}), dtype)
    inner = getattr(ops, rescaled.inner)(rescaled.input_scale * x)
    again = rescaled.output_shift + rescaled.output_scale * inner
    np.testing.assert_allclose(again, getattr(ops, name)(x), rtol=0, atol=4 * np.finfo(dtype).eps)


@pytest.mark.parametrize("name", [name for name in FLOATING if _required(name) == 1])
def test_droppable_ops_return_their_input(name: str) -> None:
    (x, *rest), attributes = sample(name)
    assert (getattr(ops, name)(x, *rest, **attributes) is x) == OPS[name].droppable


def test_ops_that_merge() -> None:
    merging = {name: OPS[name].merges for name in NAMES if OPS[name].merges}
    assert merging == {
        "affine": "matrix",
        "conv": "channels",
        "conv_transpose": "transposed",
        "matmul": "matrix",
        "scale_shift": "diagonal",
    }


def test_what_an_op_scales_by() -> None:
    """Of each array by turns: the op is ``x * scale + shift``, or says that it is none."""
    told = set()
    for name in (name for name in NAMES if OPS[name].scaling):
        arrays, attributes = sample(name, np.random.default_rng(5).normal(size=(6, 4)))
        for place, x in enumerate(arrays):
            given = [None if other == place else a for other, a in enumerate(arrays)]
            found = OPS[name].scaling(*given, rank=x.ndim, **attributes)
            if found is not None:
                told.add((name, place))
                wanted = getattr(ops, name)(*arrays, **attributes)
                np.testing.assert_allclose(x * found[0] + found[1], wanted, rtol=1e-12, atol=1e-14)
    assert told == {
        *(("add", 0), ("add", 1), ("sub", 0), ("sub", 1), ("mul", 0), ("mul", 1)),
        *(("div", 0), ("neg", 0), ("scale_shift", 0), ("batch_normalization", 0)),
    }


@pytest.mark.parametrize("name", [name for name in NAMES if OPS[name].moves])
def test_what_moves_goes_to_the_same_places_whatever_it_is(name: str) -> None:
    x, others = np.arange(24.0).reshape(6, 4), np.random.default_rng(5).integers(-9, 9, 24)
    arrays, attributes = sample(name, x)

    def moved(numbers: Any) -> Any:
        given = [numbers if np.array_equal(array, x) else array for array in arrays]
        result = getattr(ops, name)(*given, **attributes)
        parts = result if isinstance(result, tuple) else (result,)
        return np.concatenate([np.ravel(part) for part in parts])

    expected = others[moved(x).astype(int)]
    np.testing.assert_array_equal(moved(others.reshape(6, 4).astype(float)), expected)


@pytest.mark.parametrize("name", [name for name in NAMES if OPS[name].rowwise])
def test_a_batch_may_be_cut(name: str) -> None:
    (x, *rest), attributes = sample(name, np.random.default_rng(5).normal(size=(6, 4)))
    if name in ("bit_shift", "where"):
        pytest.skip("its second array has rows too")
    by_rows = [r for r in rest if getattr(r, "ndim", 0) == 2 and len(r) == len(x)]
    formula = getattr(ops, name)
    parts = [
        formula(
            x[rows], *(r[rows] if any(r is b for b in by_rows) else r for r in rest), **attributes
        )
        for rows in (slice(0, 1), slice(1, 4), slice(4, 6))
    ]
    whole = formula(x, *rest, **attributes)
    # Several results are cut alike.
    several = zip(*parts, strict=True) if isinstance(whole, tuple) else [parts]
    for cut, one in zip(several, whole if isinstance(whole, tuple) else [whole], strict=True):
        np.testing.assert_allclose(np.concatenate(cut), one, rtol=1e-14, atol=1e-15)


def test_elementwise_ops_are_rowwise() -> None:
    assert all(op.rowwise for op in OPS.values() if op.elementwise)


@pytest.mark.parametrize(
    ("name", "shapes", "attributes", "wanted"),
    [
        ("relu", [("batch", 3)], {}, ("batch", 3)),
        ("scale_shift", [("batch", 3), (3,), ()], {}, ("batch", 3)),
        ("add", [("batch", 1), (3,)], {}, ("batch", 3)),
        ("affine", [("batch", 5, 3), (3, 2), (2,)], {}, ("batch", 5, 2)),
        ("matmul", [("batch", 3), (3, 2)], {}, ("batch", 2)),
        ("matmul", [("batch", 4, 3), ("batch", 3, 4)], {}, ("batch", 4, 4)),
        ("matmul", [("batch", 4, 3), (3,)], {}, ("batch", 4)),
        ("softmax", [("batch", 3)], {"axis": 0}, ("batch", 3)),
        ("logsumexp", [("batch", 3)], {}, ("batch",)),
        ("logsumexp", [("batch", 3)], {"axis": 0, "keepdims": True}, (1, 3)),
        ("glu", [("batch", 6)], {}, ("batch", 3)),
        ("glu", [("batch", 6, 2)], {"axis": 1}, ("batch", 3, 2)),
    ],
)
def test_shapes_may_have_symbols(
    name: str, shapes: list[Any], attributes: dict[str, Any], wanted: tuple[Any, ...]
) -> None:
    assert OPS[name].shape(*shapes, **attributes) == wanted


@pytest.mark.parametrize(
    ("name", "shapes"),
    [
        ("relu6", []),
        ("add", [("batch", 3), ("other", 3)]),
        ("affine", [("batch", 3), (4, 2), (2,)]),
        ("affine", [("batch", 3), (3, 2), (3,)]),
        ("affine", [("batch", 3), (3,), (3,)]),
        ("matmul", [(), (3, 2)]),
        ("matmul", [("batch", 3), ()]),
        ("matmul", [(5, 2, 3), (4, 3, 2)]),
        ("glu", [("batch",)]),
        ("softmax", [()]),
    ],
)
def test_shapes_that_do_not_fit_are_value_errors(name: str, shapes: list[Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        OPS[name].shape(*shapes)


def test_16_bit_floats_of_either_kind_are_computed_in_float32() -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes")
    x = np.linspace(-9, 9, 101)
    for dtype in (np.float16, ml_dtypes.bfloat16):
        short = x.astype(dtype)
        got = OPS["gelu"].formula(short, xp=get_backend("cpu").xp)
        assert got.dtype == short.dtype
        exact = [v * math.erfc(-v / math.sqrt(2)) / 2 for v in short.astype(float)]
        np.testing.assert_array_equal(got, np.array(exact).astype(np.float32).astype(dtype))


@pytest.mark.parametrize("name", NAMES)
def test_a_docstring_says_what_the_contract_asks(name: str) -> None:
    text = inspect.getdoc(getattr(ops, name)) or ""
    for section in ("Parameters", "Returns", "Raises", "Examples"):
        assert f"\n{section}\n{'-' * len(section)}\n" in text
    assert "shape" in text
    assert re.search(rf">>> .*\b{name}\(", text)


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("leaky_relu", "alpha", None),
        ("leaky_relu", "alpha", "0.1"),
        ("elu", "alpha", True),
        ("elu", "alpha", np.ones(3)),
        ("celu", "alpha", 1j),
        ("squareplus", "b", 10**400),
        ("softmax", "axis", 1.0),
        ("softmax", "axis", None),
        ("softmax", "axis", True),
        ("logsumexp", "keepdims", 1),
        ("gelu", "approximate", 3),
    ],
)
def test_an_attribute_of_another_kind_is_refused(name: str, key: str, value: Any) -> None:
    with pytest.raises(
        GraphError, match=rf"^{name}: got {key}=.*, expected a value like"
    ) as caught:
        getattr(ops, name)(np.ones((2, 3)), **{key: value})
    assert len(str(caught.value).splitlines()) == 1


def test_an_attribute_that_does_not_exist_is_refused_as_python_does() -> None:
    with pytest.raises(TypeError, match=r"^softmax: got 2 arrays, expected x "):
        ops.softmax(np.ones(2), np.ones(2))  # type: ignore[call-arg, misc]
    with pytest.raises(TypeError, match=r"^relu\(\) got an unexpected keyword argument 'alpha'"):
        ops.relu(np.ones(3), alpha=0.5)


def test_attributes_may_be_numpy_s_numbers(backend: Backend) -> None:
    x = backend.asarray(np.array([[-2.0, 0.5, 1.0]], np.float32))
    for alpha in (np.float32(0.5), np.float64(0.5), np.float16(0.5)):
        np.testing.assert_array_equal(
            backend.to_host(ops.leaky_relu(x, alpha=alpha)), np.float32([[-1.0, 0.5, 1.0]])
        )
    np.testing.assert_array_equal(
        backend.to_host(ops.softmax(x, axis=np.int64(1))), backend.to_host(ops.softmax(x, axis=1))
    )
