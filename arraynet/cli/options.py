"""The options that several subcommands share, and how a function becomes a subcommand."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import click

from arraynet.backends import KNOWN
from arraynet.chains import known_activations
from arraynet.cli.commands import print_json, say, unknown
from arraynet.cli.layers import layers, number, sizes
from arraynet.errors import shortened
from arraynet.formats.weights import LAYOUTS
from arraynet.graph import DTYPES
from arraynet.parity import REFERENCE


class Answer(NamedTuple):
    """What a subcommand prints: with ``--json`` and without it; and whether that is bad news."""

    result: Any
    lines: Iterable[str]
    failed: bool = False

    def print(self, as_json: bool) -> None:
        """Print one or the other; bad news are status 1."""
        if as_json:
            print_json(self.result)
        else:
            say(*self.lines)
        if self.failed:
            raise click.exceptions.Exit(1)


def command(
    *examples: str, options: Iterable[Any], start: str = "arraynet"
) -> Callable[[Callable[..., None]], click.Command]:
    """Return a decorator that makes a function a subcommand, with ``--json`` and other options.

    Examples are for the end of its help, as they are typed after ``start``; a line that
    begins with a space goes on with the one before.
    """
    epilog = epilog_of(*examples, start=start)
    return lambda function: click.command(epilog=epilog)(together(*options, JSON)(function))


def answering(
    *examples: str, options: Iterable[Any], start: str = "arraynet"
) -> Callable[[Callable[..., Answer]], click.Command]:
    """Return a decorator that makes a subcommand of a function whose answer is printed."""

    def decorate(answer: Callable[..., Answer]) -> click.Command:
        @functools.wraps(answer)
        def run(as_json: bool, **given: Any) -> None:
            answer(**given).print(as_json)

        return command(*examples, options=options, start=start)(run)

    return decorate


def epilog_of(*examples: str, start: str = "arraynet") -> str:
    """Return the end of a help: lines to try."""
    lines = (line if line.startswith(" ") else f"{start} {line}" for line in examples)
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])


def together(*several: Any) -> Any:
    """Return a decorator that adds several options, in the order given."""
    return lambda command: functools.reduce(lambda done, add: add(done), several[::-1], command)


class Choice(click.Choice[str]):
    """One of some words, in upper or lower case; of a near miss it says which was meant."""

    def __init__(self, words: Iterable[str]) -> None:
        super().__init__(tuple(words), case_sensitive=False)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the word as it is written in the library."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            self.fail(unknown(value, self.choices), param, ctx)


def backend_name(text: str) -> str:
    """Return the name of a backend, which need not work here, if there is one of that name."""
    if text.partition(":")[0] not in KNOWN:
        raise click.BadParameter(unknown(text, KNOWN))
    return text


def backend_names(text: str) -> list[str]:
    """Return the names of backends to compare, with commas between them."""
    names = [word.strip() for word in text.split(",")]
    if len(names) < 2:
        raise click.BadParameter(f"{shortened(text)} is not two or more, such as cpu,{REFERENCE}.")
    return [name if name == REFERENCE else backend_name(name) for name in names]


def option(name: str, help: str, kind: Any = None, metavar: str | None = None, **more: Any) -> Any:
    """Return an option; its default is in its help, if it has one."""
    shown = more.get("default") is not None
    return click.option(name, type=kind, metavar=metavar, help=help, show_default=shown, **more)


def count(
    name: str, help: str, *, default: int | None = None, least: int = 1, most: int | None = None
) -> Any:
    """Return an option that takes a whole number."""
    return option(name, help, click.IntRange(least, most), "N", default=default)


def flag(name: str, help: str, *names: str) -> Any:
    """Return an option without a value."""
    return click.option(name, *names, is_flag=True, help=help)


def backends_option(default: str) -> Any:
    """Return the option that names backends to compare."""
    text = "Two or more, with commas; the first is the reference."
    return option("--backends", text, backend_names, "NAMES", default=default)


_ACTIVATION = Choice(known_activations())

MODEL = click.argument("model", required=False)
NETWORK = together(
    option("--hidden", "Activation of hidden layers: sigmoid …", _ACTIVATION, "OP"),
    option("--output", "Activation of the output layer: softmax …", _ACTIVATION, "OP"),
    option(
        "--layers",
        "All layers of weights without a graph, with commas: 'conv pads=1, relu, max_pool 2x2 "
        "strides=2, flatten, affine, relu, scale 0.5, affine, softmax'. Those with weights "
        "take them in order.",
        layers,
        "LIST",
    ),
    option("--input-shape", "Of one example, where layers do not tell it.", sizes, "1x28x28"),
    option(
        "--layout",
        "How weights lie: (in, out) or (out, in). Else the names in the file decide.",
        Choice(LAYOUTS),
    ),
    option("--scale", "Multiply the input by N first: 1/255 takes bytes as they are.", number, "N"),
    flag("--allow-nonfinite", "Accept weights of NaN or infinity."),
)
DTYPE = option(
    "--dtype", "Compute in float16, float32 … instead of the weights'.", Choice(DTYPES), "NAME"
)
BACKEND = option(
    "--backend", "cpu, gpu, gpu:N, auto, torch, torch:cuda, jax …", backend_name, "NAME",
    default="cpu",
)  # fmt: skip
RUN = together(NETWORK, DTYPE, BACKEND)
IMAGES = option("--images", "Images: IDX (.gz or not), .npy, PNG or JPEG.", metavar="FILE")
LABELS = option("--labels", "Their labels: IDX (.gz or not) or .npy.", metavar="FILE")
LABELLED = together(IMAGES, LABELS)
LIMIT = count("--limit", "Only the first N images.", least=0)
JSON = flag("--json", "Print one JSON object.", "as_json")
