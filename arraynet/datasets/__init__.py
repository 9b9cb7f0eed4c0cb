"""Data sets: MNIST from local files, the embedded digits, any IDX file, pictures.

The names load their modules when first used, so that ``import arraynet`` stays quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from arraynet.datasets.digits import load_digits
    from arraynet.datasets.fetch import fetch_mnist
    from arraynet.datasets.idx import read_idx
    from arraynet.datasets.images import read_images
    from arraynet.datasets.mnist import load_mnist
    from arraynet.datasets.preprocess import to_digits, to_mnist

__all__ = [
    "fetch_mnist", "load_digits", "load_mnist", "read_idx", "read_images", "to_digits", "to_mnist"
]  # fmt: skip

_HOMES = {
    "fetch_mnist": "fetch",
    "load_digits": "digits",
    "load_mnist": "mnist",
    "read_idx": "idx",
    "read_images": "images",
    "to_digits": "preprocess",
    "to_mnist": "preprocess",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
