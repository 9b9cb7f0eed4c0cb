"""Data sets: MNIST from local files, the embedded digits, any IDX file.

The names load their modules when first used, so that ``import arraynet`` stays quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from arraynet.datasets.digits import load_digits
    from arraynet.datasets.fetch import fetch_mnist
    from arraynet.datasets.idx import read_idx
    from arraynet.datasets.mnist import load_mnist

__all__ = ["fetch_mnist", "load_digits", "load_mnist", "read_idx"]

_HOMES = {
    "fetch_mnist": "fetch",
    "load_digits": "digits",
    "load_mnist": "mnist",
    "read_idx": "idx",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
