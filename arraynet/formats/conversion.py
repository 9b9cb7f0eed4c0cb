"""From any format that can be read to one that holds its graph too."""

from __future__ import annotations

import os

from arraynet.formats.graph_json import KEY, graph_to_metadata
from arraynet.formats.limits import Limits
from arraynet.formats.reading import read
from arraynet.formats.weights import graph_from_contents
from arraynet.formats.writing import check_suffix, write
from arraynet.graph import Graph


def convert(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    hidden: str | None = None,
    output: str | None = None,
    layout: str | None = None,
    scale: float | None = None,
    limits: Limits | None = None,
    allow_nonfinite: bool = False,
) -> Graph:
    """Read a network from one file and write it to another, with its graph.

    Parameters
    ----------
    source : path
        A file that `arraynet.formats.read` reads.
    target : path
        A ``.safetensors`` or ``.npz`` file. It is written whole or not at all, and
        may be the source itself.
    hidden, output, layout, scale
        As in `arraynet.load`; not for a file that holds its graph.
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
    check_suffix(target)
    contents = read(source, limits=limits, allow_nonfinite=allow_nonfinite).sealed()
    graph = graph_from_contents(
        contents,
        file=os.fsdecode(source),
        hidden=hidden,
        output=output,
        layout=layout,
        scale=scale,
        limits=limits,
    )
    kept = {name: text for name, text in contents.metadata.items() if name != KEY}
    write(target, graph.weights, kept | graph_to_metadata(graph), limits=limits)
    return graph
