"""Every op computes right with every odd kind of array, or refuses it by name."""

from __future__ import annotations

import inspect
import warnings
from typing import Any

import numpy as np
import pytest

from arraynet import ops
from arraynet.errors import DtypeError
from arraynet.ops import OPS
from tests.ops.inputs import sample

NAMES = sorted({registration.name for registration in OPS.values() if registration.floating})

Array = np.ndarray[Any, Any]

X = np.linspace(-2.0, 2.0, 16, dtype=np.float32).reshape(4, 4)


class Tagged(np.ndarray):
    """An array with rules of its own, as units have."""

    def __mul__(self, other: Any) -> Any:
        return np.zeros_like(self)


def _extension(name: str) -> np.dtype[Any]:
    return np.dtype(getattr(pytest.importorskip("ml_dtypes"), name))


REFUSED = {
    "masked": lambda: np.ma.masked_array(X, mask=X > 0),
    "record": lambda: np.rec.fromarrays([X, X]),
    "list": lambda: X.tolist(),
    "number": lambda: 1.5,
    "none": lambda: None,
    "object": lambda: X.astype(object),
    "text": lambda: X.astype(str),
    "dates": lambda: np.zeros((4, 4), "datetime64[s]"),
    "spans": lambda: np.zeros((4, 4), "timedelta64[s]"),
    "structured": lambda: np.zeros((4, 4), [("a", "f4")]),
    "complex": lambda: X.astype(complex),
    "longdouble": lambda: X.astype(np.longdouble),
    "float8": lambda: X.astype(_extension("float8_e4m3fn")),
    "int4": lambda: X.astype(_extension("int4")),
}

COMPUTED = {
    "matrix": lambda x, path: np.matrix(x) if x.ndim == 2 else x.view(Tagged),
    "subclass": lambda x, path: x.view(Tagged),
    "memmap": lambda x, path: _mapped(x, path),
    "read only": lambda x, path: _sealed(x),
    "by columns": lambda x, path: np.asfortranarray(x),
    "backwards": lambda x, path: x[::-1, ::-1].copy()[::-1, ::-1],
    "other bytes": lambda x, path: x.astype(">f4"),
    "unaligned": lambda x, path: _unaligned(x),
    "broadcast": lambda x, path: np.broadcast_to(x[:1], x.shape),
}


def _mapped(x: Array, path: Any) -> Array:
    mapped = np.memmap(path / "x", np.float32, "w+", shape=x.shape)
    mapped[...] = x
    return mapped


def _sealed(x: Array) -> Array:
    copy = x.copy()
    copy.setflags(write=False)
    return copy


def _unaligned(x: Array) -> Array:
    return np.frombuffer(b"?" + x.tobytes(), np.float32, offset=1).reshape(x.shape)


def _sample(name: str) -> tuple[Array, list[Any], dict[str, Any]]:
    """Return an op's first array, those after it, and its attributes."""
    (first, *rest), attributes = sample(name, X)
    return np.ascontiguousarray(first), rest, attributes


def _results(name: str, *arrays: Any, **attributes: Any) -> list[Array]:
    with np.errstate(invalid="ignore"):  # the logarithm of a negative number is NaN
        got = getattr(ops, name)(*arrays, **attributes)
    return list(got) if isinstance(got, tuple) else [got]


@pytest.mark.parametrize("kind", REFUSED)
@pytest.mark.parametrize("name", NAMES)
def test_what_would_compute_something_else_is_refused(name: str, kind: str) -> None:
    odd = REFUSED[kind]()
    first, rest, attributes = _sample(name)
    second = rest[:1] if not OPS[name].placed([first, *rest])[-1][1] else []
    for arrays in ([odd, *rest], *([first, odd, *rest[1:]] for _ in second)):
        with pytest.raises((DtypeError, TypeError), match=f"^{name}: got ") as caught:
            getattr(ops, name)(*arrays, **attributes)
        assert len(str(caught.value)) < 300
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", COMPUTED)
@pytest.mark.parametrize("name", NAMES)
def test_how_an_array_lies_in_memory_does_not_matter(name: str, kind: str, tmp_path: Any) -> None:
    first, rest, attributes = _sample(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)  # np.matrix says so
        odd = COMPUTED[kind](first, tmp_path)
    plain = np.array(odd, dtype=np.float32, order="C")
    got = _results(name, odd, *rest, **attributes)
    for one, wanted in zip(got, _results(name, plain, *rest, **attributes), strict=True):
        assert one.dtype.newbyteorder("=") == np.float32
        np.testing.assert_allclose(one, wanted, rtol=4 * np.finfo(np.float32).eps, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_bfloat16_is_computed_as_float32_and_rounded(name: str) -> None:
    kind = _extension("bfloat16")
    first, rest, attributes = _sample(name)
    arrays, wide = (
        [
            array if host or array.dtype.kind in "bi" else array.astype(kind).astype(dtype)
            for array, host in OPS[name].placed([first, *rest])
        ]
        for dtype in (kind, np.float32)
    )
    got = _results(name, *arrays, **attributes)
    for one, wanted in zip(got, _results(name, *wide, **attributes), strict=True):
        assert one.dtype == kind
        np.testing.assert_allclose(one.astype(np.float32), wanted, rtol=2**-7, atol=2**-7)


def test_the_table_of_ops_is_whole() -> None:
    assert len(NAMES) >= 38
    assert all(inspect.isfunction(getattr(ops, name)) for name in NAMES)
