import logging
import sys
from pathlib import Path
from typing import Callable

import numpy as np
import pytest
from podtune.tasks.image_captioning import meteor as module
from podtune.tasks.image_captioning.meteor import meteor, meteor_statistics

# What METEOR 1.5 printed for captions: the word itself, a stem, a synonym, a paraphrase of other length are matched.
PARTLY = "5.0 6.0 4.0 3.0 0.0 0.0 2.0 2.0 1.0 1.0 0.0 0.0 0.0 0.0 0.0 0.0 0.0 0.0 0.0 0.0 2.0 3.0 3.0"
SYNONYM = "11.0 14.0 5.0 7.0 5.0 5.0 5.0 5.0 0.0 0.0 0.0 0.0 1.0 1.0 0.0 0.0 0.0 0.0 0.0 0.0 6.0 11.0 11.0"
PARAPHRASE = "5.0 9.0 2.0 5.0 2.0 2.0 2.0 2.0 0.0 0.0 0.0 0.0 0.0 0.0 0.0 0.0 1.0 1.0 0.0 1.0 4.0 5.0 6.0"
TOO_SHORT = "2.0 4.0 1.0 1.0 1.0 1.0 1.0 1.0 0.0 0.0 0.0 0.0 0.0 0.0 0.0 0.0 0.0 0.0 0.0 0.0 1.0 2.0 2.0"
TOO_LONG = "4.0 2.0 1.0 1.0 1.0 1.0 1.0 1.0 0.0 0.0 0.0 0.0 0.0 0.0 0.0 0.0 0.0 0.0 0.0 0.0 1.0 2.0 2.0"
WHOLLY = "14.0 14.0 6.0 6.0 8.0 8.0 6.0 6.0 0.0 0.0 0.0 0.0 0.0 0.0 0.0 0.0 0.0 0.0 0.0 0.0 1.0 14.0 14.0"
MANY_WORDS = "20.0 18.0 11.0 8.0 8.0 8.0 7.0 7.0 0.0 0.0 0.0 0.0 0.0 0.0 0.0 0.0 1.0 1.0 0.0 0.0 7.0 16.0 16.0"
NOT = "0.0 3.0 0.0 1.0 0.0 0.0 0.0 0.0 0.0 0.0 0.0 0.0 0.0 0.0 0.0 0.0 0.0 0.0 0.0 0.0 0.0 0.0 0.0"
LINES = (TOO_SHORT, TOO_LONG, SYNONYM, PARAPHRASE, PARTLY, WHOLLY, MANY_WORDS, NOT)

PREDICTIONS = [["a", "dog"], ["é"]]
REFERENCES = [[["a", "cat"], ["the", "dog"]], [["b"]]]

# Stands for java: keeps what it was asked, answers as METEOR does.
ANSWERING = f"""
import pathlib, sys
asked = sys.stdin.buffer.read().decode()
pathlib.Path(__file__).with_name("asked").write_text(repr((sys.argv[1:], asked)), encoding="utf-8")
for _ in asked.splitlines():
    print("{PARTLY}")
"""

Java = Callable[[str], Path]


@pytest.fixture
def java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Java:
    """Put a Python program in java's place, and name an empty jar; both lie in the folder that is returned."""

    def put(program: str) -> Path:
        executable = tmp_path / "java"
        executable.write_text(f"#!{sys.executable} -S\n{program}")
        executable.chmod(0o755)
        (tmp_path / "meteor-1.5.jar").touch()
        monkeypatch.setenv("PATH", str(tmp_path))
        monkeypatch.setenv("PODTUNE_METEOR_JAR", str(tmp_path / "meteor-1.5.jar"))
        return tmp_path

    return put


def numbers(*lines: str) -> np.ndarray:
    return np.array([line.split() for line in lines], dtype=np.float64)


