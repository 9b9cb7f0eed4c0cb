"""The weights and biases of dense layers in order, from the names and shapes of tensors."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from arraynet.errors import LoadError, choices_text, clipped, shortened
from arraynet.formats.stored import HostArray
from arraynet.graph import DTYPES
from arraynet.node import is_one_of

LAYOUTS = ("in_out", "out_in")

NAMES = "W1, b1, W2, b2 … or 0.weight, 0.bias, 2.weight, 2.bias …"

WAY_ON = (
    "or build it: arraynet.Sequential(arraynet.Dense(W, b), 'relu', …) of the arrays in "
    "arraynet.formats.read(path).tensors"
)


class LayerNames(NamedTuple):
    """The names of one layer's tensors in the file."""

    weight: str
    bias: str


class Style(NamedTuple):
    """How somebody names tensors: a pattern with a layer, and the word of the weight or bias."""

    pattern: re.Pattern[str]
    weight: str
    bias: str
    layout: str


STYLES = (
    # The first book of *Deep Learning from Scratch*: W1, b1.
    Style(re.compile(r"(?P<word>W|b)(?P<layer>[0-9]{1,9})"), "W", "b", "in_out"),
    # PyTorch: 0.weight, 0.bias; layers.0.weight.
    Style(re.compile(r"(?:(?P<layer>.+)\.)?(?P<word>weight|bias)"), "weight", "bias", "out_in"),
    # Keras and Flax: dense/kernel:0, dense/bias:0; Dense_0.kernel.
    Style(
        re.compile(r"(?:(?P<layer>.+)[./])?(?P<word>kernel|bias)(?::0)?"),
        "kernel",
        "bias",
        "in_out",
    ),
    # The third book, and Haiku: l0/W, l0/b; linear/w, linear/b.
    Style(re.compile(r"(?:(?P<layer>.+)/)?(?P<word>W|b)"), "W", "b", "in_out"),
    Style(re.compile(r"(?:(?P<layer>.+)/)?(?P<word>w|b)"), "w", "b", "in_out"),
)

_LIST = re.compile(r"arr_([0-9]{1,9})")  # of arrays without names: weight, bias, weight, bias
_NUMBER = re.compile(r"([0-9]+)")
_UNNUMBERED = re.compile(r"(?<![0-9])(?=/|$)")


@dataclass(frozen=True, slots=True)
class DenseWeights:
    """What a file holds of one dense layer.

    Parameters
    ----------
    name : str
        What the file calls the weight.
    weight : numpy.ndarray, shape (in, out)
        Whatever the layout in the file.
    bias : numpy.ndarray, shape (out,)
    """

    name: str
    weight: HostArray
    bias: HostArray


def one_of(found: object, choices: Iterable[str]) -> str:
    """Return what an option is expected to be: the near miss, or all choices."""
    text = choices_text(found, choices)
    return f"another ({text})" if text.startswith("did you mean") else f"one of {text}"


def dense_weights(
    tensors: Mapping[str, HostArray], *, file: str, layout: str | None = None, mixed: bool = False
) -> list[DenseWeights]:
    """Return the layers of a file in order, once their tensors fit each other.

    Parameters
    ----------
    tensors : mapping of str to numpy.ndarray
        Named as one of `arraynet.formats.weights.STYLES` does.
    file : str
        Named in errors.
    layout : {"in_out", "out_in"}, optional
        The axes of the weights, if their names do not tell it right.
    mixed : bool
        Whether tensors may be of several dtypes, and of integers; then all are float64.

    Raises
    ------
    LoadError
        Naming the tensor, what it is and what was expected.

    Examples
    --------
    >>> tensors = {"0.weight": np.ones((2, 3), "f4"), "0.bias": np.zeros((1, 2), "f4")}
    >>> [layer] = dense_weights(tensors, file="model.npz")
    >>> layer.weight.shape, layer.bias.shape
    ((3, 2), (2,))
    """
    if layout is not None and not is_one_of(layout, LAYOUTS):
        raise LoadError(file, f"layout={shortened(layout)}", one_of(layout, LAYOUTS))
    names, usual = layers_of(tensors, file)
    layout = layout or usual
    tensors = _of_one_dtype(tensors, file, mixed=mixed)
    result = []
    for layer in names:
        weight, bias = tensors[layer.weight], tensors[layer.bias]
        if weight.ndim == 4:
            found = f"a convolution's weight of shape {weight.shape}"
            expected = "shape (in, out) of a dense layer (convolution is not supported yet)"
            raise _refused(file, found, expected, layer.weight)
        if weight.ndim != 2 or 0 in weight.shape:
            found = f"shape {shortened(weight.shape)}"
            raise _refused(file, found, "(in, out), not empty", layer.weight)
        turned = weight.T if layout == "out_in" else weight
        outputs = turned.shape[1]
        if bias.shape not in ((outputs,), (1, outputs), (outputs, 1)):
            found = f"shape {shortened(bias.shape)}"
            expected = f"({outputs},), as {layer.weight} is {weight.shape} in layout {layout}"
            raise _refused(file, found, expected, layer.bias)
        result.append(DenseWeights(layer.weight, turned, bias.reshape(outputs)))
    return result


