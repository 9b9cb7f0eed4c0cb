"""CuPy on one CUDA device.

The other files named cupy_… hold its parts: why it is unusable and what an error means
(check), its own kernels and products (kernels), and copies that overlap with the
computation (transfer).
"""

from __future__ import annotations

import functools
import logging
import os
import re
import threading
import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

from arraynet._typing import Array, Kernel
from arraynet.admission import HostArray, host_dtype
from arraynet.backends import cupy_check
from arraynet.backends.base import Backend
from arraynet.backends.cupy_check import forked, load_cupy, version_text
from arraynet.backends.cupy_kernels import namespace, native
from arraynet.backends.cupy_transfer import Lane, stream
from arraynet.backends.generic import GenericBackend
from arraynet.backends.unavailable import import_library, unavailable
from arraynet.errors import DeviceLostError, DtypeError

_log = logging.getLogger("arraynet")

# Unmeasured: large enough to keep a GPU busy, small enough that a copy to it
# takes a few milliseconds.
_LARGEST_BLOCK = 256 << 20
_PART_OF_MEMORY = 8
_TF32_CAPABILITY = 80
_BFLOAT16_VERSION = 14


class CupyBackend(GenericBackend):
    """CuPy arrays on one CUDA device, the backend ``"gpu:N"``.

    array-api-compat ignores ``device=`` on CuPy: arrays are placed by the current
    device, which `active` sets. Every method works inside it, so that an error of
    CUDA is told apart: full memory, or a device that is lost for this process.
    """

    library = "gpu"

    def __init__(self, cupy: Any, number: int, precision: str = "highest") -> None:
        self._cupy, self._number, self.precision = cupy, number, precision
        self._unusable: Exception | None = None
        with cupy.cuda.Device(number) as device:
            xp = import_library("array_api_compat.cupy", "gpu", "python -m pip install -U cupy")
            super().__init__(namespace(cupy, xp, precision), device, cupy.ndarray)
            self._capability = int(device.compute_capability)
        if precision == "tf32" and self._capability < _TF32_CAPABILITY:
            found = f"a device of compute capability {self._capability / 10}"
            repair = f"use the backend 'gpu:{number}'"
            raise unavailable(self.name, found, "8.0 or higher, which has TF32", repair)
        self.out_of_memory = (MemoryError, cupy.cuda.memory.OutOfMemoryError)
        self.native = MappingProxyType(native(cupy))
        self._bfloat16 = _bfloat16_of(cupy)
        self._lanes: list[Lane] = []
        self._size_blocks()
        _started.add(self)

    def _suffix(self) -> str:
        """Return the number of the device, and the precision where it is not the highest."""
        return f":{self._number}" + ("" if self.precision == "highest" else f":{self.precision}")

    def _size_blocks(self) -> None:
        """Set the size of a block to a part of the memory that is free now."""
        free, _ = self._cupy.cuda.runtime.memGetInfo()
        self.block_bytes = min(free // _PART_OF_MEMORY, _LARGEST_BLOCK)

    def ensure_usable(self) -> None:
        """Raise if the device is lost, or the process was forked after CUDA started."""
        if self._unusable is not None:
            raise self._unusable

    @contextmanager
    def active(self) -> Iterator[None]:
        """Return a context in which new arrays land on the device.

        An error of CUDA leaves it as MemoryError (full memory) or DeviceLostError.
        """
        self.ensure_usable()
        device = self._cupy.cuda.Device(self._number)
        failure: BaseException | None = None
        meaning: Exception | None = None
        try:
            with device:
                try:
                    yield
                except BaseException as error:
                    failure = error
                    raise
        except BaseException as error:
            # A lost device refuses to be left too: the first error is the one to tell.
            failure = failure or error
            if meaning := self.interpret(failure):
                raise meaning from failure
            raise failure  # noqa: B904 (it has its own context)
        finally:
            failure = meaning = None  # their tracebacks hold this frame: break the circle

    def interpret(self, error: BaseException) -> Exception | None:
        """Return what an error of CUDA means, or None if it says so itself."""
        if cupy_check.is_out_of_memory(error):
            return MemoryError(f"{self.name}: out of memory ({error})")
        lost = cupy_check.loss(error)
        if lost is None and cupy_check.is_cublas(error):  # which says only that it failed
            try:
                self._cupy.cuda.runtime.deviceSynchronize()
            except RuntimeError as behind:
                lost = cupy_check.loss(behind)
        if lost is None:
            return None
        self._unusable = DeviceLostError(
            f"backend {self.name!r}: got {error} ({lost}), expected a device that answers "
            f"(no call of this process reaches it any more: restart the process)"
        )
        _log.error("%s", self._unusable)
        return self._unusable

    def dtype(self, name: str) -> Any:
        """Return CuPy's dtype of that name ("float32"), or raise DtypeError."""
        if name != "bfloat16":
            return super().dtype(name)
        if self._bfloat16 is None:
            raise DtypeError(
                f"dtype on {self.name}: got 'bfloat16', expected CuPy {_BFLOAT16_VERSION} or "
                f"newer and ml_dtypes (python -m pip install ml_dtypes -U cupy)"
            )
        return self._bfloat16

    def _has(self, name: str) -> bool:
        """Return whether CuPy has a dtype of that name."""
        return self._bfloat16 is not None if name == "bfloat16" else super()._has(name)

    def owns(self, x: Any) -> bool:
        """Return whether ``x`` is a CuPy array on this device."""
        return isinstance(x, self._array_type) and x.data.device_id == self._number

    def asarray(self, x: Any, dtype: str | None = None) -> Array:
        """Bring a host array to the device, as it is, and convert it there."""
        if self.owns(x) and (dtype is None or x.dtype == self.dtype(dtype)):
            self.ensure_usable()
            return x
        with self.active():
            return super().asarray(x, dtype)

    def _upload(self, host: HostArray) -> Array:
        """Copy a host array to the current device."""
        return self._cupy.asarray(host)

    def to_host(self, x: Array) -> HostArray:
        """Copy a device array to the host."""
        if not self.owns(x):
            return self.on_host(x)
        with self.active():
            return x.get()  # type: ignore[no-any-return]

    def synchronize(self) -> None:
        """Wait until the device has done all that it was asked to do."""
        with self.active():
            self._cupy.cuda.runtime.deviceSynchronize()

    def free_memory(self) -> None:
        """Give cached memory, of the device and pinned, back to the system."""
        with self.active():
            for lane in self._lanes:
                lane.release()
            self._cupy.get_default_memory_pool().free_all_blocks()
            self._cupy.get_default_pinned_memory_pool().free_all_blocks()
            self._size_blocks()

    def fuse(self, function: Kernel, name: str) -> Kernel:
        """Return the elementwise function as one kernel, traced at its first call.

        If that fails, the function itself goes on being called; `unfused` and the
        log say why.
        """
        kernel_name = re.sub(r"\W+", "_", f"arraynet_{name}")
        fused = self._widened(self._cupy.fuse(kernel_name=kernel_name)(function))
        plain = self._widened(function)

        @functools.wraps(function)
        def call(*arrays: Array) -> Array:
            if name in self.unfused:
                return plain(*arrays)
            try:
                return fused(*arrays)
            except Exception as error:  # CuPy has no one kind for a trace that fails
                if isinstance(error, MemoryError) or cupy_check.status(error) is not None:
                    raise
                self.unfused[name] = f"{type(error).__name__}: {error}"
                _log.warning("%s: %s runs unfused (%s)", self.name, name, self.unfused[name])
                return plain(*arrays)

        return call

    def _widened(self, function: Kernel) -> Kernel:
        """Return the function, computed in float32 for arrays of bfloat16.

        CuPy neither traces a bfloat16 array nor keeps its dtype beside a Python number.
        """
        if self._bfloat16 is None:
            return function

        def widened(*arrays: Array) -> Array:
            if arrays[0].dtype != self._bfloat16:
                return function(*arrays)
            wide = (array.astype(self._cupy.float32) for array in arrays)
            return function(*wide).astype(self._bfloat16)

        return widened

    def pipeline(self, blocks: Iterable[Any], run: Kernel) -> Iterator[Any]:
        """Yield ``run(*block)`` on the host for each block, in order.

        Copies overlap with the computation. An error of one block is raised after
        the results of all blocks before it have been yielded.
        """
        with self.active():
            try:
                lane = self._lanes.pop()  # no other pipeline uses it
            except IndexError:
                cupyx = import_library("cupyx", self.name, "python -m pip install -U cupy")
                lane = Lane(self._cupy, cupyx.empty_pinned)
        try:
            yield from stream(lane, map(self._checked, blocks), run, self.active)
        finally:
            if self._unusable is None:
                with self.active():
                    lane.settle()
                self._lanes.append(lane)

    def _checked(self, block: Any) -> tuple[Any, ...]:
        """Return the arrays of a block, each on the device or a plain one on the host."""
        arrays = block if isinstance(block, tuple) else (block,)
        return tuple(x if self.owns(x) else self.on_host(x) for x in arrays)

    def describe(self) -> dict[str, Any]:
        """Return the names, versions and sizes of the device, its driver and CuPy."""
        runtime = self._cupy.cuda.runtime
        with self.active():
            facts = runtime.getDeviceProperties(self._number)
            free, total = runtime.memGetInfo()
            name = facts["name"]
            return {
                "name": self.name,
                "library": "CuPy",
                "device": name.decode() if isinstance(name, bytes) else str(name),
                "version": self._cupy.__version__,
                "memory": int(total),
                "free_memory": int(free),
                "driver": version_text(runtime.driverGetVersion()),
                "runtime": version_text(runtime.runtimeGetVersion()),
                "compute_capability": f"{self._capability // 10}.{self._capability % 10}",
                "precision": self.precision,
            }


def _bfloat16_of(cupy: Any) -> Any:
    """Return the dtype bfloat16, or None where CuPy or NumPy lacks it."""
    if int(cupy.__version__.partition(".")[0]) < _BFLOAT16_VERSION:
        return None
    try:
        return host_dtype("bfloat16")
    except DtypeError:
        return None


_started: weakref.WeakSet[CupyBackend] = weakref.WeakSet()
"""Every backend of this process: none of them works in a child that it forks."""

_forked = threading.Event()


def _refuse_in_child() -> None:
    """Mark every backend as unusable in a process that was just forked."""
    if _started:
        _forked.set()
    for backend in _started:
        backend._unusable = forked(backend.name)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_refuse_in_child)


def make(device: Any) -> Backend:
    """Return the backend "gpu", "gpu:<number>", "gpu:tf32" or "gpu:<number>:tf32"."""
    text = str("" if device is None else device)
    words = re.fullmatch(r"(\d*):?(tf32|)", text)
    if words is None:
        raise unavailable(f"gpu:{text}", "that name", "'gpu', 'gpu:<number>' or 'gpu:tf32'")
    number = int(words[1] or 0)
    if _forked.is_set():
        raise forked(f"gpu:{number}")
    return CupyBackend(load_cupy(number), number, words[2] or "highest")
