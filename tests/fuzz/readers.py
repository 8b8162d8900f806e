"""Every reader of what strangers make, with inputs of the project's own samples to begin with."""

import dataclasses
import gzip
import hashlib
import io
import json
import os
import signal
import tarfile
import typing
import zipfile
from datetime import datetime, timezone
from pathlib import Path
from random import Random
from typing import Any, Dict, List, Sequence, Tuple
from unittest.mock import patch

import pyarrow as pa
import yaml
from PIL import Image
from podtune.errors import BadInput
from podtune.formats import base_model, checkpoint, evaluation, features, model_card, raw_data, release, tables, verdict
from podtune.formats.artifact import Format
from podtune.formats.image_files import open_image_files
from podtune.formats.pictures import DamagedPicture, open_picture
from podtune.formats.raw_data import DataFile
from podtune.formats.sealed import MANIFEST, FileEntry, canonical_json
from podtune.formats.set_aside import SetAside
from podtune.samples.sample import DATA_SETS, MODELS, is_sample, read_sample, write_sample
from podtune.sources.uris import file_location, mistake_in_file, mistake_in_source, shown_location, without_secrets
from podtune.steps.extract_lxmert.questions import read_question_file
from podtune.steps.extract_lxmert.region_file import store_region_file
from podtune.steps.extract_lxmert.region_table import read_table_answers, read_table_questions, store_table_regions
from podtune.steps.extract_lxmert.sources import read_answer_file
from podtune.steps.fetch_model import model_files
from podtune.steps.prepare_captions.caption_file import read_caption_file
from podtune.steps.table import STEPS
from podtune.stores import refusals
from podtune.stores.live import live_version
from podtune.stores.opening import open_store
from podtune.stores.pruned import pruned_versions
from podtune.tasks.image_captioning.settings import CaptionSettings
from podtune.tasks.question_answering.pair_tokenizer import open_pair_tokenizer
from podtune.tasks.question_answering.squad import read_squad
from podtune.tasks.visual_question_answering.region_store import create_store
from podtune.tasks.visual_question_answering.settings import LxmertSettings
from podtune_pipelines.card_check.check import check_card
from podtune_pipelines.cluster.cron import in_words, next_times, parse_cron
from podtune_pipelines.packaged import packaged_recipes
from podtune_pipelines.pods.ipujob_pod import refusals as ipujob_refusals
from podtune_pipelines.pods.kfp_pod import refusals as kfp_refusals
from podtune_pipelines.pods.kubernetes_pod import pod_patch
from podtune_pipelines.pods.placement_file import EXAMPLE, load_pods
from podtune_pipelines.recipe import load_recipe
from podtune_pipelines.reuse import Results
from pyarrow import parquet

from fuzz.mutation import NUMBERS, changed, damaged, json_changed, rewritten, zip_changed
from fuzz.trial import Reader


def _in_a_fork(places: Sequence[Tuple[str, str]], columns: Sequence[str], _: Any) -> None:
    """Check tables in a fork, which takes a hundredth of the time of a new process; it ends as the new one would."""
    process = os.fork()
    if process == 0:
        end = 0
        try:
            for path, origin in places:
                tables.check_table(DataFile(Path(path), origin), columns)
        except BadInput:
            end = 2
        except BaseException:  # the new process would end with a traceback
            end = 1
        finally:
            os._exit(end)
    try:
        _, status = os.waitpid(process, 0)
    except BaseException:
        os.kill(process, signal.SIGKILL)
        raise
    if os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 2:
        raise BadInput("it is damaged")
    if status:
        raise RuntimeError("the process that checks tables ends with a traceback")


ASIDE = LxmertSettings(labels="soft", bad_rows="set_aside", most_set_aside=1.0)
CARDS = sorted((Path(__file__).parent.parent / "golden").rglob("README*.md"))


def _put(folder: Path, content: bytes, name: str = "input") -> DataFile:
    (folder / name).write_bytes(content)
    return DataFile(folder / name)


def _sample(folder: Path, uri: str) -> Path:
    target = folder / hashlib.sha256(uri.encode()).hexdigest()[:8]
    if not target.exists():
        target.mkdir()
        write_sample(uri, {**DATA_SETS, **MODELS}, target)
    return target


