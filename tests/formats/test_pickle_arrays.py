"""Pickles of NumPy arrays load bit for bit, whoever wrote them and how."""

from __future__ import annotations

import collections
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from arraynet import LoadError, formats
from arraynet.formats import Limits
from tests.formats import opcodes as op
from tests.formats.references import read_pickle
from tests.formats.sample_arrays import KINDS, sample_arrays

DATA = Path(__file__).parent / "data"

Arrays = dict[str, np.ndarray[Any, Any]]


def assert_bits(found: Arrays, expected: Arrays) -> None:
    assert list(found) == list(expected)
    for name, array in found.items():
        wanted = np.asarray(expected[name])
        assert array.shape == wanted.shape, name
        assert array.dtype == wanted.dtype.newbyteorder("="), name
        assert array.dtype.isnative, name
        assert array.tobytes() == wanted.astype(array.dtype).tobytes(), name
        assert array.flags.writeable, name
        assert array.flags.aligned, name


@pytest.fixture
def load(tmp_path: Path) -> Callable[[bytes], Arrays]:
    def load(data: bytes) -> Arrays:
        path = tmp_path / "file.pkl"
        path.write_bytes(data)
        return formats.read(path, allow_nonfinite=True).tensors

    return load


@pytest.mark.parametrize("protocol", range(6))
def test_pickles_of_numpy_1(protocol: int) -> None:
    path = DATA / f"numpy1_protocol{protocol}.pkl"
    data = path.read_bytes()
    assert b"numpy.core" in data
    assert b"numpy._core" not in data
    assert_bits(formats.read(path, allow_nonfinite=True).tensors, sample_arrays())


@pytest.mark.parametrize("protocol", range(6))
def test_pickles_of_this_numpy(protocol: int, load: Callable[[bytes], Arrays]) -> None:
    data = pickle.dumps(sample_arrays(), protocol)
    assert np.__version__.startswith("1.") or b"numpy._core" in data
    assert_bits(load(data), sample_arrays())


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("framed", [False, True])
def test_large_arrays(protocol: int, framed: bool, load: Callable[[bytes], Arrays]) -> None:
    """Beyond 64 KiB the pickler leaves its frames, and strings come in pieces."""
    chance = np.random.default_rng(1)
    large = chance.integers(0, 256, 300_000, "u1")
    arrays = {"W1": large.view("f4"), "W2": large[::-1].reshape(500, 600).T}
    if framed:
        arrays = {str(number): large[:100].copy() for number in range(900)}
    assert_bits(load(pickle.dumps(arrays, protocol)), arrays)


def test_memory_order_is_kept(load: Callable[[bytes], Arrays]) -> None:
    arrays = load(pickle.dumps(sample_arrays(), 2))
    assert arrays["fortran"].flags.f_contiguous
    assert arrays["W1"].flags.c_contiguous
    assert load(pickle.dumps(sample_arrays(), 5))["transposed"].base is not None


def test_one_array_under_two_names_is_loaded_once(load: Callable[[bytes], Arrays]) -> None:
    arrays = load(pickle.dumps(sample_arrays(), 4))
    assert arrays["same"] is arrays["W1"]


@pytest.mark.parametrize("name", ["sample_weight", "params", "deep_convnet_params"])
def test_the_books_pickles(name: str, test_data: Path) -> None:
    path = test_data / "weights" / f"{name}.pkl"
    assert_bits(formats.read(path).tensors, read_pickle(str(path)))
    print(f"{name}: {len(formats.read(path).tensors)} arrays, bit for bit")


# Python 2 is not at hand: what its pickler writes, put together here. Its strings are
# bytes, written raw (T, U) or as repr (S).

VALUES = np.array([0, 9, 10, 13, 34, 39, 92, 127, 128, 200, 255, 1], "u1").view(">f4")


def python2(protocol: int, key: str = "W1") -> bytes:
    def string(value: bytes) -> bytes:
        if protocol == 0:
            return b"S" + repr(value)[1:].encode() + b"\n"
        if len(value) < 256:
            return b"U" + bytes([len(value)]) + value
        return b"T" + len(value).to_bytes(4, "little") + value

    def integer(value: int) -> bytes:
        return b"I%d\n" % value if protocol == 0 else op.number(value)

    truth = b"I01\n" if protocol < 2 else op.TRUE
    lie = b"I00\n" if protocol < 2 else op.FALSE
    shape = op.tuple_of(b"L3L\n") if protocol < 2 else b"\x8a\x01\x03" + op.TUPLE1
    state = op.tuple_of(
        integer(3), string(b">"), op.NONE, op.NONE, op.NONE, integer(-1), integer(-1), integer(0)
    )
    element = op.call(op.global_("numpy", "dtype"), string(b"f4"), lie, truth)
    element += b"p9\n" + state + op.BUILD
    new = op.call(
        op.global_("numpy.core.multiarray", "_reconstruct"),
        op.global_("numpy", "ndarray"),
        op.tuple_of(integer(0)),
        string(b"b"),
    )
    data = string(VALUES.tobytes())
    array = new + op.tuple_of(integer(1), shape, element, lie, data) + op.BUILD
    body = op.MARK + b"d" + b"p0\n" + string(key.encode("latin-1")) + b"p1\n" + array + b"s"
    return op.whole(body, version=2 if protocol == 2 else None)


