"""Running a network on several backends, and measuring how far they differ.

Every backend gets the same rows in the same blocks. The first backend named is the
reference; "float64" is the network in that precision on NumPy, without any pass.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any

from arraynet.admission import whole_number
from arraynet.backends import Backend, get_backend
from arraynet.cutting import whole_because
from arraynet.errors import ArraynetError, shortened
from arraynet.graph import Graph, HostArray
from arraynet.inputs import in_order
from arraynet.loading import load
from arraynet.memory import telling_full_memory
from arraynet.network import Network
from arraynet.ops.admission import FLOATING
from arraynet.parity.measuring import Comparison, Values
from arraynet.parity.report import Report

REFERENCE = "float64"
"""The name that stands for float64 on NumPy."""


@telling_full_memory("parity")
def compare(
    network: Network | str | os.PathLike[str],
    x: Any,
    backends: Sequence[str] = ("cpu", REFERENCE),
    *,
    batch_size: int = 1000,
    **reading: Any,
) -> Report:
    """Run a network on several backends and report how far they differ.

    Parameters
    ----------
    network : Network or path
    x : array, or tuple or dict of arrays
        (rows, …) on the host; of several inputs all in order, or by name.
    backends : sequence of str
        Two or more names as `arraynet.get_backend` takes them, the reference first.
        "float64" is the network in that precision on NumPy.
    batch_size : int
        Rows at a time: the intermediates of so many are held. Rows that belong together
        are not cut.
    **reading
        What `arraynet.load` takes, where ``network`` is a path.

    Returns
    -------
    Report

    Raises
    ------
    ArraynetError
        For fewer than two backends, or one that is named twice.
    BackendUnavailableError
        For a backend that does not work on this machine.
    ShapeError, DtypeError
        As for a call of the network.

    Examples
    --------
    >>> import arraynet
    >>> _, (x, t) = arraynet.datasets.load_digits()
    >>> report = compare(arraynet.load_pretrained("digits"), x)
    >>> report.labels_agree, report.passed(1e-5)
    (1.0, True)
    """
    if not _names(backends) or len(backends) < 2:
        raise ArraynetError(
            f"parity: got backends {shortened(backends)}, expected two or more names, such as "
            f"('cpu', '{REFERENCE}')"
        )
    batch_size = whole_number("batch_size", batch_size)
    if not isinstance(network, Network):
        network = load(network, **reading)
    arrays = _arrays(network, x)
    networks = _networks(network, backends)
    comparison = Comparison(network.graph, tuple(networks))
    # The reference starts from what the others start from: the rounded input.
    dtypes = {REFERENCE: network.dtype}
    for block in _blocks(network.graph, arrays, batch_size):
        found = [_values(block, copy, dtypes.get(name)) for name, copy in networks.items()]
        comparison.add(len(block[0]) if block and block[0].ndim else 1, found)
    return comparison.report()


def _arrays(network: Network, x: Any) -> list[HostArray]:
    """Return the inputs as host arrays, in the network's order."""
    several = len(network.inputs) != 1 and isinstance(x, tuple | list)
    given = in_order("parity", network.inputs, x if several else (x,), {})
    return [get_backend("cpu").asarray(array) for array in given]


def _blocks(graph: Graph, arrays: list[HostArray], batch_size: int) -> Iterator[list[HostArray]]:
    """Yield so many rows at a time of every input; all together where rows must be."""
    if not all(array.ndim for array in arrays) or whole_because(graph):
        yield arrays
        return
    # One empty block where there are no rows: it still checks the shapes.
    for start in range(0, max(1, *map(len, arrays)), batch_size):
        yield [array[start : start + batch_size] for array in arrays]


def _names(backends: Any) -> bool:
    """Return whether this is a sequence of names or of backends, and not one name."""
    return isinstance(backends, list | tuple) and all(
        isinstance(each, str | Backend) for each in backends
    )


def _networks(network: Network, backends: Sequence[str]) -> dict[str, Network]:
    """Return the network on each backend, by the backend's full name."""
    networks: dict[str, Network] = {}
    for asked in backends:
        if asked == REFERENCE:
            name, copy = asked, Network(network.graph.astype(asked), "cpu", optimize=False)
        else:
            copy = network.to(asked)
            name = copy.backend.name
        if name in networks:
            raise ArraynetError(f"parity: got {name!r} twice, expected different backends")
        networks[name] = copy
    return networks


def _values(block: list[HostArray], network: Network, dtype: str | None) -> Values:
    """Return a network's values for a block of rows, which are first rounded to a dtype."""
    given = list(block)
    for place, value in enumerate(network.inputs):
        if dtype is not None and value.dtype in FLOATING:
            given[place] = get_backend("cpu").asarray(given[place], dtype)
    to_host = network.backend.to_host
    result = network(*given)
    results = result if isinstance(result, dict) else {network.outputs[0].name: result}
    return Values(
        {key: to_host(value) for key, value in network.activations(*given).items()},
        {key: to_host(value) for key, value in results.items()},
    )
