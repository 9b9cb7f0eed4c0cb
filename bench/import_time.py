"""How long ``import arraynet`` takes, against NumPy and array-api-compat alone.

``python -m bench.import_time`` starts fresh processes in turn and prints the medians
of the time that each spent importing (the start of Python itself is not counted).
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys

ROUNDS = 25

STATEMENTS = {
    "numpy": "import numpy",
    "numpy + array-api-compat": "import numpy, array_api_compat",
    "arraynet": "import arraynet",
}


def seconds(statement: str) -> float:
    """Return how long a fresh process takes over a statement."""
    script = (
        f"import time\nstart = time.perf_counter()\n{statement}\nprint(time.perf_counter() - start)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        # An installed package has its bytecode: let the first round write it.
        env={k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"},
    )
    return float(done.stdout)


def main() -> None:
    """Print the median of each statement and its ratio to NumPy with array-api-compat."""
    for statement in STATEMENTS.values():
        seconds(statement)  # once for the file cache
    times: dict[str, list[float]] = {name: [] for name in STATEMENTS}
    for _ in range(ROUNDS):
        for name, statement in STATEMENTS.items():
            times[name].append(seconds(statement))
    medians = {name: statistics.median(values) for name, values in times.items()}
    base = medians["numpy + array-api-compat"]
    for name, median in medians.items():
        print(f"{name:26} {median * 1e3:7.1f} ms   {median / base:5.2f} ×")


if __name__ == "__main__":
    main()
