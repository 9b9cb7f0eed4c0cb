"""A module that stands in for CuPy, on the machine of `fake_cuda`."""

from __future__ import annotations

import importlib.machinery
import math
import re
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import array_api_compat.numpy
import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from tests.backends.fake_cuda import (
    CUDARuntimeError,
    Event,
    Machine,
    OutOfMemoryError,
    Storage,
    Stream,
)


class FakeArray(NDArrayOperatorsMixin):
    """An array on the machine: what is asked of it is queued, not done."""

    machine: Machine  # each fake module has a subclass with its own

    def __init__(self, shape: Any, dtype: Any = float, memptr: Any = None) -> None:
        self.dtype = np.dtype(dtype)
        self.shape = (shape,) if isinstance(shape, int) else tuple(shape)
        self.size = math.prod(self.shape)
        self.nbytes = self.size * self.dtype.itemsize
        self.storage = memptr.storage if memptr else Storage(self.machine, self.nbytes)
        self.host = self.storage.bytes[: self.nbytes].view(self.dtype).reshape(self.shape)
        self.data = SimpleNamespace(storage=self.storage, device_id=0)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        return {"shape": self.shape, "version": 3}

    def __array__(self, *arguments: Any, **keywords: Any) -> Any:
        raise TypeError("Implicit conversion to a NumPy array is not allowed.")

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **keywords: Any) -> Any:
        return compute(type(self), getattr(ufunc, method), *inputs, **keywords)

    def __getitem__(self, key: Any) -> FakeArray:
        view = object.__new__(type(self))
        view.__dict__.update(self.__dict__)
        view.host = self.host[key]
        view.shape, view.size, view.nbytes = view.host.shape, view.host.size, view.host.nbytes
        return view

    def reshape(self, *shape: int) -> FakeArray:
        view = self[...]
        view.host = self.host.reshape(*shape)
        view.shape = view.host.shape
        return view

    def astype(self, dtype: Any, copy: bool = True) -> FakeArray:
        return compute(type(self), np.ndarray.astype, self, dtype)

    def set(self, source: Any, stream: Stream) -> None:
        assert source.shape == self.shape
        assert source.dtype == self.dtype
        self.machine.check()
        target = self.host
        stream.put(lambda: np.copyto(target, source))  # reads the source when it is done

    def get(self, stream: Any = None, out: Any = None, blocking: bool = True) -> Any:
        self.machine.check()
        source, stream = self.host, stream or self.machine.current
        target = np.empty(self.shape, self.dtype) if out is None else out
        assert target.shape == self.shape
        stream.put(lambda: np.copyto(target, source))
        if blocking:
            stream.synchronize()
        return target


def compute(
    kind: type[FakeArray], function: Callable[..., Any], *inputs: Any, **keywords: Any
) -> Any:
    """Queue a NumPy function on arrays of the machine; its result is one too."""

    def call(*values: Any) -> Any:
        return function(*values, **keywords)

    # The shape and dtype are those of a trial on ones; the real values are not there yet.
    with np.errstate(all="ignore"):
        trial = call(*(np.ones_like(x.host) if isinstance(x, FakeArray) else x for x in inputs))
    result = kind(np.shape(trial), np.asarray(trial).dtype)
    kind.machine.launch(call, result, *inputs)
    return result


def namespace(kind: type[FakeArray]) -> ModuleType:
    """Return the array API for the machine: NumPy's functions, queued."""

    def queued(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*inputs: Any, **keywords: Any) -> Any:
            if any(isinstance(value, FakeArray) for value in inputs):
                return compute(kind, function, *inputs, **keywords)
            result = function(*inputs, **keywords)
            return compute(kind, np.copy, result) if isinstance(result, np.ndarray) else result

        return call

    source = array_api_compat.numpy
    module = ModuleType("array_api_compat.cupy")
    for name in (name for name in dir(source) if not name.startswith("_")):
        value = getattr(source, name)
        plain = isinstance(value, type) or not callable(value) or name in ("isdtype", "finfo")
        setattr(module, name, value if plain else queued(value))
    return module


class Device:
    """The one device, made current by ``with``."""

    compute_capability = "90"

    def __init__(self, machine: Machine, number: int) -> None:
        self.machine, self.id = machine, number

    def __enter__(self) -> Device:
        self.machine.check()
        self.machine.devices.append(self.id)
        return self

    def __exit__(self, *details: object) -> None:
        self.machine.devices.pop()


