"""What may be written: only what the readers take again."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from arraynet.errors import ArraynetError, LoadError, shortened
from arraynet.formats.graph_json import parse_nodes
from arraynet.formats.limits import Limits
from arraynet.formats.stored import METADATA, HostArray, check_name, checked_size


def checked(
    tensors: object, metadata: object, limits: Limits, file: str
) -> tuple[dict[str, HostArray], dict[str, str]]:
    """Return tensors and metadata as plain arrays and text, once they can be read again.

    Their bytes are not held to ``array_bytes``: who has so much may read it with other
    limits.

    Raises
    ------
    ArraynetError
        Naming the tensor, or the key of the metadata, that the readers would refuse.
    """
    try:
        arrays = _arrays(tensors, limits, file)
        texts = _texts(metadata, file)
        parse_nodes(texts, limits, file)
    except LoadError as error:
        raise ArraynetError(str(error)) from None  # nothing was loaded
    return arrays, texts


def _arrays(tensors: object, limits: Limits, file: str) -> dict[str, HostArray]:
    if not isinstance(tensors, Mapping) or not tensors:
        raise LoadError(file, f"{shortened(tensors)} as tensors", "arrays by name, at least one")
    if len(tensors) > limits.tensors:
        found = f"{len(tensors)} tensors"
        raise LoadError(file, found, f"at most {limits.tensors} (Limits.tensors)")
    arrays = {_name(name, limits, file): _array(name, item, file) for name, item in tensors.items()}
    largest = max(math.prod(array.shape) * array.itemsize for array in arrays.values())
    roomy = replace(limits, array_bytes=max(limits.array_bytes, largest))
    for name, array in arrays.items():
        checked_size(array.shape, array.dtype, roomy, file, name)
    return arrays


def _name(name: Any, limits: Limits, file: str) -> str:
    if not isinstance(name, str):
        raise LoadError(file, f"the name {shortened(name)}", "a str")
    if name == METADATA:
        raise LoadError(file, f"the name {name!r}", "another name: the metadata have this one")
    check_name(name, limits, file)
    return name


def _array(name: str, value: Any, file: str) -> HostArray:
    """Return an array of NumPy's own class: what a subclass does besides is not written."""
    if isinstance(value, np.ma.MaskedArray):
        raise LoadError(
            file, "a masked array", "one without a mask (its method filled makes one)", member=name
        )
    if not isinstance(value, np.ndarray | np.generic):
        found = type(value).__name__
        raise LoadError(file, found, "an array (numpy.asarray makes one)", member=name)
    return np.asarray(value)


def _texts(metadata: object, file: str) -> dict[str, str]:
    if not isinstance(metadata, Mapping):
        raise LoadError(file, shortened(metadata), "text by name", member="metadata")
    for key, text in metadata.items():
        if not isinstance(key, str) or not isinstance(text, str):
            found = f"{shortened(key)}: {shortened(text)}"
            raise LoadError(file, found, "text by name", member="metadata")
    return dict(metadata)
