"""Every known-malicious pickle is refused, and nothing that it names happens."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import pytest

from arraynet import LoadError, formats
from tests.effort import LIGHT
from tests.formats import malicious
from tests.formats import opcodes as op
from tests.formats.attack import attack
from tests.formats.malicious_names import NAMED, names


def test_the_known_malicious_collection_is_refused() -> None:
    cases = list(malicious.collection())
    assert len(names()) > 150
    report = attack(cases, "pickle", ".pkl", op.GOOD)
    print(f"{len(NAMED)} groups of files, {len(names())} names")
    report.check()
    assert report.refused == report.cases == len(cases)


def test_each_refusal_names_what_the_file_names() -> None:
    cases = {
        f"{module}.{name}": malicious.ways(module, name)["GLOBAL 2"] for module, name in names()
    }
    report = attack(cases.items(), "pickle", ".pkl", op.GOOD)
    assert len(report.messages) == len(cases)
    for name, message in report.messages.items():
        assert ascii(name)[1:70] in message, message


def test_techniques_that_hide_or_inject_calls_are_refused() -> None:
    cases = list(malicious.techniques())
    report = attack(cases, "pickle", ".pkl", op.GOOD)
    report.check()
    assert report.refused == report.cases == len(cases)


def test_inspecting_them_is_as_safe() -> None:
    report = attack(malicious.techniques(), "inspect", ".pkl", op.GOOD)
    report.check()
    assert report.refused == report.cases


def test_the_hook_sees_what_a_careless_loader_does() -> None:
    """The proof above is one only if the hook would have seen something."""
    harmless = op.whole(op.global_("colorsys", "rgb_to_hsv"))
    report = attack([("harmless", harmless)], "careless", ".pkl", pickle.dumps({}))
    seen = " ".join(report.events["harmless"])
    assert "import" in seen
    assert "pickle.find_class" in seen
    with pytest.raises(AssertionError):
        report.check()


def test_time_and_memory_are_measured() -> None:
    """The limits of `Report.check` hold only if they are measured."""
    greedy = attack([("100 MB", b"x")], "greedy", "", b"")
    assert greedy.memory > 90 << 20
    slow = attack([("half", b"x")], "slow", "", b"")
    assert slow.units > LIGHT / 4
    with pytest.raises(AssertionError, match="half took"):
        replace(slow, failures=[], refused=1, loaded=0, units=LIGHT).check()


def test_the_good_pickle_loads(tmp_path: Path) -> None:
    path = tmp_path / "good.pkl"
    path.write_bytes(op.GOOD)
    tensors = formats.read(path).tensors
    assert tensors["W1"].tolist() == [[1.0], [2.0]]
    assert tensors["b1"].tolist() == [1.0]


def test_the_error_names_file_tensor_and_finding(tmp_path: Path) -> None:
    path = tmp_path / "bad.pkl"
    path.write_bytes(malicious.ways("os", "system")["in a dict"])
    with pytest.raises(LoadError) as caught:
        formats.read(path)
    assert caught.value.file == str(path)
    assert caught.value.member == "b1"
    assert "os.system" in caught.value.found
    assert "dict of NumPy arrays" in caught.value.expected
