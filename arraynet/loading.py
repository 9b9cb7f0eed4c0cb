"""From files to networks."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from arraynet.backends import Backend
from arraynet.errors import ArraynetError, GraphError, LoadError, OutOfMemoryError
from arraynet.network import Network

if TYPE_CHECKING:
    from arraynet.formats.limits import Limits

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
        The axes of the weights. Names ``W1, b1, …`` mean (in, out), and
        ``N.weight, N.bias`` mean (out, in).
    scale : float, optional
        What to multiply the input by first: 1/255 makes the network take bytes.
    backend : str or Backend
        Where it runs; see `arraynet.get_backend`.
    dtype : str, optional
        What it computes in: float16, bfloat16, float32 or float64; None keeps the
        dtype of the weights.
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
    from arraynet.formats.weights import graph_from_contents

    contents = read(path, limits=limits, allow_nonfinite=allow_nonfinite).sealed()
    graph = graph_from_contents(
        contents,
        file=path,
        hidden=hidden,
        output=output,
        layout=layout,
        scale=scale,
        limits=limits,
    )
    if dtype is not None:
        graph = graph.astype(dtype)
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
        known = ", ".join(repr(known) for known in PRETRAINED)
        raise ArraynetError(f"load_pretrained: got {name!r}, expected one of {known}")
    source = resources.files("arraynet.datasets") / PRETRAINED[name]
    with resources.as_file(source) as path:
        if not path.exists():
            raise LoadError(path, "no such file", "the file that comes with arraynet (reinstall)")
        return load(path, backend=backend)
