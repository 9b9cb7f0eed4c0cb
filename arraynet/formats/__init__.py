"""Files of tensors and graphs. Nothing that a file says is run or trusted.

Reading gives NumPy arrays on the host, or `arraynet.LoadError`.
"""

from __future__ import annotations

from arraynet.formats.contents import Contents, TensorInfo
from arraynet.formats.graph_json import graph_from_metadata, graph_to_metadata
from arraynet.formats.inspection import Inspection, inspect
from arraynet.formats.limits import Limits
from arraynet.formats.reading import read
from arraynet.formats.weights import DenseWeights, dense_weights
from arraynet.formats.writing import write

__all__ = [
    "Contents",
    "DenseWeights",
    "Inspection",
    "Limits",
    "TensorInfo",
    "dense_weights",
    "graph_from_metadata",
    "graph_to_metadata",
    "inspect",
    "read",
    "write",
]
