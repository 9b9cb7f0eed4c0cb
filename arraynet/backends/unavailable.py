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


def failure(error: BaseException) -> str:
    """Return a library's error, of which some go on for pages, with its first line of text."""
    lines = (line.strip(" =") for line in str(error).splitlines())
    first = next((line for line in lines if line), "")[:200]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__
