"""The network that a command line names."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import arraynet

if TYPE_CHECKING:
    from arraynet.network import Network

EMBEDDED = "digits"
"""What to write instead of a file for the network that comes with arraynet."""


def is_embedded(model: str | None) -> bool:
    """Return whether the embedded network is meant, and no file of that name."""
    return model is None or (model == EMBEDDED and not Path(model).exists())


def open_network(
    model: str | None, *, dtype: str | None = None, backend: str = "cpu", **reading: Any
) -> Network:
    """Load a file, or the embedded network where ``model`` is None or its name."""
    if backend == "auto":
        with _log_shown():
            backend = arraynet.get_backend("auto").name
    if model is not None and not is_embedded(model):
        return arraynet.load(model, dtype=dtype, backend=backend, **reading)
    if any(value is not None and value is not False for value in reading.values()):
        raise click.UsageError(
            "--hidden, --output, --layout, --scale and --allow-nonfinite are for the weights of a "
            "file, and the embedded network is complete: give another MODEL, or leave them out."
        )
    network = arraynet.load_pretrained(EMBEDDED, backend=backend)
    return network.astype(dtype) if dtype else network


@contextmanager
def _log_shown() -> Iterator[None]:
    """Show what the library logs meanwhile on standard error: what it chose, and why."""
    log = logging.getLogger("arraynet")
    handler, level = logging.StreamHandler(), log.level
    handler.setFormatter(logging.Formatter("arraynet: %(message)s"))
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.setLevel(level)
        log.removeHandler(handler)
