"""``arraynet fetch``: data sets from the internet."""

from __future__ import annotations

import shlex
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

    They go to FOLDER; without it, to mnist in $ARRAYNET_CACHE, or in your cache folder,
    where 'evaluate', 'plot', 'draw' and load_mnist() look for them. Files that are there
    already stay, and each is checked against its published SHA-256.
    """
    from arraynet.datasets.fetch import MIRRORS

    with _progress() as progress:
        place = arraynet.datasets.fetch_mnist(
            folder, mirrors=mirrors or MIRRORS, offline=offline, progress=progress
        )
    if as_json:
        print_json(
            {"folder": place, "files": sorted(path.name for path in place.glob("*-ubyte.gz"))}
        )
        return
    say(f"MNIST is in {place}")
    if folder is None:
        say(
            "try: arraynet evaluate sample_weight.pkl --hidden sigmoid --output softmax "
            "(the book's weights)"
        )
        return
    kinds = {"--images": "images-idx3", "--labels": "labels-idx1"}
    files = {option: place / f"t10k-{kind}-ubyte.gz" for option, kind in kinds.items()}
    words = [f"{option} {shlex.quote(str(path))}" for option, path in files.items()]
    say(f"its test images: {' '.join(words)}")


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
