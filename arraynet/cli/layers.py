"""How a person types the layers of a network: ``conv pads=1, relu, max_pool 2x2 strides=2``."""

from __future__ import annotations

from typing import Any

import click

from arraynet.cli.commands import unknown
from arraynet.errors import shortened
from arraynet.layers import WEIGHTED, LayerLike, Scale, layer_ops
from arraynet.ops import OPS

SCALE = "scale"


def number(text: str) -> float:
    """Return a finite number, or one number over another: 0.5, 1/255."""
    above, slash, below = str(text).partition("/")
    try:
        value = float(above) / float(below) if slash else float(above)
    except (ValueError, ZeroDivisionError):
        value = float("nan")
    if not abs(value) < float("inf"):
        raise click.BadParameter(f"{shortened(text)} is not a number such as 0.5 or 1/255.")
    return value


def sizes(text: str) -> tuple[int, ...]:
    """Return whole numbers with an x between them: 28x28.

    >>> sizes("1x28x28")
    (1, 28, 28)
    """
    words = text.lower().split("x")
    if all(word.isdecimal() and word.isascii() and len(word) < 10 for word in words):
        return tuple(map(int, words))
    raise click.BadParameter(f"{shortened(text)} is not whole numbers such as 28 or 1x28x28.")


def layers(text: str) -> list[LayerLike]:
    """Return the layers that a person types, as `arraynet.load` takes them.

    They have commas between them. After a layer's name stand its attributes, NAME=VALUE, of
    which windows have one number for each axis, with an x between them, or one for all. The
    first of pooling is its kernel, and of a scale its factor and shift, without a name.

    >>> layers("conv pads=1, max_pool 2x2 strides=2, scale 1/2")
    [('conv', {'pads': 1}), ('max_pool', {'kernel_shape': (2, 2), 'strides': 2}), Scale(0.5, 0)]
    """
    found = [_layer(part) for part in text.split(",")]
    if not any(text.split(",")):
        raise click.BadParameter("no layer is named.")
    return found


def _layer(text: str) -> LayerLike:
    """Return one layer: its name, or that and its attributes."""
    name, *words = text.split() or [""]
    known = {_folded(word): word for word in (*layer_ops(), *WEIGHTED, "dense", SCALE)}
    if _folded(name) not in known:
        raise click.BadParameter(unknown(name, sorted(known.values())))
    name = known[_folded(name)]
    if name == SCALE:
        if not 1 <= len(words) <= 2:
            raise click.BadParameter(f"{shortened(text.strip())} is not such as 'scale 0.5'.")
        return Scale(*map(number, words))
    attributes: dict[str, Any] = {}
    for place, word in enumerate(words):
        key, equals, value = word.partition("=")
        if not equals and place == 0 and name in OPS and "kernel_shape" in OPS[name].defaults:
            key, value = "kernel_shape", word
        elif not (equals and key and value):
            raise click.BadParameter(f"{shortened(word)} after {name!r} is not NAME=VALUE.")
        if key in attributes:
            raise click.BadParameter(f"{shortened(key)} is there twice after {name!r}.")
        attributes[key] = _value(value)
    return (name, attributes) if attributes else name


def _value(text: str) -> Any:
    """Return the value of an attribute: whole numbers, a number, true or false, or a word."""
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for read in (sizes, int, number):
        try:
            value = read(text)
        except (click.BadParameter, ValueError):
            continue
        return value[0] if isinstance(value, tuple) and len(value) == 1 else value
    return text


def _folded(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")
