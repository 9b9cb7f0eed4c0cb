"""How much a file may ask of the machine that reads it."""

from __future__ import annotations

from dataclasses import dataclass, fields

from arraynet.errors import ArraynetError

MEBIBYTE = 1 << 20

MOST = {"dimensions": 64, "depth": 200, "name_bytes": 4000}
"""Where NumPy's dimensions, Python's recursion and its integers' digits end."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Budgets that a loader checks before it allocates or loops.

    Give one to a loader as ``limits=`` to read a larger network than usual, or to
    hold strangers' files to less.

    Parameters
    ----------
    file_bytes : int
        Bytes of the file on disk.
    array_bytes : int
        Bytes of all tensors of a file together, after decompression; and of one row of
        each value of its graph.
    expansion : int
        How many times its compressed size a file may grow to. It counts only
        beyond ``expansion_floor``: small files of zeros compress well.
    expansion_floor : int
        Bytes that any compressed file may grow to.
    header_bytes : int
        Bytes of one header: of a safetensors file, of one npz member, of a zip
        directory, of the graph in the metadata. The headers of all npz members may
        have four times as many together.
    tensors : int
        Number of tensors.
    nodes : int
        Number of nodes of a graph.
    dimensions : int
        Number of dimensions of one tensor.
    name_bytes : int
        How long one name may be, of a tensor or in a graph: its characters, and in a
        pickle its bytes.
    opcodes : int
        Number of pickle opcodes.
    memo : int
        Number of entries in a pickle's memo.
    depth : int
        How deep a pickle's tuples, or JSON's brackets, may nest.
    pixels : int
        Pixels of one picture.
    chunks : int
        Number of chunks of one PNG image; a picture of any kind may be read in four
        times as many pieces.

    Examples
    --------
    >>> Limits(array_bytes=8 * 2**30).array_bytes
    8589934592
    """

    file_bytes: int = 1024 * MEBIBYTE
    array_bytes: int = 1024 * MEBIBYTE
    expansion: int = 20
    expansion_floor: int = 64 * MEBIBYTE
    header_bytes: int = MEBIBYTE
    tensors: int = 10_000
    nodes: int = 1_000
    dimensions: int = 32
    name_bytes: int = 512
    opcodes: int = 250_000
    memo: int = 200_000
    depth: int = 16
    pixels: int = 16 * MEBIBYTE
    chunks: int = 10_000

    def __post_init__(self) -> None:
        for budget in fields(self):
            value = getattr(self, budget.name)
            if type(value) is not int or not 0 <= value <= MOST.get(budget.name, value):
                wanted = f"at most {MOST[budget.name]}" if budget.name in MOST else "at least 0"
                raise ArraynetError(
                    f"Limits: got {budget.name}={value!r}, expected a whole number of {wanted}"
                )


_DEFAULT = Limits()


def limits_or_default(limits: object) -> Limits:
    """Return the limits that a caller gave, or the default ones for None."""
    if limits is None:
        return _DEFAULT
    if not isinstance(limits, Limits):
        raise ArraynetError(
            f"limits: got {type(limits).__name__}, expected arraynet.formats.Limits"
        )
    return limits
