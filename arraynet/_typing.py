"""Names for the types that the array API standard leaves open."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

Array: TypeAlias = Any
"""An array of any library that follows the array API standard."""

Namespace: TypeAlias = Any
"""The module-like object that holds that library's functions."""

Kernel: TypeAlias = Callable[..., Any]
"""A function of arrays that returns one array."""
