"""The options that several subcommands share."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import click

from arraynet.backends import KNOWN
from arraynet.chains import known_activations
from arraynet.cli.commands import unknown
from arraynet.errors import shortened
from arraynet.formats.weights import LAYOUTS
from arraynet.graph import DTYPES
from arraynet.parity import REFERENCE

Command = TypeVar("Command", bound=Callable[..., Any])


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


def number(text: str) -> float:
    """Return a finite number, or one number over another: 0.5, 1/255."""
    above, slash, below = str(text).partition("/")
    try:
        value = float(above) / float(below) if slash else float(above)
    except (ValueError, ZeroDivisionError):
        value = math.nan
    if not math.isfinite(value):
        raise click.BadParameter(f"{shortened(text)} is not a number such as 0.5 or 1/255.")
    return value


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


ACTIVATION = Choice(known_activations())

NETWORK = (
    click.option(
        "--hidden", type=ACTIVATION, metavar="OP", help="Activation of hidden layers: sigmoid …"
    ),
    click.option(
        "--output", type=ACTIVATION, metavar="OP", help="Activation of the output layer: softmax …"
    ),
    click.option(
        "--layout",
        type=Choice(LAYOUTS),
        help="How weights lie: (in, out) or (out, in). Else the names in the file decide.",
    ),
    click.option(
        "--scale",
        type=number,
        metavar="N",
        help="Multiply the input by N first: 1/255 takes bytes as they are.",
    ),
    click.option("--allow-nonfinite", is_flag=True, help="Accept weights of NaN or infinity."),
)

DTYPE = (
    click.option(
        "--dtype",
        type=Choice(DTYPES),
        metavar="NAME",
        help="Compute in float16, float32 … instead of the weights'.",
    ),
)

BACKEND = (
    click.option(
        "--backend",
        type=backend_name,
        default="cpu",
        show_default=True,
        metavar="NAME",
        help="cpu, gpu, gpu:N, auto, torch, torch:cuda, jax …",
    ),
)


def backends_option(default: str) -> Callable[[Command], Command]:
    """Return the option that names backends to compare."""
    return click.option(
        "--backends",
        type=backend_names,
        default=default,
        show_default=True,
        metavar="NAMES",
        help="Two or more, with commas; the first is the reference.",
    )


JSON = (click.option("--json", "as_json", is_flag=True, help="Print one JSON object."),)


def count(
    name: str, help: str, *, default: int | None = None, least: int = 1, most: int | None = None
) -> Callable[[Command], Command]:
    """Return an option that takes a whole number."""
    kind, shown = click.IntRange(least, most), default is not None
    return click.option(
        name, type=kind, default=default, show_default=shown, metavar="N", help=help
    )


BATCH_SIZE = count("--batch-size", "Images at a time.")
LIMIT = count("--limit", "Only the first N images.", least=0)


def options(*several: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Return a decorator that adds several options, in the order given."""

    def add(command: Command) -> Command:
        for option in reversed(several):
            command = option(command)
        return command

    return add


def examples(*lines: str) -> str:
    """Return the end of a subcommand's help: lines to try, as they are typed."""
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])