# Questions of texts


def _squad_seeds(folder: Path) -> Sequence[bytes]:
    samples = [_sample(folder, f"sample://squad?train=3&validation=2&version={one}") for one in ("1.1", "2.0")]
    nested = [(sample / "train.json").read_bytes() for sample in samples]
    rows = [{**question, "context": one["context"]} for one in _paragraphs(nested[1]) for question in one["qas"]]
    return [*nested, json.dumps(rows).encode(), "\n".join(map(json.dumps, rows)).encode()]


def _paragraphs(content: bytes) -> List[Any]:
    return [paragraph for article in json.loads(content)["data"] for paragraph in article["paragraphs"]]


def _lines_changed(random: Random, content: bytes) -> bytes:
    """JSON Lines line by line, other JSON as it is."""
    lines = content.splitlines()
    if len(lines) > 1 and lines[0].endswith(b"}"):
        at = random.randrange(len(lines))
        lines[at] = json_changed(random, lines[at])
        return b"\n".join(lines)
    return json_changed(random, content)


def _read_squad(folder: Path, content: bytes) -> None:
    with patch.object(tables, "_check_apart", _in_a_fork):
        split, bad_rows = read_squad(_put(folder, content))
    bad_rows.stop()
    json.dumps([split.contexts, [dataclasses.astuple(question) for question in split.questions]])


def _squad_table_seeds(folder: Path) -> Sequence[bytes]:
    rows = json.loads(_squad_seeds(folder)[2])
    table = pa.table(
        {
            "id": [str(row["id"]) for row in rows],
            "question": [row["question"] for row in rows],
            "context": [row["context"] for row in rows],
            "answers": [
                {key: [one[key] for one in row["answers"]] for key in ("text", "answer_start")} for row in rows
            ],
        }
    )
    return [_as_parquet(table, **options) for options in ({}, {"compression": "zstd"}, {"use_dictionary": False})]


def _as_parquet(table: pa.Table, **options: Any) -> bytes:
    stream = io.BytesIO()
    parquet.write_table(table, stream, **options)
    return stream.getvalue()


# Questions of pictures, and regions


def _visual_seeds(folder: Path) -> Sequence[bytes]:
    seeds = []
    for kind in ("vqa", "gqa"):
        sample = _sample(folder, f"sample://{kind}?train=3&validation=2")
        seeds += [path.read_bytes() for path in sorted(sample.glob("*.json")) if path.stat().st_size < 100_000]
    lxmert = {"question_id": 1, "img_id": "a", "sent": "is it?", "label": {"yes": 1, "no": 0.3}, "question_type": "is"}
    vizwiz = {"image": "a.jpg", "question": "is it?", "answers": [{"answer": "yes"}] * 3, "answer_type": "other"}
    return [
        *seeds,
        *(json.dumps([one] * 2).encode() for one in (lxmert, vizwiz)),
        b'["yes", "no"]',
        b'{"yes": 0, "no": 1}',
    ]


def _read_visual(folder: Path, content: bytes) -> None:
    read: List[Any] = []
    sample = _sample(folder, "sample://vqa?train=3&validation=2")
    annotations = DataFile(sample / "train.annotations.json") if b'"data_subtype"' in content else None
    questions = DataFile(sample / "train.questions.json")
    for reader in (
        lambda file: read_question_file(file, annotations, SetAside(ASIDE)),
        lambda file: read_question_file(questions, file, SetAside(ASIDE)),
        read_answer_file,
    ):
        try:
            read.append(reader(_put(folder, content)))
        except BadInput:
            read.append(None)
    if not any(read):
        raise BadInput("none reads it")


def _region_seeds(folder: Path) -> Sequence[bytes]:
    sample = _sample(folder, "sample://vqa?train=3&validation=2")
    table = next(path.read_bytes() for path in sorted(sample.glob("*.tsv")))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("train/a.tsv", table)
    return [table, gzip.compress(table, 1), packed.getvalue()]


