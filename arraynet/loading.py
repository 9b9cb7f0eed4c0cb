"""From files to networks."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from arraynet.backends import Backend
from arraynet.chains import Chain, graph_from_contents
from arraynet.errors import ArraynetError, GraphError, LoadError, OutOfMemoryError, shortened
from arraynet.graph import Graph
from arraynet.network import Network

if TYPE_CHECKING:
    from arraynet.formats import Limits

PRETRAINED = {"digits": "digits_mlp.safetensors"}
"""The networks that come with arraynet: their names, and their files."""


def load(
    path: str | os.PathLike[str],
    *,
    hidden: str | None = None,
    output: str | None = None,
    layout: str | None = None,
    scale: float | None = None,
    backend: str | Backend = "cpu",
    dtype: str | None = None,
    optimize: bool = True,
    limits: Limits | None = None,
    allow_nonfinite: bool = False,
) -> Network:
    """Load a trained network from a file, without running anything in it.

    Parameters
    ----------
    path : str or os.PathLike
        ``.safetensors``, ``.npz``, or ``.pkl``. A pickle is read, never executed.
    hidden, output : str, optional
        The activations after every layer but the last, and after the last, for a
        file that holds weights alone. One that `Network.save` wrote knows them.
    layout : {"in_out", "out_in"}, optional
        The axes of the weights. Names such as ``W1, b1, …``, ``l0/W, l0/b``, or
        ``dense/kernel:0`` mean (in, out), and ``N.weight, N.bias`` mean (out, in). A list
        of arrays is weight, bias, weight, bias, (in, out).
    scale : float, optional
        What to multiply the input by first: 1/255 makes the network take bytes.
    backend : str or Backend
        Where it runs; see `arraynet.get_backend`.
    dtype : str, optional
        What it computes in: float16, bfloat16, float32 or float64; None keeps the
        dtype of the weights, which must be one. Given, it also takes mixed dtypes and
        integers.
    optimize : bool
        Whether passes may rewrite the graph to one that costs less.
    limits : Limits, optional
        How much a file may ask for; see `arraynet.formats.Limits`.
    allow_nonfinite : bool
        Whether weights may be NaN or infinite.

    Returns
    -------
    Network

    Raises
    ------
    LoadError
        If the file is not a network; it names the file and the tensor.
    DtypeError
        If ``dtype`` cannot hold the weights.
    BackendUnavailableError
        If the backend cannot work on this machine.
    """
    from arraynet.formats import read

    contents = read(path, limits=limits, allow_nonfinite=allow_nonfinite).sealed()
    chain = Chain(hidden, output, layout, scale, dtype)
    graph = graph_from_contents(contents, file=path, chain=chain, limits=limits)
    try:
        return Network(graph, backend, optimize=optimize)
    except GraphError as error:
        raise LoadError(path, f"a graph that is no network ({error})", "one that is") from error
    except OutOfMemoryError:
        raise
    except MemoryError as error:
        raise LoadError(
            path, "not enough memory", "a network that fits into memory (or optimize=False)"
        ) from error


def convert(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    hidden: str | None = None,
    output: str | None = None,
    layout: str | None = None,
    scale: float | None = None,
    dtype: str | None = None,
    limits: Limits | None = None,
    allow_nonfinite: bool = False,
) -> Graph:
    """Read a network from one file and write it to another, with its graph.

    Parameters
    ----------
    source : path
        A file that `arraynet.load` takes.
    target : path
        A ``.safetensors`` or ``.npz`` file. It is written whole or not at all, and
        may be the source itself.
    hidden, output, layout, scale, dtype
        As in `arraynet.load`.
    limits : Limits, optional
        Budgets other than the default ones.
    allow_nonfinite : bool
        Accept NaN and infinity among the weights.

    Returns
    -------
    Graph
        What was written.

    Raises
    ------
    LoadError
        When the source cannot be read, or makes no network.
    ArraynetError
        When the target has another suffix, could not be read again, or is no file.
    OSError
        When the target cannot be written; the old one is as it was.
    """
    from arraynet.formats import graph_to_metadata, read, write
    from arraynet.formats.graph_json import KEY
    from arraynet.formats.writing import check_suffix

    check_suffix(target)
    contents = read(source, limits=limits, allow_nonfinite=allow_nonfinite).sealed()
    chain = Chain(hidden, output, layout, scale, dtype)
    graph = graph_from_contents(contents, file=source, chain=chain, limits=limits)
    kept = {name: text for name, text in contents.metadata.items() if name != KEY}
    write(target, graph.weights, kept | graph_to_metadata(graph), limits=limits)
    return graph


def load_pretrained(name: str = "digits", *, backend: str | Backend = "cpu") -> Network:
    """Load a network that comes with arraynet.

    Parameters
    ----------
    name : str
        ``"digits"``: a 64-50-100-10 perceptron with sigmoids and a softmax, which
        reads the 8x8 images of `arraynet.datasets.load_digits`.
    backend : str or Backend

    Returns
    -------
    Network

    Raises
    ------
    ArraynetError
        If there is no network of that name.

    Examples
    --------
    >>> load_pretrained("digits")
    <arraynet network 64 → 50 → 100 → 10, float32 on cpu>
    """
    from importlib import resources

    if name not in tuple(PRETRAINED):
        raise ArraynetError(
            f"load_pretrained: got {shortened(name)}, expected one of "
            f"{', '.join(map(repr, PRETRAINED))}"
        )
    source = resources.files("arraynet.datasets") / PRETRAINED[name]
    with resources.as_file(source) as path:
        if not path.exists():
            raise LoadError(path, "no such file", "the file that comes with arraynet (reinstall)")
        return load(path, backend=backend)
