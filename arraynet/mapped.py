"""Memory maps: reading through a file larger than memory."""

from __future__ import annotations

import contextlib
import mmap
from typing import Any

import numpy as np
from numpy.lib.array_utils import byte_bounds


def forget_pages(block: Any) -> None:
    """Let go of the memory behind a part of a memory map that has been read.

    The system keeps the pages of a file in memory until it needs them, and counts
    them as this process's. The data stay in the file: reading them again works.

    Parameters
    ----------
    block : array
        Anything; only a view of a shared `numpy.memmap` has pages to let go. The
        private pages of a copy-on-write map hold changes, and are kept.
    """
    if not isinstance(block, np.memmap) or not hasattr(mmap, "MADV_DONTNEED"):
        return
    pages = getattr(block, "_mmap", None)
    if pages is None or block.mode == "c" or not block.nbytes:
        return
    base = np.frombuffer(pages, np.uint8).ctypes.data
    # Of a part that is not contiguous, what lies between its elements is let go too.
    first, end = (address - base for address in byte_bounds(block))
    aligned = first // mmap.PAGESIZE * mmap.PAGESIZE
    with contextlib.suppress(OSError):  # it is a hint: pages that are locked, say, stay
        pages.madvise(mmap.MADV_DONTNEED, aligned, end - aligned)
