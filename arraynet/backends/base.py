"""What the engine asks of an array library on a device."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from types import MappingProxyType
from typing import Any

from arraynet._typing import Array, Kernel, Namespace
from arraynet.admission import HostArray, real_array
from arraynet.errors import BackendUnavailableError
from arraynet.memory import recognizing_full_memory


class Backend:
    """One array library on one device.

    The methods here are the whole of what programs and batching know about it.
    A subclass overrides those that its library can do better.

    Attributes
    ----------
    name : str
        What `get_backend` takes to make this backend again, in any process.
    xp : namespace
        The library's functions, through array-api-compat.
    device : object
        The library's own device object, or None for its only one.
    native : mapping of str to callable
        Kernels of the library that replace an op's formula:
        ``kernel(*arrays, **attributes)``.
    out_of_memory : tuple of exception types
        What the library raises when the device's memory is full.
    threaded : bool
        Whether blocks of one batch may run on several Python threads at once.
    reads_host : bool
        Whether a block is read where it lies on the host, and not copied first.
    block_bytes : int or None
        How many bytes of one block's intermediates, and of its copy, are best in flight
        (the size of a cache, a part of a GPU's memory); None: never cut a batch.
    unfused : dict of str to str
        Which ops run unfused although the library fuses, and why.
    precision : {"highest", "tf32"}
        Of float32 matrix products. The name says it too, where it is not "highest".
    resolvable : bool
        Whether `get_backend` makes this backend again from its name.
    """

    name: str = ""
    xp: Namespace = None
    device: Any = None
    native: Mapping[str, Kernel] = MappingProxyType({})
    out_of_memory: tuple[type[BaseException], ...] = (MemoryError,)
    threaded: bool = False
    reads_host: bool = False
    block_bytes: int | None = None
    precision: str = "highest"
    resolvable: bool = True

    def __init__(self) -> None:
        self.unfused: dict[str, str] = {}

    @classmethod
    def from_namespace(cls, xp: Namespace, device: Any = None) -> Backend:
        """Return the backend of an array-API namespace on one of its devices.

        Parameters
        ----------
        xp : namespace
            The library (NumPy, CuPy, PyTorch, JAX …) or its array-API namespace.
        device : object, optional
            The library's own device object or its name; its default device if None.

        Returns
        -------
        Backend
            The one that `get_backend` gives, where the library is one that it knows.

        Raises
        ------
        BackendUnavailableError
            If the namespace cannot make an array on the device.

        Examples
        --------
        >>> import numpy
        >>> Backend.from_namespace(numpy)
        <arraynet backend 'cpu'>
        """
        return makers["namespace"](xp, device)

    def dtype(self, name: str) -> Any:
        """Return the library's dtype of that name ("float32"), or raise DtypeError."""
        raise NotImplementedError

    def owns(self, x: Any) -> bool:
        """Return whether ``x`` is this library's array, on this device."""
        raise NotImplementedError

    def asarray(self, x: Any, dtype: str | None = None) -> Array:
        """Bring a host array to the device; keep one that already lives there.

        ``dtype`` (a name) converts on the device, after the transfer. Never copies
        when there is nothing to do. An array of another device or library raises
        `DeviceMismatchError`, naming both.
        """
        raise NotImplementedError

    def on_host(self, x: Any) -> HostArray:
        """Return what the host holds as a plain NumPy array; errors as for `asarray`."""
        wanted = (
            f"an array on the host or of backend {self.name!r} (nothing crosses by itself: move "
            f"the network there with .to(...), or copy the array to the host first)"
        )
        return real_array("input", x, wanted=wanted)

    def constant(self, array: HostArray) -> Array:
        """Bring a constant of a graph to the device, where it stays as it is."""
        return self.asarray(array)

    def copied(self, x: Array) -> Array:
        """Return a copy of an array of this device."""
        return self.xp.asarray(x, copy=True)

    def to_host(self, x: Array) -> HostArray:
        """Copy a device array to the host (a NumPy array is returned as it is)."""
        raise NotImplementedError

    def ensure_usable(self) -> None:
        """Raise if the backend has stopped working for good.

        DeviceLostError after its device stopped answering; BackendUnavailableError
        in a process that was forked after CUDA had started.
        """

    def synchronize(self) -> None:
        """Wait until the device has done all that it was asked to do."""

    def active(self) -> AbstractContextManager[Any]:
        """Return a context in which new arrays of the library land on the device.

        Programs run inside it. It raises what `ensure_usable` does, and turns the
        library's errors about full memory or a lost device into `out_of_memory` and
        DeviceLostError.
        """
        return recognizing_full_memory()

    def single_threaded(self) -> AbstractContextManager[Any]:
        """Return a context in which each of the library's products keeps to one thread.

        To leave it twice does no harm.
        """
        return nullcontext()

    def fuse(self, function: Kernel, name: str) -> Kernel:
        """Return the elementwise function as one kernel, where the library can.

        ``function`` takes arrays only; its namespace and attributes are bound. When
        a fusion fails, the function itself is returned and `unfused` says why.
        """
        return function

    def capture(self, function: Kernel) -> Kernel:
        """Return a function of arrays that gives the same result, or results, sooner.

        A backend that can record what ``function`` asks of the library and replay
        it without Python in between does so here.
        """
        return function

    def pipeline(self, blocks: Iterable[Any], run: Kernel) -> Iterator[Any]:
        """Yield ``run(*block)`` on the host for each block, in order.

        A block is a tuple of host arrays, or one alone. ``run`` takes and returns device
        arrays; what it returns as a tuple is yielded as one. A backend with asynchronous
        copies overlaps them with the computation. An error of one block is raised after
        the results of all blocks before it have been yielded.
        """
        for block in blocks:
            result = run(*map(self.asarray, block if isinstance(block, tuple) else (block,)))
            if isinstance(result, tuple):
                yield tuple(map(self.to_host, result))
            else:
                yield self.to_host(result)

    def free_memory(self) -> None:
        """Give cached memory back to the device."""

    def describe(self) -> dict[str, Any]:
        """Return what a person wants to know.

        ``name``, ``library``, ``version`` and ``device`` always; on a GPU ``memory``
        (bytes), the versions of the ``driver`` and the ``runtime``, and ``precision``.
        """
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"<arraynet backend {self.name!r}>"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as the name: the process that reads it makes the backend anew."""
        if not self.resolvable:
            raise BackendUnavailableError(
                f"pickle: got the backend {self.name!r}, made by from_namespace, expected one "
                f"that get_backend makes from its name (make it again in the other process)"
            )
        return makers["name"], (self.name,)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Backend) and self.name == other.name

    def __hash__(self) -> int:
        return hash(self.name)


makers: dict[str, Callable[..., Backend]] = {}
"""How a backend is made of its "name" and of a "namespace": the package says, which knows all."""
