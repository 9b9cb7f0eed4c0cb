"""Which versions are installed, for a report of a problem."""

from __future__ import annotations

import platform
import sys

# arraynet, its dependencies, and the packages that it uses where they are installed.
PACKAGES = (
    "arraynet numpy array-api-compat safetensors threadpoolctl click rich uvicorn matplotlib "
    "pillow cupy-cuda12x cupy-cuda13x torch jax ml-dtypes"
)


def show_versions() -> None:
    """Print the versions of Python, the system, arraynet and what it uses.

    Examples
    --------
    >>> import arraynet
    >>> arraynet.show_versions()  # doctest: +ELLIPSIS
    python            3...
    """
    from importlib import metadata

    rows = [("python", sys.version.split()[0]), ("system", platform.platform())]
    for package in PACKAGES.split():
        try:
            rows.append((package, metadata.version(package)))
        except metadata.PackageNotFoundError:
            rows.append((package, "not installed"))
    for name, version in rows:
        print(f"{name:<17} {version}")
