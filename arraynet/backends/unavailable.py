"""How a backend says why it cannot work, and what to type."""

from __future__ import annotations

import importlib
from typing import Any

from arraynet.errors import BackendUnavailableError, clipped, shortened


def unavailable(
    backend: str, found: str, expected: str, repair: str = ""
) -> BackendUnavailableError:
    """Return the error that says why a backend cannot work, and what to do about it."""
    end = f" ({repair})" if repair else ""
    error = BackendUnavailableError(
        f"backend {shortened(backend)}: got {clipped(found, 200)}, expected {expected}{end}"
    )
    error.repair = repair
    return error


def import_library(module: str, backend: str, repair: str = "") -> Any:
    """Import an optional library, or raise BackendUnavailableError with the line to type."""
    try:
        return importlib.import_module(module)
    except (ImportError, OSError) as error:  # OSError: a shared library is missing
        library = module.partition(".")[0]
        repair = repair or f"python -m pip install {library.replace('_', '-')}"
        found = f"no usable {library} ({error})"
        raise unavailable(backend, found, "it installed", repair) from error
