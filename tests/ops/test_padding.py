"""Padding against NumPy's own, on every backend."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arraynet import ops
from arraynet.backends import Backend
from arraynet.errors import DtypeError, GraphError, ShapeError
from arraynet.ops.meta import MetaArray, NeedsValueError
from tests.ops.running import run, searched


@pytest.mark.parametrize("mode", ["constant", "edge", "reflect", "wrap"])
def test_pad_is_that_of_numpy(backend: Backend, mode: str) -> None:
    @searched(backend)
    @given(data=st.data(), shape=st.lists(st.integers(1, 4), min_size=1, max_size=3))
    def check(data: st.DataObject, shape: list[int]) -> None:
        x = np.arange(np.prod(shape, dtype=int), dtype=np.int32).reshape(shape) - 3
        rank = len(shape)
        pads = [data.draw(st.integers(-min(shape), 6)) for _ in range(2 * rank)]
        cut = [
            (max(0, -before), max(0, -after))
            for before, after in zip(pads[:rank], pads[rank:], strict=True)
        ]
        rest = x[tuple(slice(b, n - a) for (b, a), n in zip(cut, shape, strict=True))]
        fits = all(b + a <= n for (b, a), n in zip(cut, shape, strict=True))
        more = [(max(0, b), max(0, a)) for b, a in zip(pads[:rank], pads[rank:], strict=True)]
        if not fits or (mode != "constant" and 0 in rest.shape):
            return
        wanted = np.pad(rest, more, mode=mode)
        got = run(backend, "pad", x, np.array(pads, np.int64), mode=mode)
        assert got.dtype == x.dtype
        np.testing.assert_array_equal(got, wanted)

    check()


@pytest.mark.parametrize("kind", ["bool", "uint8", "int16", "float32"])
def test_any_dtype_and_a_number_to_pad_with(backend: Backend, kind: str) -> None:
    x = np.array([[1, 0], [1, 1]], kind)
    got = run(backend, "pad", x, np.array([1, 0]), None, np.array([-1]))
    np.testing.assert_array_equal(got, np.array([[0, 1, 0], [0, 1, 1]], kind))
    one = np.array([1], kind)
    got = run(backend, "pad", x, np.array([0, 1]), one, np.array([0]))
    np.testing.assert_array_equal(got, np.array([[1, 0], [1, 1], [1, 1]], kind))
    assert got.dtype == kind


def test_axes_of_size_0(backend: Backend) -> None:
    x = np.zeros((0, 2), np.float32)
    got = run(backend, "pad", x, np.array([1, 0, 2, 0]))
    np.testing.assert_array_equal(got, np.zeros((3, 2), np.float32))
    assert run(backend, "pad", x, np.array([0, 1, 0, 1]), mode="edge").shape == (0, 4)


def test_a_number_has_no_axis_to_pad(backend: Backend) -> None:
    assert run(backend, "pad", np.array(3, np.int32), np.zeros(0, np.int64)) == 3


X = np.ones((2, 3))


@pytest.mark.parametrize(
    ("arrays", "attributes", "message"),
    [
        ((X, [1, 1]), {}, "2 pads are not two for each of 2 axes"),
        ((X, [1, 1], None, [2]), {}, r"axis 2 does not exist in \(2, 3\)"),
        ((X, [1, 1, 1, 1], None, [0, -2]), {}, r"axes \(0, -2\) name an axis twice"),
        ((X, [-1, 0, -2, 0]), {}, r"pads of -1 and -2 take more than axis 0 of \(2, 3\) has"),
        ((X, [0.5, 0, 0, 0]), {}, "pads .* are no whole numbers"),
        ((X, [1, 0, 0, 0], np.ones(2)), {}, r"constant_value \(2,\) is not one element"),
        ((X[:0], [1, 0, 0, 0]), {"mode": "wrap"}, r"axis 0 of \(0, 3\) has no element to repeat"),
    ],
)
def test_what_does_not_fit_is_refused(
    arrays: tuple[Any, ...], attributes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ShapeError, match=rf"^pad: got shape .*{message}") as caught:
        ops.pad(*arrays, **attributes)
    assert "\n" not in str(caught.value)


def test_a_mode_that_is_none_and_a_number_of_another_dtype_are_refused() -> None:
    with pytest.raises(GraphError, match=r"^pad: got mode='mirror', expected constant, edge"):
        ops.pad(X, [1, 1, 1, 1], mode="mirror")
    with pytest.raises(DtypeError, match=r"got constant_value of float32, expected .* float64"):
        ops.pad(X, [1, 1, 1, 1], np.float32(0))


def test_pads_without_numbers_are_asked_for() -> None:
    from arraynet.ops import OPS

    x = MetaArray((2, 3), "float32")
    with pytest.raises(NeedsValueError, match="without numbers"):
        OPS["pad"].formula(x, MetaArray((4,), "int64", x.namespace), xp=x.namespace)
    assert OPS["pad"].shape(("batch", 3), np.array([0, 1, 0, 1])) == ("batch", 5)
