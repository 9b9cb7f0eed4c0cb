"""The command and the list of its subcommands."""

from __future__ import annotations

import click

from arraynet import __version__
from arraynet.cli.commands import Commands
from arraynet.cli.draw import draw
from arraynet.cli.files import convert, fetch, inspect
from arraynet.cli.plot import plot
from arraynet.cli.predict import predict
from arraynet.cli.reports import doctor, evaluate, parity, summary

HELP = """Run trained neural networks on a CPU or a GPU.

\b
Start here: a network and its test images come with arraynet.
  arraynet evaluate            how often is it right?
  arraynet summary             what is inside it?
  arraynet draw                what does it see of a digit that you draw?

\b
Then your own weights, for example those of the book with MNIST:
  arraynet fetch mnist         downloads it, and says where
  arraynet evaluate sample_weight.pkl --hidden sigmoid --output softmax

Every subcommand explains itself: arraynet evaluate --help
"""

EPILOG = """\b
Exit status: 0 done, 1 failed (one line says why), 2 wrong usage, 130 after Ctrl-C.
Completion, in bash: eval "$(_ARRAYNET_COMPLETE=bash_source arraynet)"
(zsh_source and fish_source likewise).
"""


@click.group(
    "arraynet",
    cls=Commands,
    help=HELP,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="arraynet")
def commands() -> None:
    """Choose the subcommand."""


for command in (evaluate, summary, draw, predict, inspect, convert, fetch, doctor, parity, plot):
    commands.add_command(command)
