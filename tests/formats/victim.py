"""Loads hostile files, one after the other, under resource limits and an audit hook.

Run by `tests.formats.attack`: for each line of JSON, [LOADER, SUFFIX, CASES, GOOD],
``python -m tests.formats.victim`` forks a process of its own and prints one JSON object.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import struct
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from arraynet import formats, load
from arraynet.datasets.idx import read_idx
from arraynet.datasets.images import read_images
from arraynet.errors import LoadError
from tests.effort import LIGHT, effort, unit
from tests.formats import references
from tests.waiting import HANGS

Arrays = dict[str, np.ndarray[Any, Any]]

Reference = Callable[[str], Arrays | None]

MEMORY = 256 << 20


def _read(path: str) -> Arrays:
    return formats.read(path, allow_nonfinite=True).tensors


def _inspect(path: str) -> Arrays:
    formats.inspect(path)
    return {}


def _greedy(path: str) -> Arrays:
    return {"": np.ones(12 << 20)}


def _slow(path: str) -> Arrays:
    seconds = LIGHT / 2 * unit()
    start = time.process_time()
    while time.process_time() - start < seconds:
        pass
    return {}


def _network(path: str) -> Arrays:
    return dict(load(path).graph.weights)


LOADERS: dict[str, tuple[Callable[[str], Arrays], Reference | None]] = {
    "pickle": (_read, references.read_pickle),
    "npz": (_read, references.read_npz),
    "safetensors": (_read, references.read_safetensors),
    "idx": (lambda path: {"": read_idx(path)}, references.read_idx),
    "images": (lambda path: {"": read_images(path)}, references.read_images),
    "inspect": (_inspect, None),
    "network": (_network, None),
    # Not ours: they show that what a bad loader does would be seen.
    "careless": (references.read_carelessly, None),
    "greedy": (_greedy, None),
    "slow": (_slow, None),
}


class Watch:
    """Notes every audit event while a file is loaded, except opening that file."""

    def __init__(self) -> None:
        self.path: str | None = None
        self.events: set[str] = set()
        sys.addaudithook(self._note)

    def _note(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.path is None:
            return
        if event == "open" and (arguments[0] == self.path or isinstance(arguments[0], int)):
            return
        if event == "object.__getattr__" and arguments[0].__module__.startswith("arraynet.ops"):
            return  # the signature of one of our own ops
        if event not in ("builtins.id", "array.__new__"):  # neither opens or runs anything
            self.events.add(f"{event}{arguments!r:.100}")


def cases(file: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the bytes of each case."""
    data = file.read_bytes()
    position = 0
    while position < len(data):
        lengths = struct.unpack_from("<II", data, position)
        position += 8
        name = data[position : position + lengths[0]].decode()
        position += lengths[0]
        yield name, data[position : position + lengths[1]]
        position += lengths[1]


def high_water() -> int:
    """Return the most memory that was resident since the last reset, in bytes."""
    for line in Path("/proc/self/status").read_text("ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) << 10
    raise RuntimeError("no VmHWM")


def reset_high_water() -> None:
    Path("/proc/self/clear_refs").write_text("5", "ascii")


def limit_memory() -> None:
    """Allow `MEMORY` more address space than there is now."""
    size = int(Path("/proc/self/statm").read_text("ascii").split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY, resource.RLIM_INFINITY))


def same(ours: Arrays, theirs: Arrays) -> bool:
    """Return whether two readers agree bit for bit."""
    if ours.keys() != theirs.keys():
        return False
    pairs = {(id(ours[name]), id(theirs[name])): (ours[name], theirs[name]) for name in ours}
    return all(
        our.shape == their.shape
        and our.dtype == their.dtype.newbyteorder("=")
        and our.tobytes() == their.astype(our.dtype).tobytes()
        for our, their in pairs.values()
    )


def main(loader: str, suffix: str, file: str, good: str) -> dict[str, Any]:
    loads, reference = LOADERS[loader]
    if loader != "slow":
        loads(good)  # whatever our own code imports late is imported now
        with contextlib.suppress(ImportError):  # and what Pillow imports where it meets Exif
            import PIL.TiffImagePlugin  # noqa: F401
    path = str(Path(file).with_name(f"case{suffix}"))
    watch = Watch()
    limit_memory()
    signal.signal(signal.SIGALRM, _give_up)
    result: dict[str, Any] = {
        "cases": 0, "loaded": 0, "refused": 0, "units": 0.0, "memory": 0, "slowest": "",
        "largest": "", "failures": [], "events": {}, "messages": {},
    }  # fmt: skip
    usual = unit()
    for name, data in cases(Path(file)):
        Path(path).write_bytes(data)
        del data
        arrays: Arrays | None = None
        reset_high_water()
        before = high_water()
        signal.alarm(HANGS)
        start = time.process_time()
        try:
            watch.path, watch.events = path, set()
            arrays = loads(path)
            result["loaded"] += 1
        except LoadError as error:
            result["refused"] += 1
            result["messages"][name] = str(error).replace(path, "FILE")
            if "not enough memory" in str(error):
                result["failures"].append(f"{name}: asked for too much memory")
        except BaseException:  # that is what is looked for
            result["failures"].append(f"{name}: {traceback.format_exc()[-600:]}")
        watch.path = None
        seconds = time.process_time() - start
        signal.alarm(0)
        memory = high_water() - before
        result["cases"] += 1
        units = seconds / usual
        if units > LIGHT / 4:  # the unit may have been quick, or this try slow
            units = effort(lambda: _loaded(loads, path), enough=LIGHT)
        if units > result["units"]:
            result["units"], result["slowest"] = units, name
        if memory > result["memory"]:
            result["memory"], result["largest"] = memory, name
        if watch.events:
            result["events"][name] = sorted(watch.events)[:5]
        if arrays is not None and reference is not None:
            _compare(name, path, arrays, reference, result)
    os.unlink(path)
    return result


def _loaded(loads: Callable[[str], Arrays], path: str) -> None:
    """Load a file once more, whatever comes of it."""
    with contextlib.suppress(Exception):
        loads(path)


def _compare(
    name: str, path: str, arrays: Arrays, reference: Reference, result: dict[str, Any]
) -> None:
    try:
        theirs = reference(path)
        agreed = theirs is None or same(arrays, theirs)
    except Exception:  # a second reader that does not read it is a finding too
        result["failures"].append(f"{name}: loaded, but {traceback.format_exc()[-300:]}")
    else:
        if not agreed:
            result["failures"].append(f"{name}: loaded, but a second reader gets other arrays")


def _give_up(signal_number: int, frame: object) -> None:
    raise TimeoutError(f"more than {HANGS} s")


def in_a_process_of_its_own(arguments: list[str]) -> dict[str, Any]:
    """Fork, and return what the child found, or how it ended without an answer."""
    answer = Path(arguments[2]).with_name("answer")
    child = os.fork()
    if not child:
        try:
            answer.write_text(json.dumps(main(*arguments)), "ascii")
        except BaseException:
            answer.write_text(json.dumps({"crash": traceback.format_exc()[-2000:]}), "ascii")
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    if status or not answer.exists():
        return {"crash": f"the victim ended with status {os.waitstatus_to_exitcode(status)}"}
    found: dict[str, Any] = json.loads(answer.read_text("ascii"))
    return found


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(in_a_process_of_its_own(json.loads(line))), flush=True)
