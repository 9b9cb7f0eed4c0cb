"""``arraynet fetch``: data sets from the internet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import click

import arraynet
from arraynet.cli.commands import Commands
from arraynet.cli.options import JSON, examples, options
from arraynet.cli.printing import print_json, say
from arraynet.progress import Advance, bar


@click.group(cls=Commands, epilog=examples("arraynet fetch mnist"))
def fetch() -> None:
    """Download a data set: MNIST."""


@fetch.command(
    epilog=examples(
        "arraynet fetch mnist",
        "arraynet fetch mnist data/mnist",
        "arraynet fetch mnist --offline --json",
    )
)
@click.argument("folder", required=False)
@options(
    click.option(
        "--mirror",
        "mirrors",
        multiple=True,
        metavar="URL",
        help="Address of a folder with the four files; may be repeated. [default: three mirrors]",
    ),
    click.option("--offline", is_flag=True, help="Connect to nothing: check the files there."),
    *JSON,
)
def mnist(folder: str | None, mirrors: tuple[str, ...], offline: bool, as_json: bool) -> None:
    """Download MNIST's four files, and say where they are.

    They go to FOLDER; without it, to mnist in $ARRAYNET_CACHE, or in your cache folder.
    Files that are there already stay, each is checked against its published SHA-256,
    and an interrupted download is continued.
    """
    from arraynet.datasets.fetch import MIRRORS

    with _progress() as progress:
        place = arraynet.datasets.fetch_mnist(
            folder, mirrors=mirrors or MIRRORS, offline=offline, progress=progress
        )
    images, labels = (place / f"t10k-{kind}-ubyte.gz" for kind in ("images-idx3", "labels-idx1"))
    if as_json:
        print_json(
            {"folder": place, "files": sorted(path.name for path in place.glob("*-ubyte.gz"))}
        )
        return
    say(f"MNIST is in {place}")
    say(f"its test images: --images {images} --labels {labels}")


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """Give a function of the bytes done and in all, which shows a bar."""
    with ExitStack() as stack:
        advance: Advance | None = None
        before: int | None = None

        def report(done: int, total: int) -> None:
            nonlocal advance, before
            if before is None:
                before = 0
                advance = stack.enter_context(bar("downloading", total, "bytes")) if total else None
            if advance is not None:
                advance(done - before)
            before = done

        yield report
