"""Forked processes: after CUDA had started one says so at once; the CPU works in each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no os.fork")

SCRIPT = """
import json, os, sys, threading
import numpy as np
from tests.backends.fake_cuda import CUDARuntimeError, Machine
from tests.backends.fake_cupy import fake_cupy

machine = Machine()
sys.modules.update(fake_cupy(machine))
import arraynet
from arraynet import backends
from arraynet.backends import cupy_check, get_backend

cupy_check.installed_wheels = lambda: ["cupy-cuda13x"]

def told(call):
    try:
        call()
    except arraynet.ArraynetError as error:
        return [type(error).__name__, str(error)]
    return None

def in_child(work):
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, json.dumps(work()).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        found = pipe.read()
    os.waitpid(child, 0)
    return json.loads(found)
"""


def _run(body: str) -> Any:
    """Run the script in a fresh process, which may fork, and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", SCRIPT + body],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_child_is_told_to_spawn_and_computes_on_the_cpu() -> None:
    found = _run(
        """
gpu = get_backend("gpu")
x = gpu.asarray(np.ones(3))
net = arraynet.load_pretrained("digits", backend="gpu")
images = np.zeros((2, 64), np.uint8)

def work():
    return {
        "again": told(lambda: get_backend("gpu")),
        "other": told(lambda: get_backend("gpu:tf32")),
        "upload": told(lambda: gpu.asarray(np.ones(3))),
        "download": told(lambda: gpu.to_host(x)),
        "network": told(lambda: net.predict(images)),
        "pipeline": told(lambda: next(gpu.pipeline([np.ones((1, 1))], lambda x: x))),
        "auto": get_backend("auto").name,
        "cpu": arraynet.load_pretrained("digits").predict(images).shape[0],
    }

child = in_child(work)
child["parent"] = float(gpu.to_host(x + 1.0).sum())
print(json.dumps(child))
"""
    )
    for call in ("again", "other", "upload", "download", "network", "pipeline"):
        kind, text = found[call]
        assert kind == "BackendUnavailableError"
        assert 'start the child with multiprocessing.get_context("spawn")' in text
    assert found["auto"] == "cpu"
    assert found["cpu"] == 2
    assert found["parent"] == 6


def test_a_child_of_a_process_that_never_used_the_gpu_may_use_it() -> None:
    assert _run("print(json.dumps(in_child(lambda: get_backend('gpu').name)))") == "gpu:0"


def test_cuda_that_was_started_by_others_is_noticed_too() -> None:
    found = _run(
        """
def refuse():
    raise CUDARuntimeError(3)

sys.modules["cupy"].cuda.runtime.getDeviceCount = refuse
print(json.dumps(told(lambda: get_backend("gpu"))))
"""
    )
    assert found[0] == "BackendUnavailableError"
    assert "spawn" in found[1]


def test_a_fork_while_another_thread_makes_a_backend_does_not_block_the_child() -> None:
    found = _run(
        """
held, done = threading.Event(), threading.Event()

def hold():
    with backends._lock:
        held.set()
        done.wait()

thread = threading.Thread(target=hold)
thread.start()
held.wait()
name = in_child(lambda: get_backend("array_api_strict").name)
done.set()
thread.join()
print(json.dumps(name))
"""
    )
    assert found == "array_api_strict"


NETWORK = """
from threadpoolctl import threadpool_info
from arraynet.backends.numpy import blas, replay
from tests.networks import mlp, normal

network = mlp(64, 30, 3)
x = normal(2000, 64)

def threads():
    return [found["num_threads"] for found in threadpool_info() if found["user_api"] == "blas"]

for library in blas.libraries():
    blas._set_threads(library, 2)
expected = network.predict(x, threads=1)

def work():
    right = bool(np.array_equal(network.predict(x, threads=1), expected))
    right &= network(normal(7, 64)).shape == (7, 3)
    return [right, threads()]

def while_held(context):
    held, done = threading.Event(), threading.Event()

    def hold():
        with context:
            held.set()
            done.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    try:
        return in_child(work)
    finally:
        done.set()
        thread.join()
"""


def test_a_fork_while_another_thread_holds_blas_to_one_thread() -> None:
    found = _run(
        NETWORK
        + """
child = while_held(blas.SingleThread())
print(json.dumps([child, threads()]))
"""
    )
    (right, in_child), in_parent = found
    assert right
    assert set(in_child) == set(in_parent) == {2}


def test_a_fork_inside_holds_blas_to_one_thread_as_long_as_it_is_inside() -> None:
    found = _run(
        NETWORK
        + """
def inside_and_outside():
    inside = threads()
    context.__exit__()
    return [inside, threads()]

context = blas.SingleThread()
context.__enter__()
child = in_child(inside_and_outside)
held = threads()
context.__exit__()
print(json.dumps([*child, held, threads()]))
"""
    )
    assert [set(counts) for counts in found] == [{1}, {2}, {1}, {2}]


def test_a_fork_while_another_thread_holds_a_lock_does_not_block_the_child() -> None:
    found = _run(
        NETWORK
        + """
(plans,) = replay._all
print(json.dumps([while_held(blas._state._lock), while_held(plans._lock), threads()]))
"""
    )
    *children, in_parent = found
    assert [right for right, _ in children] == [True, True]
    assert [set(counts) for _, counts in children] == [{2}, {2}]
    assert set(in_parent) == {2}


@pytest.mark.parametrize("thread", ["the caller", "a helper"])
def test_a_child_that_goes_on_with_a_batch_is_told_or_ends(thread: str) -> None:
    """Forked where progress is told of; other threads' rows are missing there."""
    found = _run(
        NETWORK
        + f"""
network, x = mlp(256, 100, 3), normal(8000, 256)
parent, main, child = os.getpid(), threading.main_thread().ident, []

def advance(rows):
    here = "the caller" if threading.get_ident() == main else "a helper"
    if os.getpid() == parent and not child and here == {thread!r}:
        child.append(os.fork())

message = None
while not child:  # each thread takes a block sooner or later
    try:
        network.predict(x, batch_size=100, progress=advance, threads=2)
    except arraynet.ArraynetError as error:
        message = str(error)
        break
if os.getpid() != parent:
    os._exit(7 if "forked process" in message else 8)
_, status = os.waitpid(child[0], 0)
one, two = (network.predict(x, batch_size=100, threads=threads) for threads in (1, 2))
right = bool(np.array_equal(one, two))
print(json.dumps([os.waitstatus_to_exitcode(status), message, right]))
"""
    )
    status, message, right = found
    assert status == (7 if thread == "the caller" else 1)
    assert message is None
    assert right