def _of_one_dtype(
    tensors: Mapping[str, HostArray], file: str, *, mixed: bool
) -> Mapping[str, HostArray]:
    """Return tensors of one floating dtype: as they are, or as float64, which holds the others."""
    first = ""
    for name, tensor in tensors.items():
        dtype, whole = tensor.dtype.name, tensor.dtype.kind in "iu"
        if dtype not in DTYPES and not (mixed and whole):
            advice = " (dtype='float32' converts it)" if whole else ""
            raise _refused(file, f"dtype {dtype}", f"one of {', '.join(DTYPES)}{advice}", name)
        first = first or name
        usual = tensors[first].dtype.name
        if dtype != usual and not mixed:
            expected = f"{usual}, as {first} has (dtype='float32' converts all)"
            raise LoadError(file, f"dtype {dtype}", expected, member=name)
    kinds = {tensor.dtype.name for tensor in tensors.values()}
    if len(kinds) == 1 and kinds <= set(DTYPES):
        return tensors
    return {name: tensor.astype(np.float64) for name, tensor in tensors.items()}


def layers_of(names: Iterable[str], file: str) -> tuple[list[LayerNames], str]:
    """Return the layers in order, and the layout that their names imply.

    Names of `STYLES` are known, and those of arrays in a list: weight, bias, weight, bias.
    Layers are in the order of the numbers in their names. ``W1, W2, …`` count without a
    gap, from 0 or 1; others' numbers also count layers without weights.

    LoadError for a name of no style, names of two, a weight without its bias or the other way
    round, a layer that is missing, and names whose order cannot be told.
    """
    names = dict.fromkeys(names)  # in order, and quick to look up
    if names and all(map(_LIST.fullmatch, names)):
        return _in_pairs(names, file), "in_out"
    style = _style(names, file)
    matches: dict[str, re.Match[str]] = {}
    for name in names:
        match = style.pattern.fullmatch(name)
        if match is None:
            raise _refused(file, "a tensor of no layer", f"only names like {NAMES}", name)
        matches[name] = match
    layers: dict[str, LayerNames] = {}
    for name, match in matches.items():
        start, end = match.span("word")
        pair = LayerNames(*(f"{name[:start]}{w}{name[end:]}" for w in (style.weight, style.bias)))
        for one, other in (pair, pair[::-1]):
            if one not in names:
                found = f"no tensor of that name (there is {other})"
                expected = "a weight and a bias for every layer (zeros where it has no bias)"
                raise _refused(file, found, expected, one)
        layers[match["layer"] or ""] = pair
    order = _in_order(layers, file, counts_from_first=style.weight == "kernel")
    if style is STYLES[0]:
        for wanted, number in enumerate(map(int, order), start=min(int(order[0]), 1)):
            if number != wanted:
                found = f"no tensor of that name (there is W{number})"
                expected = "a layer for every number, from 0 or 1 on"
                raise _refused(file, found, expected, f"W{wanted}")
    return [layers[key] for key in order], style.layout


def _in_pairs(names: dict[str, None], file: str) -> list[LayerNames]:
    """Return the layers of arrays in a list, whose names number them."""
    listed = [f"arr_{number}" for number in range(len(names) + len(names) % 2)]
    for name in listed:
        if name not in names:
            raise _refused(file, "no array of that number", "weight, bias, weight, bias …", name)
    return [LayerNames(*pair) for pair in zip(listed[::2], listed[1::2], strict=True)]


def _style(names: Iterable[str], file: str) -> Style:
    """Return the one style of which there are weights."""
    kinds: dict[Style, str] = {}
    for name in names:
        for style in STYLES:
            match = style.pattern.fullmatch(name)
            if match and match["word"] == style.weight:
                kinds.setdefault(style, name)
                break
    if len(kinds) > 1:
        members = " and ".join(clipped(name) for name in [*kinds.values()][:2])
        raise _refused(file, "names of two kinds", f"one kind: {NAMES}", members)
    return next(iter(kinds), STYLES[0])


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
    expected = f"names that differ in a number, which tells their order: {NAMES}"
    raise _refused(file, f"layers named {shown}", expected)


def _refused(file: str, found: str, expected: str, member: str | None = None) -> LoadError:
    """Return the error for tensors that say no layers, which ends with the way on."""
    return LoadError(file, found, f"{expected}; {WAY_ON}", member=member)
