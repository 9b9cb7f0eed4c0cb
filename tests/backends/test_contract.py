"""What every backend promises: transfers, dtypes, ownership, names."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from arraynet.backends import Backend, get_backend
from arraynet.errors import DeviceMismatchError, DtypeError, ShapeError


@pytest.mark.parametrize("dtype", ["uint8", "int32", "float32", "bool"])
def test_a_host_array_goes_up_and_comes_back(backend: Backend, dtype: str) -> None:
    host = np.arange(6).reshape(2, 3).astype(dtype)
    there = backend.asarray(host)
    assert backend.owns(there)
    back = backend.to_host(there)
    assert type(back) is np.ndarray
    assert back.dtype == host.dtype
    np.testing.assert_array_equal(back, host)


def test_an_array_of_the_device_is_used_as_it_is(backend: Backend) -> None:
    there = backend.asarray(np.ones((2, 3), np.float32))
    assert backend.asarray(there) is there
    assert backend.asarray(there, "float32") is there


def test_bytes_are_converted_on_request(backend: Backend) -> None:
    there = backend.asarray(np.array([0, 255], np.uint8), "float32")
    assert there.dtype == backend.dtype("float32")
    np.testing.assert_array_equal(backend.to_host(there), np.array([0, 255], np.float32))


@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_a_host_dtype_that_the_library_may_lack_is_converted(backend: Backend, dtype: str) -> None:
    there = backend.asarray(np.array([0.5, -2.0], dtype), "float32")
    assert there.dtype == backend.dtype("float32")
    np.testing.assert_array_equal(backend.to_host(there), np.array([0.5, -2.0], np.float32))


def test_lists_scalars_read_only_reversed_and_foreign_byte_order(backend: Backend) -> None:
    read_only = np.arange(3, dtype=np.float32)
    read_only.flags.writeable = False
    for given in (
        [0.0, 1.0, 2.0],
        read_only,
        np.arange(3, dtype=">f4"),
        np.arange(3, dtype=np.float32)[::-1][::-1],
        memoryview(np.arange(3, dtype=np.float32)),
    ):
        there = backend.asarray(given, "float32")
        np.testing.assert_array_equal(backend.to_host(there), np.float32([0, 1, 2]))
    reversed_host = np.arange(3, dtype=np.float32)[::-1]
    np.testing.assert_array_equal(
        backend.to_host(backend.asarray(reversed_host)), np.float32([2, 1, 0])
    )
    assert backend.to_host(backend.asarray(np.float32(3))).shape == ()


@pytest.mark.parametrize(
    "bad",
    [
        np.array([1 + 2j]),
        np.array(["1"]),
        np.array([None]),
        np.array(["2000-01-01"], "datetime64[D]"),
        np.ma.masked_array(np.ones(2, np.float32), [True, False]),
    ],
    ids=["complex", "text", "object", "date", "masked"],
)
def test_what_is_not_a_real_number_is_refused_by_name(backend: Backend, bad: object) -> None:
    with pytest.raises(DtypeError, match="input: got"):
        backend.asarray(bad, "float32")


def test_a_ragged_list_is_refused(backend: Backend) -> None:
    with pytest.raises(ShapeError, match="inhomogeneous"):
        backend.asarray([[1.0, 2.0], [3.0]])


@pytest.mark.parametrize("name", ["float128", "complex64", "exp", ""])
def test_an_unknown_dtype_is_refused_with_the_known_ones(backend: Backend, name: str) -> None:
    with pytest.raises(DtypeError, match="float32"):
        backend.dtype(name)


def test_an_array_of_another_device_is_refused(backend: Backend) -> None:
    other = "array_api_strict:device1"
    if backend.name == other:
        other = "array_api_strict:device2"
    foreign = get_backend(other).asarray(np.ones(2, np.float32))
    assert not backend.owns(foreign)
    with pytest.raises(DeviceMismatchError, match="array_api_strict") as caught:
        backend.asarray(foreign)
    assert repr(backend.name) in str(caught.value)


def test_an_array_of_another_library_on_the_host_comes_in(backend: Backend) -> None:
    foreign = get_backend("array_api_strict").asarray(np.float32([1, 2]))
    found = backend.asarray(foreign)
    assert backend.owns(found)
    assert backend.to_host(found).tolist() == [1, 2]


def test_a_backend_pickles_as_its_name(backend: Backend) -> None:
    assert pickle.loads(pickle.dumps(backend)) is backend
    assert get_backend(backend.name) is backend


def test_the_namespace_makes_arrays_on_the_device(backend: Backend) -> None:
    with backend.active():
        result = backend.xp.exp(backend.asarray(np.zeros(3, np.float32)))
    assert backend.owns(result)
    np.testing.assert_array_equal(backend.to_host(result), np.ones(3, np.float32))


def test_the_pipeline_gives_every_block_in_order(backend: Backend) -> None:
    blocks = [np.full((rows, 3), rows, np.float32) for rows in (4, 4, 1)]
    results = list(backend.pipeline(iter(blocks), lambda x: x + 1.0))
    assert len(results) == 3
    for block, result in zip(blocks, results, strict=True):
        np.testing.assert_array_equal(result, block + 1)


def test_waiting_freeing_and_describing(backend: Backend) -> None:
    backend.synchronize()
    backend.free_memory()
    facts = backend.describe()
    assert facts["name"] == backend.name
    assert facts["device"]
    assert facts["version"]


def test_from_namespace_finds_the_same_backend(backend: Backend) -> None:
    assert Backend.from_namespace(backend.xp, backend.device) is backend
