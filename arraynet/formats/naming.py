"""Which tensors of a file are the weights and biases of which layer, by their names."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable
from dataclasses import dataclass

from arraynet.errors import LoadError, clipped

NAMES = "W1, b1, W2, b2 … or 0.weight, 0.bias, 2.weight, 2.bias …"

WAY_ON = (
    "or build it: arraynet.Sequential(arraynet.Dense(W, b), 'relu', …) of the arrays in "
    "arraynet.formats.read(path).tensors"
)


def refused(file: str, found: str, expected: str, member: str | None = None) -> LoadError:
    """Return the error for tensors that say no layers, which ends with the way on."""
    return LoadError(file, found, f"{expected}; {WAY_ON}", member=member)


@dataclass(frozen=True, slots=True)
class LayerNames:
    """The names that one layer's tensors have in the file, if they are there.

    Mean and variance are those of batch normalisation; None where the style has no name
    for them.
    """

    weight: str
    bias: str
    mean: str | None = None
    variance: str | None = None


@dataclass(frozen=True, slots=True)
class Style:
    """How somebody names tensors: a pattern with a layer, and the words of its tensors.

    Where channels are last, kernels of convolutions are (height, width, in, out).
    """

    pattern: re.Pattern[str]
    words: tuple[str, ...]
    layout: str = "in_out"
    channels_last: bool = False
    ignored: tuple[str, ...] = ()

    @property
    def weight(self) -> str:
        """The word of the weight."""
        return self.words[0]


STYLES = (
    # The first book of *Deep Learning from Scratch*: W1, b1.
    Style(re.compile(r"(?P<word>W|b)(?P<layer>[0-9]{1,9})"), ("W", "b")),
    # PyTorch: 0.weight, 0.bias; layers.0.weight.
    Style(
        re.compile(
            r"(?:(?P<layer>.+)\.)?"
            r"(?P<word>weight|bias|running_mean|running_var|num_batches_tracked)"
        ),
        ("weight", "bias", "running_mean", "running_var"),
        layout="out_in",
        ignored=("num_batches_tracked",),
    ),
    # Keras and Flax: dense/kernel:0, dense/bias:0; Dense_0.kernel.
    Style(
        re.compile(r"(?:(?P<layer>.+)[./])?(?P<word>kernel|bias)(?::0)?"),
        ("kernel", "bias"),
        channels_last=True,
    ),
    # The third book, and Haiku: l0/W, l0/b; linear/w, linear/b.
    Style(re.compile(r"(?:(?P<layer>.+)/)?(?P<word>W|b)"), ("W", "b")),
    Style(re.compile(r"(?:(?P<layer>.+)/)?(?P<word>w|b)"), ("w", "b"), channels_last=True),
)

_LIST = re.compile(r"arr_([0-9]{1,9})")  # of arrays without names: weight, bias, weight, bias
_NUMBER = re.compile(r"([0-9]+)")
_UNNUMBERED = re.compile(r"(?<![0-9])(?=/|$)")


_LISTED = Style(re.compile(""), ("weight", "bias"))


def layers_of(names: Iterable[str], file: str) -> tuple[list[LayerNames], Style]:
    """Return the layers in order, and the style of their names, which implies a layout.

    Names of `STYLES` are known, and those of arrays in a list: weight, bias, weight, bias.
    Layers are in the order of the numbers in their names. ``W1, W2, …`` count without a
    gap, from 0 or 1; others' numbers also count layers without weights.

    Raises
    ------
    LoadError
        For a name of no style, names of two, a layer that is missing, and names whose
        order cannot be told.
    """
    names = dict.fromkeys(names)  # in order, and quick to look up
    if names and all(map(_LIST.fullmatch, names)):
        return _in_pairs(len(names), names, file), _LISTED
    style = _style(names, file)
    layers: dict[str, LayerNames] = {}
    for name in names:
        match = style.pattern.fullmatch(name)
        if match is None:
            raise refused(file, "a tensor of no layer", f"only names like {NAMES}", name)
        if match["word"] not in style.ignored:
            start, end = match.span("word")
            found = LayerNames(*(f"{name[:start]}{word}{name[end:]}" for word in style.words))
            layers.setdefault(match["layer"] or "", found)
    order = _in_order(layers, file, counts_from_first=style.weight == "kernel")
    if style is STYLES[0]:
        _check_count([int(number) for number in order], file)
    return [layers[key] for key in order], style


def check_there(layer: LayerNames, names: Container[str], file: str, *, bias: bool = True) -> None:
    """Refuse a layer without its weight, without its bias, or with one that it has not.

    Raises
    ------
    LoadError
    """
    there = layer.weight if layer.weight in names else layer.bias
    for name, wanted in ((layer.weight, True), (layer.bias, bias)):
        if wanted and name not in names:
            raise refused(
                file,
                f"no tensor of that name (there is {there})",
                "a weight and a bias for every layer (zeros where it has no bias, or bias=False "
                "for it among layers=)",
                name,
            )
    if not bias and layer.bias in names:
        raise refused(file, "the bias of a layer without one", "bias=True", layer.bias)


def _style(names: Iterable[str], file: str) -> Style:
    """Return the one style of which there are weights."""
    found: dict[str, Style] = {}
    for name in names:
        for style in STYLES:
            match = style.pattern.fullmatch(name)
            if match and match["word"] == style.weight:
                found.setdefault(name, style)
    kinds = {style.pattern: name for name, style in reversed(found.items())}
    if len(kinds) > 1:
        members = " and ".join(clipped(name) for name in [*kinds.values()][1::-1])
        raise refused(file, "names of two kinds", f"one kind: {NAMES}", members)
    return next(iter(found.values()), STYLES[0])


def _in_pairs(count: int, names: dict[str, None], file: str) -> list[LayerNames]:
    """Return the layers of arrays in a list, whose names number them."""
    for number in range(count + count % 2):
        if f"arr_{number}" not in names:
            raise refused(
                file, "no array of that number", "weight, bias, weight, bias …", f"arr_{number}"
            )
    return [LayerNames(f"arr_{n}", f"arr_{n + 1}") for n in range(0, count, 2)]


def _check_count(numbers: list[int], file: str) -> None:
    """Refuse numbers, in order, that do not count from 0 or 1: a layer is missing."""
    for wanted, number in enumerate(numbers, start=min(numbers[0], 1)):
        if number != wanted:
            raise refused(
                file,
                f"no tensor of that name (there is W{number})",
                "a layer for every number, from 0 or 1 on",
                f"W{wanted}",
            )


def _in_order(prefixes: Iterable[str], file: str, *, counts_from_first: bool) -> list[str]:
    """Sort by the numbers in the names, which must tell the order.

    Keras leaves the first number out: dense, dense_1, dense_2.
    """
    keys: dict[tuple[int, ...], str] = {}
    texts = set()
    for prefix in prefixes:
        parts = _NUMBER.split(_UNNUMBERED.sub("_0", prefix) if counts_from_first else prefix)
        texts.add(tuple(parts[::2]))
        numbers = tuple(int(number) for number in parts[1::2])
        if numbers in keys:
            break
        keys[numbers] = prefix
    else:
        if len(texts) == 1:
            return [keys[numbers] for numbers in sorted(keys)]
    shown = clipped(", ".join(clipped(prefix) for prefix in sorted(prefixes)), 200)
    raise refused(
        file,
        f"layers named {shown}",
        f"names that differ in a number, which tells their order: {NAMES}",
    )
