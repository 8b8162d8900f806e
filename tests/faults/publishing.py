"""Publishing and downloading: races, kills, and each request or file operation that can fail."""

import errno
import os
import threading
import time
from functools import partial
from itertools import product
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, Callable, Dict, Iterator, List, Optional

from inputs.finished_run import Run
from podtune.errors import PodtuneError
from podtune.formats.drafts import draft_beside
from podtune.steps.publish.step import run as publish
from podtune.stores import directory_store
from podtune.stores.fetching import fetch_files, verify_fetched
from podtune.stores.live import live_version
from podtune.stores.opening import open_store
from podtune.stores.releases import read_live, read_release, versions

from faults import s3
from faults.operations import CLOSED, FULL, LOST, at, fail, kill, note, watch
from faults.points import Point
from faults.processes import Ending, Work, ending_of, endings_of

_sleep = time.sleep


def candidate(folder: Path, model: str, champion: Optional[str] = None) -> Dict[str, Path]:
    """The artifacts of a model that was compared with a live version, or with nothing."""
    gate = "metric: f1, too_few: accept"  # a few examples show nothing
    return Run(folder / f"run-{model}").write(model, champion=champion, gate=gate)


def publishing(
    folder: Path, model: str, store: str, champion: Optional[str] = None, *, approval: str = "automatic"
) -> Work:
    """The work of publishing it, or of making it a candidate."""
    made = candidate(folder, model, champion)
    artifacts: Dict[str, Any] = {("scores" if name == "evaluation" else name): path for name, path in made.items()}
    release = {"name": "qa", "approval": approval}
    return partial(publish, **artifacts, published=folder / f"published-{model}", release=release, store=store)


def downloading(store: str, to: Path) -> Work:
    """The work of downloading the live release."""

    def work() -> None:
        opened = open_store(store)
        manifest = read_live(opened, "qa")
        fetch_files(opened, manifest, to)

    return work


def impatient() -> None:
    """Let this process, and those that it starts, wait for hardly anything, and not for the disk."""
    os.fsync = lambda fd: None
    time.sleep = lambda seconds: _sleep(min(float(seconds), 0.002))
    os.environ["PODTUNE_OUTAGE"] = "0"


def live_model(store: str, folder: Path) -> str:
    """Which model a reader gets, verified; empty where nothing is live."""
    opened = open_store(store)
    live = live_version(opened, "qa")
    if live is None:
        return ""
    manifest = read_release(opened, "qa", live.version)
    to = folder / f"read-{time.monotonic_ns()}"
    fetch_files(opened, manifest, to)
    verify_fetched(to, manifest)
    return (to / "model.safetensors").read_text()


def store_at(folder: Path, server: str) -> str:
    """A store where nothing is yet: on a server, or where that is empty in a directory."""
    return s3.use(server) if server else str(folder / "store")


# Races


def race(folder: Path, *, server: str, publishers: int, before: int, same: bool, threads: bool, lossy: int) -> None:
    """Publish at once: one is live, who won knows it, and who lost does."""
    impatient()
    store = store_at(folder, server)
    champion = None
    for number in range(before):
        publishing(folder, f"before {number}", store, champion)()
        champion = str(number + 1)
    if lossy:
        _through_a_lossy_proxy(server, lossy)
    models = ["same" if same else f"model {number}" for number in range(publishers)]
    works = [publishing(folder / str(number), model, store, champion) for number, model in enumerate(models)]
    endings = _in_threads(works) if threads else endings_of(works)
    os.environ["AWS_ENDPOINT_URL_S3"] = server
    live = live_model(store, folder)
    for model, ending in zip(models, endings):
        assert ending.code in ((0, 4, 75) if lossy else (0, 4)), ending
        assert (ending.code == 0) <= (live == model), f"{model} was told that it won; {live} is live"
        assert (ending.code == 4) <= (live != model), f"{model} was told that it lost, and is live: {ending.told}"
    won = sum(ending.code == 0 for ending in endings)
    assert lossy or won == (publishers if same else 1), endings
    assert len(list(open_store(store).keys("releases/qa/live/"))) == before + (live in models)


def _through_a_lossy_proxy(server: str, lossy: int) -> None:
    random = Random(lossy)
    faults = ("drop", "reset", "500", "503", "429", "drop-after", "reset-after", "500-after", "cut", "repeat")
    proxy = s3.Proxy(server, lambda _: random.choice(faults) if random.random() < 0.08 else "")
    os.environ["AWS_ENDPOINT_URL_S3"] = proxy.address