class Fused:
    """What `cupy.fuse` returns: the function as one launch, or a trace that fails."""

    def __init__(self, machine: Machine, function: Callable[..., Any], name: str) -> None:
        self.machine, self.function, self.name = machine, function, name

    def __call__(self, *arrays: Any) -> Any:
        if any(word in self.name for word in self.machine.untraceable):
            raise NotImplementedError("`shape` is not supported, currently.")
        before = self.machine.launches
        result = self.function(*arrays)
        self.machine.launches = before + 1
        return result


class RawModule:
    """The softmax kernel, computed with NumPy from its own definition."""

    def __init__(self, code: str, options: Any, name_expressions: list[str]) -> None:
        self.names = name_expressions

    def get_function(self, name: str) -> Callable[..., None]:
        assert name in self.names
        logarithm = re.search(r"(true|false)>$", name)[1] == "true"

        def kernel(grid: Any, block: Any, arguments: Any) -> None:
            x, result, _, length, inner = arguments

            def rowwise(values: Any) -> Any:
                stacked = values.reshape(-1, int(length), int(inner)).astype(np.float64)
                shifted = stacked - stacked.max(axis=1, keepdims=True)
                total = np.exp(shifted).sum(axis=1, keepdims=True)
                found = shifted - np.log(total) if logarithm else np.exp(shifted) / total
                return found.reshape(values.shape).astype(values.dtype)

            x.machine.launch(rowwise, result, x)

        return kernel


def fake_cupy(machine: Machine) -> dict[str, ModuleType]:
    """Return the modules that make ``import cupy`` find the machine."""
    kind = type("ndarray", (FakeArray,), {"machine": machine, "__module__": "cupy"})
    cupy, cupyx, xp = ModuleType("cupy"), ModuleType("cupyx"), namespace(kind)
    cupy.__spec__ = importlib.machinery.ModuleSpec("cupy", None)
    machine.untraceable = set()
    machine.pinned = []

    def empty_pinned(shape: Any, dtype: Any) -> Any:
        machine.pinned.append(np.full(shape, 0, dtype))
        return machine.pinned[-1]

    cupyx.empty_pinned = empty_pinned
    for name in ("float32", "uint8", "int64", "matmul", "ones", "ascontiguousarray"):
        setattr(cupy, name, getattr(xp, name, getattr(np, name)))
    cupy.ascontiguousarray = lambda x: compute(kind, np.copy, x) if _strided(x) else x
    cupy.__version__ = "14.2.0"
    cupy.ndarray, cupy.RawModule = kind, RawModule
    cupy.empty = kind
    cupy.empty_like = lambda x: kind(x.shape, x.dtype)
    cupy.asarray = lambda host: compute(kind, np.copy, np.array(host))
    cupy.fuse = lambda kernel_name: lambda function: Fused(machine, function, kernel_name)
    pool = SimpleNamespace(free_all_blocks=lambda: None)
    cupy.get_default_memory_pool = cupy.get_default_pinned_memory_pool = lambda: pool
    cupy.cuda = _cuda(machine)
    cupy._core = SimpleNamespace(_routines_linalg=_linalg(machine))
    return {"cupy": cupy, "cupyx": cupyx, "array_api_compat.cupy": xp}


def _strided(x: FakeArray) -> bool:
    return not x.host.flags.c_contiguous


def _cuda(machine: Machine) -> SimpleNamespace:
    """Return what stands for `cupy.cuda`."""
    runtime = SimpleNamespace(
        CUDARuntimeError=CUDARuntimeError,
        driverGetVersion=lambda: 13020,
        runtimeGetVersion=lambda: 13020,
        getDeviceCount=lambda: 1,
        memGetInfo=lambda: (machine.limit - machine.used, machine.total),
        deviceSynchronize=machine.synchronize,
        getDeviceProperties=lambda number: {"name": b"Fake GPU"},
    )
    return SimpleNamespace(
        runtime=runtime,
        memory=SimpleNamespace(OutOfMemoryError=OutOfMemoryError),
        Device=lambda number: Device(machine, number),
        Stream=lambda: Stream(machine),
        Event=lambda disable_timing: Event(machine),
    )


def _linalg(machine: Machine) -> SimpleNamespace:
    """Return what stands for CuPy's setting of how products are computed."""
    machine.compute_type = 0

    def write(dtype: Any, value: int) -> None:
        machine.compute_type = value

    return SimpleNamespace(
        COMPUTE_TYPE_DEFAULT=1,
        COMPUTE_TYPE_TF32=7,
        get_compute_type=lambda dtype: machine.compute_type,
        set_compute_type=write,
    )
