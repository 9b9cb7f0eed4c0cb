"""Einstein's sum: products and sums over axes that letters name."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from arraynet._typing import Array, Namespace
from arraynet.errors import GraphError, ShapeError, shape_text, shortened
from arraynet.ops.precision import narrowed, widened
from arraynet.ops.registry import op


@op(dtypes=("numeric",))
def einsum(*arrays: Array, equation: str = "", xp: Namespace = None) -> Array:
    """Sum of products over the axes that letters name and the result lacks.

    Parameters
    ----------
    *arrays : arrays
        One for each of the equation's terms; of one dtype.
    equation : str
        Such as ``"ij,jk->ik"``. Axes of one letter are multiplied together, and summed
        where the result lacks the letter. A letter twice in one term is its diagonal.
        ``...`` stands for any axes, which broadcast. Without ``->`` the result has the
        letters that occur once, in alphabetical order.

    Examples
    --------
    >>> import numpy as np
    >>> einsum(np.array([[1, 2], [3, 4]]), np.array([10, 1]), equation="ij,j->i")
    array([12, 34])
    >>> int(einsum(np.array([[1, 2], [3, 4]]), equation="ii"))
    5
    """
    terms, result = _parsed(equation, tuple(array.ndim for array in arrays))
    named = [
        _Named(widened(array, xp), letters) for array, letters in zip(arrays, terms, strict=True)
    ]
    sizes = _sizes(named)
    named = [_without_ones(_diagonals(n, xp), sizes, xp) for n in named]
    while len(named) > 1:
        left, right, *rest = named
        wanted = set(result).union(*(n.letters for n in rest))
        named = [_contracted(left, right, wanted, xp), *rest]
    (total,) = named
    total = _summed(total, set(result), xp)
    # A letter of size 1 wherever it stands was left out.
    order = [total.letters.index(letter) for letter in result if letter in total.letters]
    moved = xp.permute_dims(total.array, tuple(order))
    moved = xp.reshape(
        moved, tuple(sizes[letter] if letter in total.letters else 1 for letter in result)
    )
    return narrowed(moved, arrays[0].dtype, xp)


@dataclass(frozen=True)
class _Named:
    """An array, and the name of each of its axes."""

    array: Array
    letters: tuple[str, ...]


@functools.lru_cache(maxsize=256)
def _parsed(
    equation: str, ranks: tuple[int, ...]
) -> tuple[tuple[tuple[str, ...], ...], tuple[str, ...]]:
    """Return the names of each array's axes and of the result's; "..." becomes numbers."""
    text = equation.replace(" ", "")
    left, arrow, right = text.partition("->")
    written = left.split(",")
    if not ranks or len(written) != len(ranks):
        raise GraphError(
            f"einsum: got {len(ranks)} arrays for {shortened(equation)}, expected "
            f"{len(written) if text else 'one or more'}"
        )
    longest = 0
    for term, rank in zip(written, ranks, strict=True):
        free = rank - len(term.replace("...", "", 1))
        if free < 0 or (free and "..." not in term):
            raise ShapeError(f"term {shortened(term)} is for another array than one of {rank} axes")
        longest = max(longest, free) if "..." in term else longest
    names = [_letters(term, rank, equation) for term, rank in zip(written, ranks, strict=True)]
    if not arrow:
        once = [c for c in sorted(set(left)) if c.isalpha() and left.count(c) == 1]
        right = ("..." if "..." in left else "") + "".join(once)
    free = len(right.replace("...", "", 1)) + longest
    result = _letters(right, free if "..." in right else len(right), equation)
    known = {letter for term in names for letter in term}
    if len(set(result)) < len(result) or not known.issuperset(result):
        raise GraphError(
            f"einsum: got the result {shortened(right)} in {shortened(equation)}, expected "
            f"letters of the arrays, each once"
        )
    return tuple(names), result


def _letters(term: str, rank: int, equation: str) -> tuple[str, ...]:
    """Return a name for each axis; those of "..." are numbered from the last one."""
    before, dots, after = term.partition("...")
    if not all(c.isascii() and c.isalpha() for c in before + after):
        raise GraphError(
            f"einsum: got {shortened(equation)}, expected letters, commas, one ... a term and ->"
        )
    free = rank - len(before) - len(after) if dots else 0
    return (*before, *(f"...{place}" for place in range(free, 0, -1)), *after)


def _sizes(named: Sequence[_Named]) -> dict[str, int]:
    """Return the size of each letter; one of 1 broadcasts."""
    sizes: dict[str, int] = {}
    for one in named:
        for letter, size in zip(one.letters, one.array.shape, strict=True):
            known = sizes.setdefault(letter, size)
            if known == 1:
                sizes[letter] = size
            elif size not in (1, known):
                raise ShapeError(f"{letter} is of size {known} and of size {size}")
    return sizes


def _diagonals(one: _Named, xp: Namespace) -> _Named:
    """Return the array with each letter once: the diagonal where it stood twice."""
    array, letters = one.array, one.letters
    for letter in dict.fromkeys(letters):
        while letters.count(letter) > 1:
            first = letters.index(letter)
            second = letters.index(letter, first + 1)
            size = array.shape[first]
            if array.shape[second] != size:
                raise ShapeError(f"{letter} is twice in {shape_text(array.shape)}, of two sizes")
            rest = [axis for axis in range(len(letters)) if axis not in (first, second)]
            shape = [array.shape[axis] for axis in rest]
            array = xp.permute_dims(array, (*rest, first, second))
            # From one element of the diagonal to the next is a row and one more.
            array = xp.reshape(array, (*shape, size * size))[..., :: size + 1]
            letters = (*(letters[axis] for axis in rest), letter)
    return _Named(array, letters)


def _without_ones(one: _Named, sizes: dict[str, int], xp: Namespace) -> _Named:
    """Return the array without axes of size 1: products broadcast along them."""
    kept = [axis for axis, size in enumerate(one.array.shape) if size != 1]
    array = xp.reshape(one.array, tuple(one.array.shape[axis] for axis in kept))
    return _Named(array, tuple(one.letters[axis] for axis in kept))


def _summed(one: _Named, wanted: set[str], xp: Namespace) -> _Named:
    """Return the array summed over the letters that nobody wants."""
    axes = tuple(axis for axis, letter in enumerate(one.letters) if letter not in wanted)
    if not axes:
        return one
    letters = tuple(letter for letter in one.letters if letter in wanted)
    return _Named(xp.sum(one.array, axis=axes, dtype=one.array.dtype), letters)


def _contracted(left: _Named, right: _Named, wanted: set[str], xp: Namespace) -> _Named:
    """Return the product of two arrays, summed over the letters that nobody wants."""
    left = _summed(left, wanted.union(right.letters), xp)
    right = _summed(right, wanted.union(left.letters), xp)
    both = [letter for letter in left.letters if letter in right.letters]
    batch = [letter for letter in both if letter in wanted]
    summed = [letter for letter in both if letter not in wanted]
    rows = [letter for letter in left.letters if letter not in both]
    columns = [letter for letter in right.letters if letter not in both]
    a = _matrices(left, batch, rows, summed, xp)
    b = _matrices(right, batch, summed, columns, xp)
    product = xp.matmul(a, b) if summed else a * b
    size = dict(zip(left.letters, left.array.shape, strict=True))
    size.update(zip(right.letters, right.array.shape, strict=True))
    letters = (*batch, *rows, *columns)
    return _Named(xp.reshape(product, tuple(size[letter] for letter in letters)), letters)


def _matrices(
    one: _Named, batch: list[str], rows: list[str], columns: list[str], xp: Namespace
) -> Array:
    """Return an array as a batch of matrices."""
    order = tuple(one.letters.index(letter) for letter in (*batch, *rows, *columns))
    shape = [one.array.shape[axis] for axis in order]
    first, second = len(batch), len(batch) + len(rows)
    return xp.reshape(
        xp.permute_dims(one.array, order),
        (*shape[:first], math.prod(shape[first:second]), math.prod(shape[second:])),
    )
