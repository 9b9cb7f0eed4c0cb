"""The options that several subcommands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


def number(text: str) -> float:
    """Return a number, or one number over another: 0.5, 1/255."""
    above, slash, below = str(text).partition("/")
    try:
        return float(above) / float(below) if slash else float(above)
    except (ValueError, ZeroDivisionError):
        raise click.BadParameter(f"{text!r} is not a number such as 0.5 or 1/255.") from None


NETWORK = (
    click.option("--hidden", metavar="OP", help="Activation after each hidden layer: sigmoid …"),
    click.option("--output", metavar="OP", help="Activation of the output layer: softmax …"),
    click.option(
        "--layout",
        type=click.Choice(["in_out", "out_in"]),
        help="How weights lie: (in, out) or (out, in). Else the names in the file decide.",
    ),
    click.option(
        "--scale",
        type=number,
        metavar="N",
        help="Multiply the input by N first: 1/255 takes bytes as they are.",
    ),
)

DTYPE = (
    click.option(
        "--dtype", metavar="NAME", help="Compute in float16, float32 … instead of the weights'."
    ),
)

BACKEND = (
    click.option(
        "--backend",
        default="cpu",
        show_default=True,
        metavar="NAME",
        help="cpu, gpu, gpu:N, auto, torch, torch:cuda, jax …",
    ),
)

JSON = (click.option("--json", "as_json", is_flag=True, help="Print one JSON object."),)

BATCH_SIZE = click.option(
    "--batch-size", type=click.IntRange(min=1), metavar="N", help="Images at a time."
)

LIMIT = click.option(
    "--limit", type=click.IntRange(min=0), metavar="N", help="Only the first N images."
)


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
