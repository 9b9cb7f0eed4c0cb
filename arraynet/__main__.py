"""``python -m arraynet``: the command ``arraynet``."""

from __future__ import annotations

from arraynet.cli import main

main()
