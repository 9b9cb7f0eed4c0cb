"""Tables as text: rows in columns, every cell on one line and not too long."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from arraynet.errors import clipped

LONGEST_CELL = 60  # characters: what a file calls its nodes may be as long as the file


def text_table(
    headings: Sequence[str], rows: Iterable[Sequence[str]], *, right: Collection[str] = ()
) -> str:
    """Return rows in columns as wide as their widest cell; long cells are clipped.

    Under the headings that are named in ``right``, numbers stand to the right.

    Examples
    --------
    >>> print(text_table(("layer", "parameters"), [("affine1", "1")], right=["parameters"]))
    layer    parameters
    affine1           1
    """
    cells = [tuple(clipped(cell, LONGEST_CELL) for cell in row) for row in (headings, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(headings))]
    lines = [
        "  ".join(
            cell.rjust(width) if heading in right else cell.ljust(width)
            for heading, cell, width in zip(headings, row, widths, strict=True)
        ).rstrip()
        for row in cells
    ]
    return "\n".join(lines)