@pytest.mark.parametrize("protocol", range(3))
@pytest.mark.parametrize("key", ["W1", "größe"])
def test_pickles_of_python_2(protocol: int, key: str, load: Callable[[bytes], Arrays]) -> None:
    data = python2(protocol, key)
    assert_bits(load(data), {key: VALUES})


def test_the_second_reader_reads_them_too(tmp_path: Path) -> None:
    """What this file says of Python 2, Python's own unpickler must agree to."""
    for protocol in range(3):
        path = tmp_path / f"{protocol}.pkl"
        path.write_bytes(python2(protocol))
        assert_bits({"W1": read_pickle(str(path))["W1"].astype("f4")}, {"W1": VALUES})


def test_a_dtype_that_is_no_copy_is_refused(load: Callable[[bytes], Arrays]) -> None:
    """NumPy ignores the byte order of such a one, which is its own; it writes none."""
    copied = b"I00\nI01\n"
    data = python2(0)
    assert data.count(copied) == 1
    with pytest.raises(LoadError, match="dtype"):
        load(data.replace(copied, b"I00\nI00\n"))


def from_buffer(order: bytes) -> bytes:
    """Return an array as protocol 5 writes it."""
    made = op.global_("numpy._core.numeric", "_frombuffer")
    return op.call(made, op.data(bytes(8)), op.dtype(), op.tuple_of(op.number(2)), order)


BYTES_FOR_TEXT = {
    "a key": op.EMPTY_DICT + op.data(b"W1") + op.array() + op.SETITEM,
    "a module": op.dict_of(
        W1=op.array().replace(
            op.global_("numpy", "ndarray"), op.data(b"numpy") + op.text("ndarray") + op.STACK_GLOBAL
        )
    ),
    "a symbol": op.dict_of(
        W1=op.array().replace(
            op.global_("numpy", "ndarray"), op.text("numpy") + op.data(b"ndarray") + op.STACK_GLOBAL
        )
    ),
    "a memory order": op.dict_of(W1=from_buffer(op.data(b"C"))),
}


@pytest.mark.parametrize("what", BYTES_FOR_TEXT)
def test_bytes_are_no_text(what: str, load: Callable[[bytes], Arrays], tmp_path: Path) -> None:
    """Where Python 3 refuses bytes, or keeps b"W1" and "W1" apart, they are refused."""
    data = op.whole(BYTES_FOR_TEXT[what], version=4)
    with pytest.raises(LoadError, match="got bytes as a name, expected a str"):
        load(data)
    path = tmp_path / "reference.pkl"
    path.write_bytes(data)
    if what in ("a module", "a symbol"):
        with pytest.raises(pickle.UnpicklingError, match="requires str"):
            read_pickle(str(path))


def test_text_that_stands_where_bytes_did(load: Callable[[bytes], Arrays]) -> None:
    assert load(op.whole(op.dict_of(W1=from_buffer(op.text("C")))))["W1"].tolist() == [0, 0]


# What holds the arrays: the second book's lists, and dicts that are more than dicts.

W, B = np.arange(6, dtype="f4").reshape(2, 3), np.ones(3, "f2")


def written_by_python_2() -> bytes:
    """Return an OrderedDict as Python 2 pickles it: made from a list of pairs."""
    pairs = b"".join(
        op.EMPTY_LIST + op.MARK + op.text(name) + op.array() + b"e" for name in ("W1", "b1")
    )
    inner = op.EMPTY_LIST + op.MARK + pairs + b"e"
    return op.whole(op.call(op.global_("collections", "OrderedDict"), inner))


@pytest.mark.parametrize("protocol", range(6))
def test_lists_and_ordered_dicts(protocol: int, load: Callable[[bytes], Arrays]) -> None:
    found = load(pickle.dumps(collections.OrderedDict(W1=W, b1=B), protocol))
    assert_bits(found, {"W1": W, "b1": B})
    for kind in (list, tuple):
        found = load(pickle.dumps(kind([W, B, W.T, B]), protocol))
        assert_bits(found, {"arr_0": W, "arr_1": B, "arr_2": W.T, "arr_3": B})


