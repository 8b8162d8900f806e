"""Whole runs of fetch_data, from every kind of source."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List

import pytest
from podtune.errors import BadInput, TryAgainLater
from podtune.formats.raw_data import RAW_DATA, RawDataFacts, data_files
from podtune.steps.fetch_data.step import run

REVISION = "0123456789abcdef0123456789abcdef01234567"
TRAIN, DEV = b'{"version": "1.1", "data": ["train"]}', b'{"version": "1.1", "data": ["dev"]}'
FILES = {"train": "train.json", "validation": "validation.json"}


def _source(data: Any, **others: Any) -> Dict[str, Any]:
    return {"data": str(data), "dataset": "rajpurkar/squad", "licence": "cc-by-sa-4.0", **others}


def _sums(**contents: bytes) -> Dict[str, str]:
    return {split: hashlib.sha256(content).hexdigest() for split, content in contents.items()}


def _files(directory: Path) -> List[str]:
    return sorted(path.relative_to(directory).as_posix() for path in directory.rglob("*"))


@pytest.fixture
def squad(tmp_path: Path) -> Path:
    (tmp_path / "squad").mkdir()
    (tmp_path / "squad" / "train.json").write_bytes(TRAIN)
    (tmp_path / "squad" / "validation.json").write_bytes(DEV)
    (tmp_path / "squad" / "unused.json").write_bytes(b"")
    return tmp_path / "squad"


@pytest.mark.parametrize(
    ("gigabytes", "told"),
    [(0.0, False), (5e-8, True), (1.0, False)],  # the files have 72 bytes
)
def test_data_larger_than_the_recipe_says_is_told(
    squad: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, gigabytes: float, told: bool
) -> None:
    run(tmp_path / "raw", _source(squad, gigabytes=gigabytes))

    said = "the data takes 0.00 GB; source.gigabytes says 5e-08, by which the pods of later steps ask for disk"
    assert (said in caplog.text) == told
    assert ("source.gigabytes" in caplog.text) == told


def test_a_directory_becomes_sealed_data(squad: Path, tmp_path: Path) -> None:
    run(tmp_path / "raw", _source(squad))

    opened = RAW_DATA.open(tmp_path / "raw")
    origins = {"train": f"{squad}/train.json", "validation": f"{squad}/validation.json"}
    assert opened.facts == RawDataFacts(str(squad), "rajpurkar/squad", "", "cc-by-sa-4.0", FILES, origins)
    assert _files(tmp_path / "raw") == ["manifest.json", "train.json", "validation.json"]
    assert (tmp_path / "raw" / "train.json").read_bytes() == TRAIN
    assert opened.files["validation.json"].sha256 == _sums(dev=DEV)["dev"]


def test_a_second_run_gives_the_same(squad: Path, tmp_path: Path) -> None:
    run(tmp_path / "raw", _source(squad))
    first = RAW_DATA.open(tmp_path / "raw").digest

    run(tmp_path / "raw", _source(squad))

    assert RAW_DATA.open(tmp_path / "raw").digest == first
    assert _files(tmp_path / "raw") == ["manifest.json", "train.json", "validation.json"]


def test_files_are_called_like_their_splits_wherever_they_lie(squad: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "dev-v1.1.parquet").write_bytes(b"PAR1")
    splits = {"train": "unused.json", "validation": str(tmp_path / "elsewhere" / "dev-v1.1.parquet")}
    (squad / "unused.json").write_bytes(TRAIN)

    run(tmp_path / "raw", _source(squad, splits=splits))

    assert RAW_DATA.open(tmp_path / "raw").facts.splits == {"train": "train.json", "validation": "validation.parquet"}
    assert (tmp_path / "raw" / "validation.parquet").read_bytes() == b"PAR1"


@pytest.fixture
def captions(tmp_path: Path) -> Path:
    """Caption files beside images: in a folder, and in a zip."""
    data = tmp_path / "captions"
    (data / "train2014" / "deep").mkdir(parents=True)
    (data / "train2014" / "1.jpg").write_bytes(b"one")
    (data / "train2014" / "deep" / "2.jpg").write_bytes(b"two")
    (data / "val.zip").write_bytes(b"PK")
    (data / "train.json").write_bytes(TRAIN)
    (data / "val.json").write_bytes(DEV)
    return data


SEVERAL = {
    "train.captions": "train.json",
    "train.images": "train2014",
    "validation.captions": "val.json",
    "validation.images": "val.zip",
}


def test_a_split_may_have_several_files_and_folders(captions: Path, tmp_path: Path) -> None:
    run(tmp_path / "raw", _source(captions, splits=SEVERAL))

    opened = RAW_DATA.open(tmp_path / "raw")
    assert opened.facts.splits == {
        "train.captions": "train.captions.json",
        "train.images": "train.images",
        "validation.captions": "validation.captions.json",
        "validation.images": "validation.images.zip",
    }
    assert sorted(opened.files) == [
        "train.captions.json",
        "train.images/1.jpg",
        "train.images/deep/2.jpg",
        "validation.captions.json",
        "validation.images.zip",
    ]


def test_questions_and_tables_may_lie_in_a_folder_of_parts(captions: Path, tmp_path: Path) -> None:
    run(tmp_path / "questions", _source(captions, splits={"train": "train2014", "validation": "val.json"}))
    run(tmp_path / "tables", _source(captions, splits={"train.table": "train2014", "validation.table": "train2014"}))

    assert RAW_DATA.open(tmp_path / "questions").facts.splits == {"train": "train", "validation": "validation.json"}
    assert "train.table/deep/2.jpg" in RAW_DATA.open(tmp_path / "tables").files


def test_a_folder_has_no_sum(captions: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput) as failure:
        run(tmp_path / "raw", _source(captions, splits=SEVERAL, sha256={"train.images": "0" * 64}))

    assert str(failure.value) == (
        f"source.sha256.train.images must be left out: {captions}/train2014 is a folder, which has no SHA-256"
    )


def test_an_empty_folder_is_refused(captions: Path, tmp_path: Path) -> None:
    (captions / "empty").mkdir()

    with pytest.raises(BadInput, match=r"the folder of source\.splits\.train\.images is empty; it should hold files"):
        run(tmp_path / "raw", _source(captions, splits={**SEVERAL, "train.images": "empty"}))


def test_answers_are_one_file(captions: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"/train2014 is a folder; it should be a file"):
        run(tmp_path / "raw", _source(captions, splits={**SEVERAL, "train.answers": "train2014"}))


LISTED = {"a/2.json": b'["2"]', "a/10.json": b'["10"]', "b/1.json": b'["1"]', "b/.hidden": b"x", "b/README.md": b"#"}


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    """Two folders of parts, and a validation file."""
    for name, content in {**LISTED, "validation.json": DEV}.items():
        (tmp_path / "parts" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "parts" / name).write_bytes(content)
    return tmp_path / "parts"


@pytest.mark.parametrize(
    ("train", "shown"),
    [
        ("a", ["a/2.json", "a/10.json"]),
        ("a/", ["a/2.json", "a/10.json"]),
        ("a/*.json", ["a/2.json", "a/10.json"]),
        ("[ab]/*.json", ["a/2.json", "a/10.json", "b/1.json"]),
        ("b", ["b/1.json"]),
        (["b/1.json", "a/2.json"], ["b/1.json", "a/2.json"]),
        (["b", "a/1*"], ["b/1.json", "a/10.json"]),
        ("b/*.json", ["b/1.json"]),
    ],
)
def test_a_split_may_be_a_list_a_folder_or_a_pattern(parts: Path, tmp_path: Path, train: Any, shown: List[str]) -> None:
    run(tmp_path / "raw", _source(parts, splits={"train": train, "validation": "validation.json"}))

    files = data_files(RAW_DATA.open(tmp_path / "raw"))["train"].parts()
    assert [str(file) for file in files] == [f"{parts}/{name}" for name in shown]
    assert [file.path.read_bytes() for file in files] == [LISTED[name] for name in shown]


def test_a_list_is_called_by_its_first_names(parts: Path, tmp_path: Path) -> None:
    names = ["a/2.json", "a/10.json", "b/1.json", str(parts / "validation.json")]
    run(tmp_path / "raw", _source(parts, splits={"train": names, "validation": "validation.json"}))

    (first, *others) = (f"{parts}/{name}" for name in names[:3])
    assert str(data_files(RAW_DATA.open(tmp_path / "raw"))["train"]) == ", ".join([first, *others]) + " and 1 more"


def test_two_parts_of_the_same_content_are_told(parts: Path, tmp_path: Path) -> None:
    (parts / "a" / "copy.json").write_bytes(LISTED["a/2.json"])

    with pytest.raises(BadInput) as failure:
        run(tmp_path / "raw", _source(parts, splits={"train": "a", "validation": "validation.json"}))

    assert str(failure.value) == (f"{parts}/a/2.json and {parts}/a/copy.json have the same content; keep one of them")


@pytest.mark.parametrize(
    ("train", "mistake"),
    [
        ("c*", "no file fits {parts}/c*; there are a/2.json, a/10.json, b/1.json, validation.json"),
        ("nowhere/*", "no file fits {parts}/nowhere/*; there is none at all"),
        ("nowhere/", "the folder of source.splits.train is empty; it should hold files"),
        ("nowhere", "{parts}/nowhere does not exist or is no file"),
    ],
)
def test_what_is_not_there_is_told(parts: Path, tmp_path: Path, train: str, mistake: str) -> None:
    with pytest.raises(BadInput) as failure:
        run(tmp_path / "raw", _source(parts, splits={"train": train, "validation": "validation.json"}))

    assert str(failure.value) == mistake.format(parts=parts)


def test_a_link_within_the_data_is_followed(captions: Path, tmp_path: Path) -> None:
    (captions / "linked").mkdir()
    (captions / "linked" / "all").symlink_to("../train2014")

    run(tmp_path / "raw", _source(captions, splits={**SEVERAL, "train.images": "linked"}))

    assert (tmp_path / "raw" / "train.images" / "all" / "deep" / "2.jpg").read_bytes() == b"two"


@pytest.mark.local
def test_listed_files_of_the_web_have_listed_sums(web: Any, tmp_path: Path) -> None:
    web.files = {"/a.json": TRAIN, "/b.json": b"{}", "/validation.json": DEV}
    sums = {"train": [*_sums(a=TRAIN).values(), *_sums(b=b"{}").values()], "validation": _sums(v=DEV)["v"]}
    splits = {"train": ["a.json", "b.json"], "validation": "validation.json"}

    run(tmp_path / "raw", _source(web.address, splits=splits, sha256=sums))

    assert _files(tmp_path / "raw" / "train") == ["0000", "0000/a.json", "0001", "0001/b.json"]
    with pytest.raises(BadInput, match=r"cannot list http://.*/: the web has no listing; name the files"):
        run(
            tmp_path / "raw",
            _source(web.address, splits={**splits, "train": "*.json"}, sha256={**sums, "train": "0" * 64}),
        )


def test_a_folder_of_a_bucket_is_read(bucket: Any, tmp_path: Path) -> None:
    for name, content in {"train/1.json": TRAIN, "train/2.json": b"{}", "validation.json": DEV}.items():
        bucket(f"squad/{name}", content)

    run(tmp_path / "raw", _source("s3://inputs/squad", splits={"train": "train/", "validation": "validation.json"}))
    own = {"train": "s3://inputs/squad/train/", "validation": "s3://inputs/squad/validation.json"}
    run(tmp_path / "own", _source(tmp_path, splits=own))

    assert _files(tmp_path / "raw" / "train") == _files(tmp_path / "own" / "train") == ["1.json", "2.json"]
    assert RAW_DATA.open(tmp_path / "own").facts.origins["train"] == "s3://inputs/squad/train"


SHARDS = {f"plain_text/train-{number:05}-of-00003.parquet": b"PAR1%d" % number for number in range(3)}


@pytest.mark.local
@pytest.mark.parametrize("train", ["plain_text/train", "plain_text/train-*", "plain_text/train-*-of-00003.parquet"])
def test_the_shards_of_a_split_on_the_hub_are_found(hub: Any, tmp_path: Path, train: str) -> None:
    files = {**SHARDS, "plain_text/validation-00000-of-00001.parquet": b"PAR1", "README.md": b"#"}
    hub.add("datasets/a/b", files, large=())

    splits = {"train": train, "validation": "plain_text/validation"}
    run(tmp_path / "raw", _source("hf://datasets/a/b", revision=REVISION, splits=splits))

    opened = RAW_DATA.open(tmp_path / "raw")
    parts = data_files(opened)["train"].parts()
    assert [str(part) for part in parts] == [f"hf://datasets/a/b/{name}" for name in SHARDS]
    assert opened.facts.splits["validation"] == "validation.parquet"
    assert opened.facts.origins["validation"] == "hf://datasets/a/b/plain_text/validation-00000-of-00001.parquet"


@pytest.mark.parametrize("train", ["plain_text/train", "plain_text/train-*", "plain_text"])
def test_missing_shards_are_named(tmp_path: Path, train: str) -> None:
    (tmp_path / "data" / "plain_text").mkdir(parents=True)
    for name in list(SHARDS)[:2]:
        (tmp_path / "data" / name).write_bytes(SHARDS[name])
    (tmp_path / "data" / "validation.json").write_bytes(DEV)

    with pytest.raises(BadInput, match=r" lacks 1 of 3 shards: plain_text/train-00002-of-00003\.parquet$"):
        run(tmp_path / "raw", _source(tmp_path / "data", splits={"train": train, "validation": "validation.json"}))


def test_shards_of_several_splits_are_no_split(tmp_path: Path) -> None:
    for name in ("train-00000-of-00001.parquet", "test-00000-of-00001.parquet"):
        (tmp_path / "data" / "all").mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / "all" / name).write_bytes(b"PAR1")

    with pytest.raises(BadInput, match=r"/all has shards of all/test, all/train; name one of these$"):
        run(tmp_path / "raw", _source(tmp_path / "data", splits={"train": "all", "validation": "all/test"}))


@pytest.mark.parametrize("kind", ["vqa", "gqa"])
def test_a_sample_of_several_files_is_made(kind: str, tmp_path: Path) -> None:
    run(tmp_path / "raw", _source(f"sample://{kind}?train=2&validation=1"))

    splits = RAW_DATA.open(tmp_path / "raw").facts.splits
    assert splits["train.questions"] == "train.questions.json"
    assert splits["validation.features"] == "validation.features.tsv"
    assert _files(tmp_path / "raw") == sorted(["manifest.json", *splits.values()])


def test_a_sum_of_no_file_of_a_sample_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"source\.sha256\.test must belong to one of the sample's files train, valid"):
        run(tmp_path / "raw", _source("sample://squad?train=9&validation=9", sha256={"test": "0" * 64}))


def test_a_sample_is_made(tmp_path: Path) -> None:
    source = _source("sample://squad?seed=3&train=60&validation=20")

    run(tmp_path / "raw", source)
    first = RAW_DATA.open(tmp_path / "raw")
    run(tmp_path / "raw", source)

    assert first.facts.source == "sample://squad?seed=3&train=60&validation=20"
    assert RAW_DATA.open(tmp_path / "raw").digest == first.digest
    assert _files(tmp_path / "raw") == ["manifest.json", "train.json", "validation.json"]
    assert json.loads((tmp_path / "raw" / "train.json").read_text(encoding="utf-8"))["version"] == "1.1"


@pytest.mark.local
def test_the_web_is_read_with_sums_and_recorded_without_secrets(
    web: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PODTUNE_SIGNED_URLS", f"{web.address}/squad?key=secret")
    web.files = {"/squad/train.json": TRAIN, "/squad/validation.json": DEV}
    web.fails(cut=10)

    run(tmp_path / "raw", _source(f"{web.address}/squad", sha256=_sums(train=TRAIN, validation=DEV)))

    assert RAW_DATA.open(tmp_path / "raw").facts.source == f"{web.address}/squad"
    assert "secret" not in (tmp_path / "raw" / "manifest.json").read_text()
    assert web.requests[-1][0] == "/squad/validation.json?key=secret"
    assert _files(tmp_path / "raw") == ["manifest.json", "train.json", "validation.json"]


@pytest.mark.local
def test_a_run_that_was_interrupted_is_continued(web: Any, tmp_path: Path) -> None:
    web.files = {"/train.json": TRAIN, "/validation.json": DEV}
    source = _source(web.address, sha256=_sums(train=TRAIN, validation=DEV))
    web.fails()
    web.fails(cut=10)
    web.fails(status=503, times=5)
    with pytest.raises(TryAgainLater):
        run(tmp_path / "raw", source)
    assert not (tmp_path / "raw").exists()
    web.requests.clear()

    run(tmp_path / "raw", source)

    assert [path for path, _ in web.requests] == ["/validation.json", "/validation.json"]
    assert web.asked("Range") == [None, "bytes=10-"]


@pytest.mark.local
@pytest.mark.parametrize("change", [{"flip": True}, {"becomes": TRAIN[:-1]}])
def test_a_wrong_file_loses_nothing_that_was_there(web: Any, squad: Path, tmp_path: Path, change: Any) -> None:
    run(tmp_path / "raw", _source(squad))
    before = (tmp_path / "raw" / "manifest.json").read_bytes()
    web.files = {"/train.json": TRAIN, "/validation.json": DEV}
    web.fails(**change)

    with pytest.raises(BadInput, match=r"/train\.json has the SHA-256 [0-9a-f]{64}; source\.sha256\.train says"):
        run(tmp_path / "raw", _source(web.address, sha256=_sums(train=TRAIN, validation=DEV)))

    assert (tmp_path / "raw" / "manifest.json").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_bucket_is_read(bucket: Any, tmp_path: Path) -> None:
    bucket("squad/train.json", TRAIN)
    bucket("squad/validation.json", DEV)

    run(tmp_path / "raw", _source("s3://inputs/squad", sha256=_sums(train=TRAIN)))

    assert RAW_DATA.open(tmp_path / "raw").facts.source == "s3://inputs/squad"
    assert (tmp_path / "raw" / "validation.json").read_bytes() == DEV


@pytest.mark.local
def test_the_hub_is_read_at_a_revision(hub: Any, tmp_path: Path) -> None:
    hub.add("datasets/rajpurkar/squad", {"plain/a.parquet": b"PAR1", "dev.json": DEV}, large=("plain/a.parquet",))
    splits = {"train": "plain/a.parquet", "validation": "dev.json"}

    run(tmp_path / "raw", _source("hf://datasets/rajpurkar/squad", revision=REVISION, splits=splits))

    facts = RAW_DATA.open(tmp_path / "raw").facts
    assert facts == RawDataFacts(
        "hf://datasets/rajpurkar/squad",
        "rajpurkar/squad",
        REVISION,
        "cc-by-sa-4.0",
        {"train": "train.parquet", "validation": "validation.json"},
        {
            "train": "hf://datasets/rajpurkar/squad/plain/a.parquet",
            "validation": "hf://datasets/rajpurkar/squad/dev.json",
        },
    )
    assert _files(tmp_path / "raw") == ["manifest.json", "train.parquet", "validation.json"]
    assert len([path for path, _ in hub.web.requests if path.startswith("/api/datasets/")]) == 1


def test_an_empty_file_is_refused(squad: Path, tmp_path: Path) -> None:
    (squad / "train.json").write_bytes(b"")

    with pytest.raises(BadInput, match=r"the file of source\.splits\.train is empty; it should hold examples"):
        run(tmp_path / "raw", _source(squad))

    assert not (tmp_path / "raw").exists()


def test_a_wrong_sum_of_a_sample_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"train of sample://squad\?train=9&validation=9 has the SHA-256 .*says 0000"):
        run(tmp_path / "raw", _source("sample://squad?train=9&validation=9", sha256={"train": "0" * 64}))


@pytest.mark.local
@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({}, 0, "validation: 35 bytes"),
        ({"data": "/nowhere"}, 2, "error: /nowhere does not exist; it should be a directory"),
        ({"licence": "MIT"}, 2, "error: source.licence must be an SPDX identifier in lower case, or other; got 'MIT'"),
        ({"sha256": {"train": "0" * 64}}, 2, f"says {'0' * 64}"),
    ],
)
def test_the_program_ends_with_one_line(squad: Path, tmp_path: Path, change: Any, code: int, words: str) -> None:
    (tmp_path / "source.json").write_text(json.dumps({**_source(squad), **change}))

    ended = _start(tmp_path)

    assert ended.returncode == code
    assert (tmp_path / "raw").exists() is (code == 0)
    assert ended.stderr.splitlines()[-1].endswith(words)
    assert len(ended.stderr.splitlines()) == (1 if code else 2)


@pytest.mark.local
@pytest.mark.parametrize("on_the_web", [True, False])
def test_a_full_disk_can_be_tried_again(web: Any, squad: Path, tmp_path: Path, on_the_web: bool) -> None:
    large = bytes(5000)
    (squad / "train.json").write_bytes(large)
    web.files = {"/train.json": large, "/validation.json": DEV}
    sums = _sums(train=large, validation=DEV)
    source = _source(web.address if on_the_web else squad, sha256=sums)
    (tmp_path / "source.json").write_text(json.dumps(source))

    ended = _start(tmp_path, before="ulimit -f 4; ")

    assert ended.returncode == 75
    (line,) = ended.stderr.splitlines()
    assert line.startswith("error: no space left to write /")
    assert line.endswith("; free some and start again")
    assert not (tmp_path / "raw").exists()
    assert _start(tmp_path).returncode == 0


@pytest.mark.local
def test_a_step_that_is_killed_is_continued(web: Any, fetching: Path, tmp_path: Path) -> None:
    web.files = {"/train.json": TRAIN, "/validation.json": DEV}
    source = _source(web.address, sha256=_sums(train=TRAIN, validation=DEV))
    (tmp_path / "source.json").write_text(json.dumps(source))
    web.fails(cut=10, hang=True)
    command = [sys.executable, "-m", "podtune", "fetch_data", "--raw-data", tmp_path / "raw"]
    with subprocess.Popen([*command, "--source", tmp_path / "source.json"]) as process:
        while [path.stat().st_size for path in fetching.rglob("*.partial")] != [10]:
            assert process.poll() is None
        process.kill()

    run(tmp_path / "raw", source)

    assert web.asked("Range")[:3] == [None, None, "bytes=10-"]
    assert (tmp_path / "raw" / "train.json").read_bytes() == TRAIN


def _start(directory: Path, before: str = "") -> "subprocess.CompletedProcess[str]":
    """Run the step as a program on source.json in this directory, to write raw beside it."""
    arguments = f"--raw-data {directory}/raw --source {directory}/source.json"
    command = f"{before}exec {sys.executable} -B -m podtune fetch_data {arguments}"
    return subprocess.run(["bash", "-c", command], check=False, capture_output=True, text=True)


@pytest.mark.local
def test_the_step_starts_without_torch(squad: Path, tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from podtune.steps.fetch_data.step import run;"
        f"run(Path({str(tmp_path / 'raw')!r}), {_source(squad)!r});"
        "sys.exit(bool({'torch', 'transformers', 'boto3', 'huggingface_hub'} & set(sys.modules)))"
    )

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