def _store(folder: Path, images: Sequence[str], regions: int) -> Path:
    (folder / "store").mkdir(exist_ok=True)
    create_store(folder / "store", list(images), regions)
    return folder / "store"


def _read_regions(folder: Path, content: bytes) -> None:
    images = [line.split(b"\t")[0].decode() for line in _region_seeds(folder)[0].splitlines()]
    store_region_file(_put(folder, content), _store(folder, images, 36), 36, lambda bad: bool(bad.reason))


def _table_seeds(_: Path) -> Sequence[bytes]:
    boxes = pa.array([[[0.0, 0.25, 0.5, 1.0]] * 2] * 3, pa.list_(pa.list_(pa.float32())))
    regions = pa.array([[[1.0] * 2048] * 2] * 3, pa.list_(pa.list_(pa.float32())))
    soft: List[Any] = [
        {"ids": [2, 1], "weights": [1.0, 0.3]},
        {"ids": [], "weights": []},
        {"ids": [1], "weights": [0.6]},
    ]
    kinds = [
        pa.array(soft),
        pa.array([1, 2, 1]),
        pa.array([1, 2, 1]).dictionary_encode(),
        pa.array([[{"ids": 1, "weights": 1.0}]] * 3),
    ]
    described = {"huggingface": json.dumps({"info": {"features": {"label": {"names": ["", "dog", "net"]}}}})}
    seeds = []
    for label in kinds:
        columns = {"question": ["a", "b", None], "question_type": pa.array(["x", "y", "x"]).dictionary_encode()}
        ids = {"question_id": pa.array([1, 2, 3], pa.int32()), "image_id": ["n1", "n2", "n1"]}
        table = pa.table({**columns, **ids, "features": regions, "normalized_boxes": boxes, "label": label})
        table = table.replace_schema_metadata(described)
        seeds += [_as_parquet(table), *(_as_arrow(table, opened) for opened in (pa.ipc.new_stream, pa.ipc.new_file))]
    return seeds


def _as_arrow(table: pa.Table, opened: Any) -> bytes:
    stream = io.BytesIO()
    with opened(stream, table.schema) as writer:
        writer.write_table(table, max_chunksize=2)
    return stream.getvalue()


@patch.object(tables, "_check_apart", _in_a_fork)
def _read_table(folder: Path, content: bytes) -> None:
    table = _put(folder, content)
    answers = read_table_answers(table) or ["", "dog", "net"]
    questions = read_table_questions(table, answers, SetAside(ASIDE)).questions
    directory = _store(folder, list(dict.fromkeys(one.image for one in questions)), 2)
    store_table_regions(table, directory, 2, lambda bad: bool(bad.reason))


# Pictures


def _caption_seeds(folder: Path) -> Sequence[bytes]:
    sample = _sample(folder, "sample://captions?train=3&validation=2")
    return [path.read_bytes() for path in sorted(sample.rglob("*.json"))]


def _read_captions(folder: Path, content: bytes) -> None:
    settings = CaptionSettings(bad_rows="set_aside", most_set_aside=1.0)
    read_caption_file(_put(folder, content), settings, SetAside(settings))


def _picture_seeds(_: Path) -> Sequence[bytes]:
    image = Image.radial_gradient("L").resize((12, 9))
    written = []
    for form, mode in (("PNG", "RGBA"), ("PNG", "P"), ("PNG", "I;16"), ("JPEG", "RGB"), ("GIF", "P"), ("TIFF", "RGB")):
        stream = io.BytesIO()
        image.convert("L" if mode == "I;16" else mode).save(stream, form)
        written.append(stream.getvalue())
    for form in ("WEBP", "BMP", "PPM", "JPEG2000", "AVIF"):
        if form in Image.SAVE:
            stream = io.BytesIO()
            image.convert("RGB").save(stream, form)
            written.append(stream.getvalue())
    return written


def _read_picture(_: Path, content: bytes) -> None:
    try:
        open_picture(content)
    except DamagedPicture as error:
        raise BadInput(str(error)) from error


def _zip_seeds(folder: Path) -> Sequence[bytes]:
    seeds = []
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", method) as archive:
            for name, content in zip(("train/a.png", "train/ü.png", "b.jpg"), _picture_seeds(folder)):
                archive.writestr(name, content)
        seeds.append(stream.getvalue())
    return seeds


