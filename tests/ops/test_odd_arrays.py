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

NAMES = sorted({registration.name for registration in OPS.values() if registration.floating})

X = np.linspace(-2.0, 2.0, 16, dtype=np.float32).reshape(4, 4)


class Tagged(np.ndarray):
    """An array with rules of its own, as units have."""

    def __mul__(self, other: Any) -> Any:
        return np.zeros_like(self)


def _extension(name: str) -> np.dtype[Any]:
    return np.dtype(getattr(pytest.importorskip("ml_dtypes"), name))


REFUSED = {
    "matrix": lambda: np.matrix(X),
    "masked": lambda: np.ma.masked_array(X, mask=X > 0),
    "subclass": lambda: X.view(Tagged),
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
    "memmap": lambda path: _mapped(path),
    "read only": lambda path: _sealed(),
    "by columns": lambda path: np.asfortranarray(X),
    "backwards": lambda path: X[::-1, ::-1].copy()[::-1, ::-1],
    "other bytes": lambda path: X.astype(">f4"),
    "unaligned": lambda path: np.frombuffer(b"?" + X.tobytes(), np.float32, offset=1).reshape(4, 4),
    "broadcast": lambda path: np.broadcast_to(X[:1], (4, 4)),
}


def _mapped(path: Any) -> np.ndarray[Any, Any]:
    mapped = np.memmap(path / "x", np.float32, "w+", shape=(4, 4))
    mapped[...] = X
    return mapped


def _sealed() -> np.ndarray[Any, Any]:
    copy = X.copy()
    copy.setflags(write=False)
    return copy


def _rest(name: str) -> list[np.ndarray[Any, Any]]:
    """Return what an op takes beside its first array."""
    vector = np.linspace(0.5, 1.5, 4, dtype=np.float32)
    required = [p for p in OPS[name].arrays if p.default is p.empty]
    square = [np.eye(4, dtype=np.float32)] if OPS[name].merges == "matrix" else []
    return [*square, vector, vector][: len(required) - 1]


@pytest.mark.parametrize("kind", REFUSED)
@pytest.mark.parametrize("name", NAMES)
def test_what_would_compute_something_else_is_refused(name: str, kind: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)  # np.matrix says so
        odd = REFUSED[kind]()
    rest = _rest(name)
    for arrays in ([odd, *rest], *([X, odd, *rest[1:]] for _ in rest[:1])):
        with pytest.raises((DtypeError, TypeError), match=f"^{name}: got ") as caught:
            getattr(ops, name)(*arrays)
        assert len(str(caught.value)) < 300
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", COMPUTED)
@pytest.mark.parametrize("name", NAMES)
def test_how_an_array_lies_in_memory_does_not_matter(name: str, kind: str, tmp_path: Any) -> None:
    odd, rest = COMPUTED[kind](tmp_path), _rest(name)
    plain = np.array(odd, dtype=np.float32, order="C")
    with np.errstate(invalid="ignore"):  # the logarithm of a negative number is NaN
        got = getattr(ops, name)(odd, *rest)
        wanted = getattr(ops, name)(plain, *rest)
    assert got.dtype.newbyteorder("=") == np.float32
    np.testing.assert_allclose(got, wanted, rtol=4 * np.finfo(np.float32).eps, atol=1e-7)


@pytest.mark.parametrize("name", NAMES)
def test_bfloat16_is_computed_as_float32_and_rounded(name: str) -> None:
    kind = _extension("bfloat16")
    short = X.astype(kind)
    rest = [array.astype(kind) for array in _rest(name)]
    wide = [array.astype(np.float32) for array in (short, *rest)]
    with np.errstate(invalid="ignore"):
        got = getattr(ops, name)(short, *rest)
        wanted = getattr(ops, name)(*wide)
    assert got.dtype == kind
    np.testing.assert_allclose(got.astype(np.float32), wanted, rtol=2**-7, atol=2**-7)


def test_the_table_of_ops_is_whole() -> None:
    assert len(NAMES) >= 38
    assert all(inspect.isfunction(getattr(ops, name)) for name in NAMES)