@pytest.mark.parametrize(
    ("line", "value"),
    [
        (TOO_SHORT, 20.996468660322),
        (TOO_LONG, 38.99344179774085),
        (SYNONYM, 38.511590359509956),
        (PARAPHRASE, 28.05402560697239),
        (PARTLY, 15.08972410508143),
        (WHOLLY, 100.0),
        (MANY_WORDS, 42.41856021517693),
        (NOT, 0.0),
    ],
)
def test_an_images_value_is_that_of_the_published_program(line: str, value: float) -> None:
    assert meteor(numbers(line)) == pytest.approx(value, rel=1e-12)


def test_the_value_of_many_is_that_of_the_published_program_and_not_their_mean() -> None:
    statistics = numbers(*LINES)

    assert meteor(statistics) == pytest.approx(37.82051630868999, rel=1e-12)
    assert statistics.tolist() == numbers(*LINES).tolist()


@pytest.mark.local
def test_java_is_asked_for_every_image(java: Java) -> None:
    folder = java(ANSWERING)

    statistics = meteor_statistics(PREDICTIONS, REFERENCES)

    assert statistics is not None
    assert statistics.tolist() == numbers(PARTLY, PARTLY).tolist()
    options, asked = eval((folder / "asked").read_text(encoding="utf-8"))  # what repr wrote
    assert options[1:] == ["-Xmx2G", "-jar", f"{folder}/meteor-1.5.jar", "-", "-", "-stdio", "-l", "en", "-norm"]
    assert asked == "SCORE ||| a cat ||| the dog ||| a dog\nSCORE ||| b ||| é\n"


@pytest.mark.local
@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("import sys; sys.exit('no main manifest')", "java ended with 1 and said 'no main manifest'"),
        ("print('Error: it is broken')", "java ended with 0 and said 'Error: it is broken'"),
        (f"print('{PARTLY}')", f"java ended with 0 and said '{PARTLY}'"),
        (ANSWERING + "sys.exit(3)", f"java ended with 3 and said '{PARTLY}'"),
        ("pass", "java ended with 0 and said ''"),
    ],
    ids=["fails", "talks", "answers too little", "answers and fails", "says nothing"],
)
def test_without_an_answer_for_every_image_it_is_left_out(
    java: Java, caplog: pytest.LogCaptureFixture, program: str, said: str
) -> None:
    java(program)

    assert meteor_statistics(PREDICTIONS, REFERENCES) is None
    assert caplog.messages == [f"METEOR is left out: {said}"]


@pytest.mark.local
def test_a_program_that_does_not_end_is_ended(
    java: Java, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    java("import time; time.sleep(60)")
    monkeypatch.setattr(module, "_SECONDS_TO_START", 0.1)
    monkeypatch.setattr(module, "_SECONDS_PER_IMAGE", 0.0)

    assert meteor_statistics(PREDICTIONS, REFERENCES) is None
    assert caplog.messages == ["METEOR is left out: java did not end within 0 s"]


def test_without_the_variable_it_is_left_out(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PODTUNE_METEOR_JAR", raising=False)
    caplog.set_level(logging.INFO)

    assert meteor_statistics(PREDICTIONS, REFERENCES) is None
    assert caplog.messages == ["METEOR is left out: set PODTUNE_METEOR_JAR to the path of meteor-1.5.jar to have it"]


def test_without_java_it_is_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PODTUNE_METEOR_JAR", "meteor-1.5.jar")
    monkeypatch.setenv("PATH", str(tmp_path))

    assert meteor_statistics(PREDICTIONS, REFERENCES) is None
    assert caplog.messages == ["METEOR is left out: PODTUNE_METEOR_JAR is set, but no java is on the PATH"]


def test_without_the_jar_it_is_left_out(
    java: Java, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    java("raise SystemExit")
    monkeypatch.setenv("PODTUNE_METEOR_JAR", "/nowhere/meteor-1.5.jar")

    assert meteor_statistics(PREDICTIONS, REFERENCES) is None
    assert caplog.messages == [
        "METEOR is left out: PODTUNE_METEOR_JAR must name meteor-1.5.jar; there is no file /nowhere/meteor-1.5.jar"
    ]