def _tar_seeds(folder: Path) -> Sequence[bytes]:
    seeds = []
    for mode in ("w", "w:gz", "w:bz2", "w:xz"):
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode=mode) as archive:
            for name, content in zip(("train/a.png", "train/ü.png", "b.jpg"), _picture_seeds(folder)):
                member = tarfile.TarInfo(name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        seeds.append(stream.getvalue())
    return seeds


def _read_archive(folder: Path, content: bytes) -> None:
    read = 0
    with open_image_files(_put(folder, content)) as files:
        for name in files.paths:
            try:
                read += len(files.read(files.find(name)))
            except BadInput:
                read += 1
    if not read:
        raise BadInput("it holds nothing")


# Recipes and what stands on the command line


def _recipe_seeds(_: Path) -> Sequence[bytes]:
    return [path.read_bytes() for path in packaged_recipes()]


def _yaml_changed(random: Random, content: bytes) -> bytes:
    if random.randrange(2):
        return rewritten(random, content)
    tree = changed(random, yaml.safe_load(content))
    try:
        return yaml.safe_dump(tree, allow_unicode=True).encode("utf-8", "surrogatepass")
    except (yaml.YAMLError, RecursionError, ValueError):
        return json.dumps(tree).encode()


def _read_recipe(folder: Path, content: bytes) -> None:
    load_recipe(str(_put(folder, content, "input.yaml").path))


def _read_placement(folder: Path, content: bytes) -> None:
    pods = load_pods(str(_put(folder, content, "input.yaml").path))
    list(kfp_refusals(pods, by_ipujobs=False))
    list(ipujob_refusals(pods))
    for step in STEPS:
        json.dumps(pod_patch(pods.of(step)))


def _change_seeds(_: Path) -> Sequence[bytes]:
    lines = ["training.epochs=2", "source.data=/data", "source.splits.train=a.json", "model.source=hf://a/b", "name=x"]
    return [
        line.encode() for line in [*lines, "gate.floors={f1: 80}", "training.learning_rate=3e-5", "card.licence=[a, b]"]
    ]


def _read_change(_: Path, content: bytes) -> None:
    load_recipe("bert-tiny-squad", [content.decode("utf-8", "surrogatepass")])


def _uri_seeds(_: Path) -> Sequence[bytes]:
    web = [
        "https://host:443/a/b.json?sig=x#y",
        "http://localhost:80/a",
        "https://user:secret@host/a",
        "https://[::1]/a",
    ]
    others = [
        "s3://bucket/prefix/a",
        "hf://datasets/owner/name/a.json",
        "sample://squad?train=10&seed=2",
        "/data/a",
        "a/b",
    ]
    return [uri.encode() for uri in [*web, *others, "file:///tmp/podtune-none", "sample://bert?layers=2&hidden=64"]]


def _read_uri(_: Path, content: bytes) -> None:
    uri = content.decode("utf-8", "surrogatepass")
    without_secrets(uri)
    mistakes = [mistake_in_source(uri, "https s3 hf sample"), mistake_in_file(uri, "https s3 hf")]
    if not mistakes[1]:
        shown_location(file_location(uri))
    if not mistakes[0] and is_sample(uri):
        read_sample(uri, DATA_SETS)
    for key in ("source.data", "model.source"):
        try:
            load_recipe("minilm-squad", [f"{key}={json.dumps(uri)}"])
        except BadInput as error:
            mistakes.append(str(error))
    if not uri.startswith("s3"):
        live_version(open_store(uri), "name")
    if all(mistakes):
        raise BadInput("none takes it")


def _cron_seeds(_: Path) -> Sequence[bytes]:
    return [b"0 3 * * 1", b"*/15 0-6,20 1,15 JAN-MAR ?", b"0 30 4 L * MON-FRI", b"5 4 31 2 *"]


def _read_cron(_: Path, content: bytes) -> None:
    cron = parse_cron(content.decode("utf-8", "surrogatepass"))
    next_times(cron, datetime(2026, 11, 28, tzinfo=timezone.utc), 3)
    in_words(cron)


def _read_card(_: Path, content: bytes) -> None:
    check_card(content.decode("utf-8", "replace"))


# What podtune wrote, and others may have changed


def _example(kind: Any) -> Any:
    """Values of a dataclass or a type, plain as in JSON."""
    origin, options = typing.get_origin(kind), typing.get_args(kind)
    if dataclasses.is_dataclass(kind):
        types = typing.get_type_hints(kind)
        return {field.name: _example(types[field.name]) for field in dataclasses.fields(kind)}
    if origin is dict:
        return {"a": _example(options[1])}
    if origin in (list, tuple):
        return [_example(options[0])]
    if options:
        return options[0] if origin is typing.Literal else _example(options[0])
    return {int: 3, float: 0.5, str: "text", bool: True}.get(kind, {"a": 1})


FORMATS: Dict[str, Format[Any]] = {
    one.kind: one
    for one in (
        *(raw_data.RAW_DATA, base_model.BASE_MODEL, features.FEATURES, checkpoint.CHECKPOINT, evaluation.EVALUATION),
        *(verdict.VERDICT, model_card.MODEL_CARD, release.RELEASE),
    )
}


def _manifest_seeds(_: Path) -> Sequence[bytes]:
    contents = [
        {"kind": one.kind, "version": one.version, "facts": _example(one.facts), "files": {}}
        for one in FORMATS.values()
    ]
    return [canonical_json(content) for content in contents]


def _resealed(random: Random, content: bytes) -> bytes:
    """A manifest with other values; mostly with the sum that belongs to them."""
    mutated = json_changed(random, content)
    try:
        values = json.loads(mutated)
        sealed = (
            {**values, "sha256": hashlib.sha256(canonical_json(values)).hexdigest()} if random.randrange(4) else values
        )
        return json.dumps(sealed).encode("utf-8")
    except (ValueError, TypeError, RecursionError):
        return mutated


def _read_manifest(folder: Path, content: bytes) -> None:
    _put(folder, content, MANIFEST)
    errors = []
    for one in FORMATS.values():
        try:
            one.read(folder)
        except BadInput as error:
            errors.append(error)
    if len(errors) == len(FORMATS):
        raise errors[0]


def _release_seeds(_: Path) -> Sequence[bytes]:
    facts = _example(release.ModelFacts)
    files = {"a/b.json": FileEntry(3, "0" * 64), "c": FileEntry(0, "f" * 64)}
    digest = release.content_digest(facts, files)
    whole = release.ReleaseManifest("name", "1", "2026-11-28T00:00:00+00:00", "00", None, digest, facts, files)
    return [whole.to_bytes(), b'{"version": "1", "moved": "2026-11-28T00:00:00+00:00", "nonce": "00"}']


def _release_changed(random: Random, content: bytes) -> bytes:
    """A release's manifest with other values; mostly with the digest that belongs to them."""
    mutated = json_changed(random, content)
    try:
        values = json.loads(mutated)
        files = {name: FileEntry(**entry) for name, entry in values["files"].items()}
        values["digest"] = release.content_digest(values["facts"], files)
        return json.dumps(values).encode() if random.randrange(4) else mutated
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return mutated


def _read_release(folder: Path, content: bytes) -> None:
    for kind in ("live", "pruned"):
        (folder / "store" / "releases" / "name" / kind).mkdir(parents=True, exist_ok=True)
        _put(folder / "store" / "releases" / "name" / kind, content, "1.json")
    errors = []
    for read in (
        lambda: release.parse_release(content, "it"),
        lambda: live_version(open_store(str(folder / "store")), "name"),
        lambda: pruned_versions(open_store(str(folder / "store")), "name"),
    ):
        try:
            read()
        except BadInput as error:
            errors.append(error)
    if len(errors) == 3:
        raise errors[0]


def _refusal_seeds(_: Path) -> Sequence[bytes]:
    scores = {"f1": {"value": 1.0, "low": 0.5, "high": 1.5}}
    return [canonical_json({**_example(refusals.Refusal), "derivation": "00", "metrics": scores})]


def _read_refusal(folder: Path, content: bytes) -> None:
    records = folder / "store" / "refusals" / "name" / "00"
    records.mkdir(parents=True, exist_ok=True)
    for earlier in records.iterdir():
        earlier.unlink()
    _put(records, content, f"{hashlib.sha256(content).hexdigest()}.json")
    store, gate = open_store(str(folder / "store")), {"floors": {"f1": 2.0}}
    found = refusals.standing_refusal(store, "name", "00", gate=gate, live=None)
    if found is None:
        raise BadInput("none stands")
    found.why(gate, None)


def _entry_seeds(_: Path) -> Sequence[bytes]:
    return [b'{"outputs": {"features": {"path": "/nowhere", "digest": "00"}}, "seal": "00"}']


def _read_entry(folder: Path, content: bytes) -> None:
    _put(folder, content, "key.json")
    Results(folder).find("key")


# Models


def _model_seeds(folder: Path) -> Sequence[bytes]:
    """Each file after its name and a line feed."""
    sample = _sample(folder, "sample://bert?layers=1&hidden=32")
    names = ("config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors")
    return [f"{name}\n".encode() + (sample / name).read_bytes() for name in names if (sample / name).exists()]


def _model_changed(random: Random, content: bytes) -> bytes:
    name, _, rest = content.partition(b"\n")
    if name.endswith(b".json"):
        return name + b"\n" + json_changed(random, rest)
    if random.randrange(2):
        return name + b"\n" + damaged(random, rest)
    size = int.from_bytes(rest[:8], "little")
    header = json_changed(random, rest[8 : 8 + size])
    length = random.choice((len(header), len(header), len(header), random.choice(NUMBERS)))
    return name + b"\n" + length.to_bytes(8, "little") + header + rest[8 + size :]


def _read_model(folder: Path, content: bytes) -> None:
    sample, name = _sample(folder, "sample://bert?layers=1&hidden=32"), content.partition(b"\n")[0].decode()
    target = folder / "model"
    if not target.exists():
        target.mkdir()
    for file in sample.iterdir():
        if not (target / file.name).exists():
            (target / file.name).symlink_to(file)
    (target / name).unlink()
    try:
        _put(target, content.partition(b"\n")[2], name)
        model_files.check_description(target, "it")
        model_files.check_weights(target, "it")
        open_pair_tokenizer(target, 64)
    finally:
        (target / name).unlink()


READERS = {
    "squad-json": Reader(_squad_seeds, _lines_changed, _read_squad, 12),
    "squad-parquet": Reader(_squad_table_seeds, damaged, _read_squad, 4),
    "visual-json": Reader(_visual_seeds, json_changed, _read_visual, 12),
    "regions": Reader(_region_seeds, damaged, _read_regions, 1),
    "tables": Reader(_table_seeds, damaged, _read_table, 4),
    "captions": Reader(_caption_seeds, json_changed, _read_captions, 8),
    "zips": Reader(_zip_seeds, zip_changed, _read_archive, 8),
    "tars": Reader(_tar_seeds, damaged, _read_archive, 4),
    "pictures": Reader(_picture_seeds, damaged, _read_picture, 10),
    "recipes": Reader(_recipe_seeds, _yaml_changed, _read_recipe, 4),
    "placements": Reader(lambda _: [EXAMPLE.read_bytes()], _yaml_changed, _read_placement, 4),
    "settings": Reader(_change_seeds, rewritten, _read_change, 4),
    "uris": Reader(_uri_seeds, rewritten, _read_uri, 4),
    "manifests": Reader(_manifest_seeds, _resealed, _read_manifest, 8),
    "releases": Reader(_release_seeds, _release_changed, _read_release, 6),
    "refusals": Reader(_refusal_seeds, json_changed, _read_refusal, 2),
    "reuse": Reader(_entry_seeds, json_changed, _read_entry, 2),
    "models": Reader(_model_seeds, _model_changed, _read_model, 6),
    "cron": Reader(_cron_seeds, rewritten, _read_cron, 12),
    "cards": Reader(lambda _: [card.read_bytes() for card in CARDS], rewritten, _read_card, 2),
}