def test_an_ordered_dict_of_python_2(load: Callable[[bytes], Arrays], tmp_path: Path) -> None:
    data = written_by_python_2()
    (tmp_path / "reference.pkl").write_bytes(data)
    found = load(data)
    assert list(found) == ["W1", "b1"]
    assert_bits(found, read_pickle(str(tmp_path / "reference.pkl")))


def test_a_list_has_no_more_items_than_tensors_may_be(tmp_path: Path) -> None:
    path = tmp_path / "file.pkl"
    path.write_bytes(pickle.dumps([B] * 4))
    for limits in (Limits(tensors=3), Limits(tensors=4)):
        if limits.tensors == 3:
            with pytest.raises(LoadError, match=r"more than 3 items, .*Limits.tensors"):
                formats.read(path, limits=limits)
        else:
            assert len(formats.read(path, limits=limits).tensors) == 4


@pytest.mark.parametrize(
    ("module", "advice"),
    [
        ("torch._utils", "safetensors.torch.save_file(model.state_dict()"),
        ("sklearn.neural_network", "model.coefs_"),
        ("keras.src.models", "w.numpy() for w in model.weights"),
        ("tensorflow.python", "w.numpy() for w in model.weights"),
        ("joblib.numpy", "joblib.load(path)"),
        ("cupy._core.core", "cupy.asnumpy"),
        ("nobody.knows", "numpy.savez('model.npz'"),
    ],
)
def test_the_error_for_another_library_leads_on(
    module: str, advice: str, load: Callable[[bytes], Arrays]
) -> None:
    for start in (b"", b"(", op.proto(2), op.proto(4)):
        with pytest.raises(LoadError) as caught:
            load(start + op.global_(module, "thing"))
        assert advice in str(caught.value)
        assert len(str(caught.value)) < 500


def test_kinds_are_all_covered() -> None:
    from arraynet.formats.stored import KINDS as KNOWN

    assert set(KINDS) == set(KNOWN)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ({"W1": [np.ones(2)]}, "a list"),
        ({"W1": [1.0, 2.0]}, "a float"),
        ([[np.ones(2)]], "a list"),
        ([np.ones(2), "text"], "a list"),
        ({"W1": 1.0}, "a float"),
        ({"W1": 1}, "an int"),
        ({"W1": None}, "None"),
        ({"W1": {"W": np.ones(2)}}, "a dict"),
        ({"W1": np.array([None])}, "dtype 'O8'"),
        ({"W1": np.array(["x"])}, "dtype 'U1'"),
        ({"W1": np.array([(1, 2.0)], "i4,f4")}, "dtype 'V8'"),
        ({"W1": np.array(["2020-01-01"], "M8[D]")}, "dtype 'M8'"),
        ({1: np.ones(2)}, "an int as a name"),
        (np.ones(2), "an array"),
        ({}, "no tensors"),
        ({"W1": np.ma.ones(2)}, "numpy.ma"),
        ("text", "a str"),
    ],
)
def test_anything_else_is_refused_by_name(
    value: object, found: str, load: Callable[[bytes], Arrays]
) -> None:
    for protocol in (0, 2, 4, 5):
        with pytest.raises(LoadError) as caught:
            load(pickle.dumps(value, protocol))
        assert found in caught.value.found


def test_nonfinite_values_are_refused_by_place(tmp_path: Path) -> None:
    path = tmp_path / "file.pkl"
    weights = np.ones((3, 4), "f4", order="F")
    weights[2, 1] = np.nan
    path.write_bytes(pickle.dumps({"b1": np.ones(3), "W1": weights}))
    with pytest.raises(LoadError, match=r"W1: got nan at index \(2, 1\), expected finite"):
        formats.read(path)
    weights[1, 3] = -np.inf
    path.write_bytes(pickle.dumps({"W1": weights}))
    with pytest.raises(LoadError, match=r"W1: got nan at index \(2, 1\)"):  # first in memory
        formats.read(path)
    assert np.isnan(formats.read(path, allow_nonfinite=True).tensors["W1"][2, 1])


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("kind", ["O", "U3", "M8[D]"])
def test_the_error_names_the_tensor(
    protocol: int, place: int, kind: str, load: Callable[[bytes], Arrays]
) -> None:
    arrays: Arrays = {name: np.ones(2, "f4") for name in ("W1", "b1", "W2")}
    name = list(arrays)[place]
    arrays[name] = np.zeros(2, kind)
    with pytest.raises(LoadError) as caught:
        load(pickle.dumps(arrays, protocol))
    assert caught.value.member == name
