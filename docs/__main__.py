"""``python -m docs FOLDER [MODULE]``: writes the API site, if every reference leads somewhere."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from docs.references import broken, modules

PUBLIC = ("arraynet", "arraynet.formats", "arraynet.plots", "arraynet.parity")
"""The package, whose names include further modules, and those that are imported by name."""


def main(folder: str, *names: str) -> int:
    """Write the site of some modules into a folder; the exit status of the process."""
    packages = {importlib.import_module(name.partition(".")[0]) for name in names or PUBLIC}
    found: list[str] = []
    for module in (module for package in packages for module in modules(package)):
        found += broken(module)
        for name in getattr(module, "__all__", ()):  # pdoc does not look at what comes late
            setattr(module, name, getattr(module, name))
    print(*found, sep="\n", end="\n" * bool(found), file=sys.stderr)
    if found:
        return 1
    from pdoc import pdoc, render

    render.configure(docformat="numpy", show_source=False, footer_text="arraynet")
    pdoc(*(names or PUBLIC), output_directory=Path(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