def _in_threads(works: List[Work]) -> List[Ending]:
    """Let threads of this process do it, all of which begin at the same moment."""
    begin, endings = threading.Barrier(len(works)), {}  # type: threading.Barrier, Dict[int, Ending]

    def attempt(number: int) -> None:
        begin.wait()
        try:
            works[number]()
            endings[number] = Ending(0, "")
        except PodtuneError as error:
            endings[number] = Ending(error.exit_code, str(error))
        except Exception as error:  # a traceback, for a step
            endings[number] = Ending(1, repr(error))

    threads = [threading.Thread(target=attempt, args=[number]) for number in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [endings[number] for number in range(len(works))]


def races(count: int, server: str) -> Iterator[Point]:
    """Of 2 to 16 publishers; in a directory, on S3, and on S3 where a request in twelve fails."""
    for number in range(count):
        random = Random(f"race {number}")
        on = ("directory", "directory", "s3", "lossy s3")[number % 4]
        values: Dict[str, Any] = {
            "publishers": random.choice((2, 3, 4, 8, 16) if on == "directory" else (2, 3, 4)),
            "before": random.choice((0, 1, 2)),
            "same": random.random() < 0.2,
            "threads": random.random() < 0.5,
            "lossy": number if on == "lossy s3" else 0,
        }
        trial = partial(race, server=server if "s3" in on else "", **values)
        yield Point(f"race {number}: {on}, " + ", ".join(f"{name} {value}" for name, value in values.items()), trial)


# Single faults


def fault_in_publishing(folder: Path, *, server: str, number: int, fault: str, before: int) -> None:
    """Let one request fail: who published is told rightly, readers find a whole version, and a second try succeeds."""
    impatient()
    store = s3.use(server)
    champion = None
    if before:
        publishing(folder, "before", store)()
        champion = "1"
    proxy = s3.Proxy(server, s3.only(number, fault))
    os.environ["AWS_ENDPOINT_URL_S3"] = proxy.address
    work = publishing(folder, "new", store, champion)
    ending = _ending_here(work)
    os.environ["AWS_ENDPOINT_URL_S3"] = server
    _judge(folder, store, ending, proxy.seen[number - 1 : number], work)


def _ending_here(work: Work) -> Ending:
    """How some work ends that is done in this process, where the proxy is."""
    return _in_threads([work])[0]


def _judge(folder: Path, store: str, ending: Ending, where: List[str], work: Work) -> None:
    """What holds after any single fault of a publisher that is alone."""
    live = live_model(store, folder)
    assert ending.code in (0, 2, 75), f"{where}: {ending}"
    assert ending.code != 0 or live == "new", f"{where}: it was told that {live!r} is new"
    assert live in ("", "before", "new"), live
    assert "delete" not in ending.told, f"{where}: {ending}"
    again = ending_of(work)
    assert again.code == 0, f"{where}, and again: {again}"
    assert live_model(store, folder) == "new"


def fault_in_downloading(folder: Path, *, server: str, number: int, fault: str) -> None:
    """Let one request fail: nothing wrong lands, and a second try succeeds."""
    impatient()
    store = s3.use(server)
    publishing(folder, "new", store)()
    proxy = s3.Proxy(server, s3.only(number, fault))
    os.environ["AWS_ENDPOINT_URL_S3"] = proxy.address
    ending = _ending_here(downloading(store, folder / "to"))
    os.environ["AWS_ENDPOINT_URL_S3"] = server
    _judge_download(folder, store, ending, proxy.seen[number - 1 : number])


def _judge_download(folder: Path, store: str, ending: Ending, where: List[str]) -> None:
    to, manifest = folder / "to", read_live(open_store(store), "qa")
    assert ending.code in (0, 2, 75), f"{where}: {ending}"
    assert "delete" not in ending.told, f"{where}: {ending}"
    assert ending.code != 0 or to.is_dir()
    if not to.exists():
        again = ending_of(downloading(store, to))
        assert again.code == 0, f"{where}, and again: {again}"
    verify_fetched(to, manifest)
    assert list(folder.glob(".*.partial")) == []


def file_error(folder: Path, *, download: bool, number: int, error: int) -> None:
    """Let one file operation of a store in a directory fail."""
    impatient()
    store = str(folder / "store")
    publishing(folder, "new" if download else "before", store)()
    work = downloading(store, folder / "to") if download else publishing(folder, "new", store, "1")

    def failing() -> None:
        watch(folder, at(number, fail(error)), reading=True)
        work()

    ending = ending_of(failing)
    where = [f"operation {number}, {errno.errorcode[error]}"]
    if download:
        _judge_download(folder, store, ending, where)
    else:
        _judge(folder, store, ending, where, work)
        assert list(Path(store, directory_store.INCOMING).iterdir()) == []


def killed_publisher(folder: Path, *, server: str, number: int, after: bool, successor: bool) -> None:
    """Kill a publisher at one operation or request: readers find a whole version; it, or another, then succeeds."""
    impatient()
    directory_store._ABANDONED_SECONDS = -1.0
    store = store_at(folder, server)
    publishing(folder, "before", store)()
    work = publishing(folder, "new", store, "1")

    def dying() -> None:
        if server:
            s3.at_request(number, lambda: kill(""), after=after)
        else:
            watch(folder, at(number, kill))
        work()

    assert ending_of(dying).code in (-9, 0)
    live = live_model(store, folder)
    assert live in ("before", "new")
    if successor:
        champion = live_version(open_store(store), "qa")
        assert champion is not None
        ending = ending_of(publishing(folder, "other", store, champion.version))
        assert ending.code == 0, ending
        lost = ending_of(work)
        assert lost.code == 4, lost
        assert live_model(store, folder) == "other"
    else:
        again = ending_of(work)
        assert again.code == 0, again
        assert live_model(store, folder) == "new"
        assert versions(open_store(store), "qa") == ["1", "2"]
    if not server:
        open_store(store).create("next", b"")  # what was killed goes with the next one that writes there
        with draft_beside(folder / "published-new"):
            pass
        left = [*Path(store, directory_store.INCOMING).iterdir(), *folder.glob(".*")]
        assert left == [], f"left behind: {left}"


def _requests(work: Callable[[str, Path], Work], server: str, before: int) -> int:
    """How many requests some work makes, on a bucket of its own."""

    def counting() -> None:
        impatient()
        with TemporaryDirectory() as folder:
            store = s3.use(server)
            if before:
                publishing(Path(folder), "before", store)()
            proxy = s3.Proxy(server)
            os.environ["AWS_ENDPOINT_URL_S3"] = proxy.address
            work(store, Path(folder))()
            raise PodtuneError(f"{len(proxy.seen)}")

    return int(ending_of(counting).told.split()[-1])


def _operations(work: Callable[[str, Path], Work], *, reading: bool) -> int:
    """How many file operations some work makes below its folder."""
    with TemporaryDirectory() as folder, TemporaryDirectory() as elsewhere:
        publishing(Path(folder), "before", f"{folder}/store")()
        done, count = work(f"{folder}/store", Path(folder)), Path(elsewhere, "count")

        def counting() -> None:
            watch(Path(folder), note(count), reading=reading)
            done()

        assert ending_of(counting).code == 0
        return len(count.read_text().splitlines())


def _downloading_there(store: str, folder: Path) -> Work:
    return downloading(store, folder / "to")


def _publishing_next(store: str, folder: Path) -> Work:
    return publishing(folder, "new", store, "1")


def _publishing_first(store: str, folder: Path) -> Work:
    return publishing(folder, "new", store)


def single_faults(server: str) -> Iterator[Point]:
    """Every request of publishing and downloading with every fault, every file operation with every error."""
    for before, work in ((0, _publishing_first), (1, _publishing_next)):
        for number, fault in product(range(1, _requests(work, server, before) + 1), s3.FAULTS):
            trial = partial(fault_in_publishing, server=server, number=number, fault=fault, before=before)
            yield Point(f"publish {('first', 'next')[before]}: request {number} meets {fault}", trial)
    for number, fault in product(range(1, _requests(_downloading_there, server, 1) + 1), s3.FAULTS):
        trial = partial(fault_in_downloading, server=server, number=number, fault=fault)
        yield Point(f"download: request {number} meets {fault}", trial)
    for download, work in ((False, _publishing_next), (True, _downloading_there)):
        numbers = range(1, _operations(work, reading=True) + 1)
        for number, error in product(numbers, (*LOST[:2], FULL[0], *CLOSED)):
            what = f"operation {number} meets {errno.errorcode[error]}"
            trial = partial(file_error, download=download, number=number, error=error)
            yield Point(f"{'download from' if download else 'publish to'} a directory: {what}", trial)


def kills(server: str) -> Iterator[Point]:
    """Every file operation and every request of publishing, before it and after it."""
    operations, requests = _operations(_publishing_next, reading=False), _requests(_publishing_next, server, 1)
    for successor in (False, True):
        name = "and another publishes" if successor else "and it starts again"
        for number in range(1, operations + 1):
            trial = partial(killed_publisher, server="", number=number, after=False, successor=successor)
            yield Point(f"publish to a directory: killed at operation {number}, {name}", trial)
        for number, after in product(range(1, requests + 1), (False, True)):
            trial = partial(killed_publisher, server=server, number=number, after=after, successor=successor)
            yield Point(f"publish: killed {'after' if after else 'before'} request {number}, {name}", trial)
