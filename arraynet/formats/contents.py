"""What a file of tensors holds, loaded or only looked at."""

from __future__ import annotations

from dataclasses import dataclass, field

from arraynet.formats.stored import HostArray
from arraynet.weights import seal


@dataclass(frozen=True, slots=True)
class Contents:
    """The tensors and the metadata of one file.

    Parameters
    ----------
    tensors : dict of str to numpy.ndarray
        In the file's order, in this machine's byte order, each with memory of its
        own (two names of one pickled array share it).
    metadata : dict of str to str
        Empty where the format has none.
    format : str
        "pickle", "npz" or "safetensors".
    """

    tensors: dict[str, HostArray]
    metadata: dict[str, str] = field(default_factory=dict)
    format: str = ""

    def sealed(self) -> Contents:
        """Return these contents, which nobody writes to any more: a graph needs no copy."""
        for tensor in self.tensors.values():
            seal(tensor)
        return self


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """One tensor, as its file describes it.

    Parameters
    ----------
    name : str
    shape : tuple of int
    dtype : str
        NumPy's name of it, without byte order ("float32").
    bytes : int
        Its size in memory.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    bytes: int
