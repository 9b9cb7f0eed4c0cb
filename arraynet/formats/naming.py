"""Which tensors of a file are the weights and biases of which layer, by their names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from arraynet.errors import LoadError
from arraynet.formats.stored import clipped

_BOOK = re.compile(r"(?P<kind>[Wb])(?P<number>[0-9]{1,9})")
_TORCH = re.compile(r"(?:(?P<prefix>.+)\.)?(?P<kind>weight|bias)")
_NUMBER = re.compile(r"([0-9]+)")

NAMES = "W1, b1, W2, b2 … or 0.weight, 0.bias, 2.weight, 2.bias …"


@dataclass(frozen=True, slots=True)
class LayerNames:
    """The names of one layer's tensors in the file."""

    weight: str
    bias: str


def layers_of(names: Iterable[str], file: str) -> tuple[list[LayerNames], str]:
    """Return the layers in order, and the layout that their names imply.

    ``W1, b1, …`` are "in_out", ``N.weight, N.bias`` "out_in", as PyTorch writes
    them. Layers are in the order of the numbers in their names. ``W1, W2, …`` count
    without a gap, from 0 or 1; PyTorch's numbers also count layers without weights.

    Raises
    ------
    LoadError
        For a name of neither kind, names of both, a weight without its bias or the
        other way round, a layer that is missing, and names whose order cannot be told.
    """
    names = dict.fromkeys(names)  # in order, and quick to look up
    book = [name for name in names if _BOOK.fullmatch(name)]
    torch = [name for name in names if _TORCH.fullmatch(name)]
    for name in names:
        if not _BOOK.fullmatch(name) and not _TORCH.fullmatch(name):
            raise LoadError(file, "a tensor of no layer", f"only names like {NAMES}", member=name)
    if book and torch:
        raise LoadError(
            file, "names of two kinds", f"one kind: {NAMES}", member=f"{book[0]} and {torch[0]}"
        )
    if book:
        layers = {name[1:]: LayerNames(f"W{name[1:]}", f"b{name[1:]}") for name in book}
    else:
        prefixes = [name.rpartition(".")[0] for name in torch]
        layers = {
            prefix: LayerNames(*(f"{prefix}.{k}" if prefix else k for k in ("weight", "bias")))
            for prefix in prefixes
        }
    for layer in layers.values():
        for name, other in ((layer.weight, layer.bias), (layer.bias, layer.weight)):
            if name not in names:
                raise LoadError(
                    file,
                    f"no tensor of that name (there is {other})",
                    "a weight and a bias for every layer (zeros where it has no bias)",
                    member=name,
                )
    order = _in_order(layers, file)
    if book:
        _check_count([int(number) for number in order], file)
    return [layers[key] for key in order], "in_out" if book else "out_in"


def _check_count(numbers: list[int], file: str) -> None:
    """Refuse numbers, in order, that do not count from 0 or 1: a layer is missing."""
    for wanted, number in enumerate(numbers, start=min(numbers[0], 1)):
        if number != wanted:
            raise LoadError(
                file,
                f"no tensor of that name (there is W{number})",
                "a layer for every number, from 0 or 1 on",
                member=f"W{wanted}",
            )


def _in_order(prefixes: Iterable[str], file: str) -> list[str]:
    """Sort by the numbers in the names, which must tell the order."""
    keys: dict[tuple[int, ...], str] = {}
    texts = set()
    for prefix in prefixes:
        parts = _NUMBER.split(prefix)
        texts.add(tuple(parts[::2]))
        numbers = tuple(int(number) for number in parts[1::2])
        if numbers in keys:
            break
        keys[numbers] = prefix
    else:
        if len(texts) == 1:
            return [keys[numbers] for numbers in sorted(keys)]
    raise LoadError(
        file,
        f"layers named {clipped(', '.join(sorted(prefixes)), 200)}",
        f"names that differ in a number, which tells their order: {NAMES}",
    )
