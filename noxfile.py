"""The checks: a bare ``nox`` runs those that a change must pass.

Each session makes its own environment and keeps it for the next run. What follows
``--`` goes to the tool: ``nox -s "tests(backend='cpu')" -- -k softmax``.
"""

from __future__ import annotations

import os
import pathlib

import nox

nox.needs_version = ">=2025.2.9"
nox.options.sessions = [
    "lint",
    "types",
    "doctest",
    "tests(backend='cpu')",
    "tests(backend='strict')",
]
nox.options.reuse_venv = "yes"
nox.options.default_venv_backend = "virtualenv"
nox.options.error_on_missing_interpreters = True

PROJECT = nox.project.load_toml("pyproject.toml")


def group(name: str) -> tuple[str, ...]:
    """Return the requirements of one dependency group of pyproject.toml."""
    return nox.project.dependency_groups(PROJECT, name)


# The backends' names in tests/conftest.py, for each session of the tests.
TESTED = {
    "cpu": "numpy",
    "strict": "strict,strict-device1",
    "torch": "torch",
    "jax": "jax",
    "gpu": "cupy",
}

# What a session needs beyond the packages of all of them: the source of the embedded
# digits, to compare them with; PyTorch, pinned so that a release that differs in the
# last bits cannot fail a test, and onnxruntime for the table of both's errors.
TORCH = "torch==2.13.0"
NEEDED = {"cpu": group("data"), "torch": [TORCH, "onnx", "onnxruntime"], "jax": ["jax"]}


def cuda_extra() -> str:
    """Return the extra that brings CuPy for the CUDA that was asked for."""
    return f"cuda{os.environ.get('ARRAYNET_CUDA', '13')}"


@nox.session
@nox.parametrize("backend", list(TESTED))
def tests(session: nox.Session, backend: str) -> None:
    """Run the tests on one backend (gpu: ARRAYNET_CUDA=12 picks CUDA 12)."""
    extras = "all"
    environment = {"ARRAYNET_TEST_BACKENDS": TESTED[backend]}
    if backend == "gpu":
        extras += f",{cuda_extra()}"
        environment["ARRAYNET_REQUIRE"] = "gpu"
    session.install("-e", f".[{extras}]", *group("test"), *NEEDED.get(backend, ()))
    session.run("pytest", *session.posargs, env=environment)


@nox.session
def lint(session: nox.Session) -> None:
    """Check the style: ruff's rules and its formatter."""
    session.install(*group("lint"))
    session.run("ruff", "check", *session.posargs)
    session.run("ruff", "format", "--check")


@nox.session
def types(session: nox.Session) -> None:
    """Check the types: mypy, strict."""
    session.install("-e", ".[all]", "nox", *group("types"))
    session.run("mypy", *session.posargs)


@nox.session
def doctest(session: nox.Session) -> None:
    """Run the examples in the docstrings."""
    session.install("-e", ".[all]", *group("test"))
    session.run("pytest", "--doctest-modules", "arraynet", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Write the API site (into a folder: -- FOLDER, else site), if no reference is broken."""
    session.install("-e", ".[all]", *group("test"), *group("docs"))
    session.run("pytest", "tests/docs")
    session.run("python", "-W", "error", "-m", "docs", *(session.posargs or ["site"]))


@nox.session
def thorough(session: nox.Session) -> None:
    """Look for counter-examples longer, each time elsewhere: Hypothesis's larger profile."""
    session.install("-e", ".[all]", *group("test"))
    environment = {"ARRAYNET_TEST_BACKENDS": "numpy,strict"}
    session.run("pytest", "--hypothesis-profile=thorough", *session.posargs, env=environment)


@nox.session
def minimums(session: nox.Session) -> None:
    """Run the tests with the lowest supported version of every dependency."""
    project = PROJECT["project"]
    extras = project["optional-dependencies"]
    optional = [bound for name in ("cli", "plot", "png", "web") for bound in extras[name]]
    bounds = [*project["dependencies"], *optional]
    session.install(
        "-e", ".[all]", *group("test"), *(bound.replace(">=", "==") for bound in bounds)
    )
    session.run("pytest", *session.posargs, env={"ARRAYNET_TEST_BACKENDS": "numpy"})


@nox.session
def browser(session: nox.Session) -> None:
    """Draw on the page in a headless Chromium (Debian: chromium, chromium-driver)."""
    session.install("-e", ".[all]", *group("test"), *group("browser"))
    arguments = session.posargs or ["tests/browser"]
    session.run("pytest", *arguments, env={"ARRAYNET_BROWSER": "1"})


@nox.session
def bench(session: nox.Session) -> None:
    """Compare with other engines (they are installed; PyTorch only if asked: -- --torch).

    ``-- --gpu-report`` installs CuPy too (ARRAYNET_CUDA=12 picks CUDA 12).
    """
    arguments = list(session.posargs)
    extras = f"all,{cuda_extra()}" if "--gpu-report" in arguments else "all"
    session.install("-e", f".[{extras}]", *group("bench"))
    if "--torch" in arguments:
        arguments.remove("--torch")
        session.install(TORCH)
    session.run("python", "-m", "bench", *arguments)


@nox.session
def fuzz(session: nox.Session) -> None:
    """Fuzz each loader with Atheris for a while (seconds each: -- 600)."""
    seconds = session.posargs[0] if session.posargs else "60"
    session.install("-e", ".[png]", *group("fuzz"))
    for harness in sorted(pathlib.Path("tests/fuzz").glob("fuzz_*.py")):
        session.run("python", str(harness), f"-max_total_time={seconds}")


@nox.session(reuse_venv=False)
def build(session: nox.Session) -> None:
    """Build the wheel and run the command from it, in an empty environment."""
    folder = pathlib.Path(session.create_tmp()).resolve()
    for old in folder.glob("*.whl"):
        old.unlink()
    session.run("python", "-m", "pip", "wheel", "-q", "--no-deps", "--wheel-dir", str(folder), ".")
    (wheel,) = folder.glob("arraynet-*.whl")
    session.install(f"arraynet[cli] @ {wheel.as_uri()}")
    session.chdir(folder)
    session.run("arraynet", "evaluate")
    # The application reads the page's files, which must have come along.
    reading = "from arraynet.web.application import Application; Application(None, '', 0).close()"
    session.run("python", "-c", reading)
