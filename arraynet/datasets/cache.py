"""Where downloads are kept: the one place that fetching fills and loading looks into."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from arraynet.errors import ArraynetError, shortened


def cache_folder() -> Path:
    """Return the folder of what was downloaded: ``ARRAYNET_CACHE``, or the user's cache.

    Raises
    ------
    ArraynetError
        The variable names the home of nobody, or there is no home folder.
    """
    chosen = os.environ.get("ARRAYNET_CACHE")
    try:
        return Path(chosen).expanduser() if chosen else _users_cache()
    except RuntimeError as problem:
        raise ArraynetError(
            f"ARRAYNET_CACHE: got {shortened(chosen)}, expected a folder "
            f"({shortened(str(problem).rstrip('.'))}: set ARRAYNET_CACHE to one that can be)"
        ) from problem


def _users_cache() -> Path:
    """Return this user's cache folder, where platformdirs would have it."""
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return Path(local or Path.home() / "AppData" / "Local") / "arraynet" / "Cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "arraynet"
    chosen = os.environ.get("XDG_CACHE_HOME", "").strip()
    return (Path(chosen) if chosen else Path.home() / ".cache") / "arraynet"


def mnist_folder() -> Path:
    """Return the folder of MNIST's files in the cache."""
    return cache_folder() / "mnist"
