"""Tables of strangers, Arrow's or Parquet's: whatever Arrow does with a file, it ends in rows or in BadInput.

Arrow ends the whole process on some damaged files, and takes others for more memory than there is. So a process of its
own reads a file first, to its end, and checks what it reads; who reads it after that does what did no harm.
"""

import contextlib
import json
import resource
import signal
import struct
import subprocess
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Collection, Dict, Iterator, List, Sequence, Tuple

from podtune.errors import BadInput, PodtuneError, TryAgainLater, bad_input, failure_of, from_os_error
from podtune.formats.packed import GZIP, most_bytes, read_unpacked, too_much
from podtune.formats.raw_data import DataFile

PARQUET = b"PAR1"
"""What a Parquet file begins with."""

MOST_ROWS = 20_000_000
"""Of a file; a column in which nothing stands takes no room."""

MOST_MEMORY = 4 << 30
"""Bytes of the process that checks a table, the mapped file not counted."""

_BATCH = 256
"""Rows at a time: 77 MB of regions."""

_CRASHES = (signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL)

_DAMAGES = (
    OSError,
    MemoryError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    OverflowError,
    NotImplementedError,
    RecursionError,
    struct.error,
)
"""What pyarrow raises for damaged files beside its own errors."""


@dataclass(frozen=True)
class Table:
    """A file whose columns were checked."""

    file: DataFile
    names: Tuple[str, ...]
    """Of all its columns."""

    metadata: Dict[bytes, bytes]
    """Of its schema."""

    def batches(self, columns: Sequence[str]) -> Iterator[Any]:
        """Record batches of at most 256 rows with these columns, which it has."""
        with _refusing(self.file):
            yield from _batches(self.file, columns)

    def rows(self, columns: Sequence[str]) -> Iterator[Dict[str, Any]]:
        """Each row with these columns, which it has."""
        with _refusing(self.file):
            for batch in _batches(self.file, columns):
                yield from batch.to_pylist()


def open_table(file: DataFile, columns: Collection[str]) -> Table:
    """Open a table of which these columns will be read, those that it has; BadInput where they are damaged."""
    return open_tables([file], columns)[0]


def open_tables(files: Sequence[DataFile], columns: Collection[str]) -> List[Table]:
    """Open several; the first that is damaged is named."""
    places = tuple((str(file.path), file.origin) for file in files)
    _check_apart(places, tuple(sorted(columns)), tuple(map(_state, files)))
    return [_opened(file) for file in files]


@lru_cache(maxsize=64)  # a table is opened for its answers, its questions and its regions
def _check_apart(
    places: Tuple[Tuple[str, str], ...], columns: Tuple[str, ...], _states: Tuple[Tuple[int, int], ...]
) -> None:
    """Check files in a process of its own; BadInput also where that comes to a bad end."""
    asked = {"files": places, "columns": columns}
    command = [sys.executable, "-m", "podtune.formats.tables"]
    run = subprocess.run(command, input=json.dumps(asked).encode(), capture_output=True, check=False)  # noqa: S603  # ours
    *_, last = [{"file": 0}, *map(json.loads, run.stdout.decode("utf-8").splitlines())]
    if "message" in last:
        raise failure_of(run.returncode, last["message"])
    if -run.returncode in _CRASHES:
        end = signal.Signals(-run.returncode).name
        raise BadInput(f"{_file(*places[last['file']])} is damaged, such that whoever reads it crashes ({end})")
    if run.returncode:
        reason = (run.stderr.decode("utf-8", "replace").strip().splitlines() or [""])[-1]
        kind = TryAgainLater if run.returncode < 0 else PodtuneError
        raise kind(
            f"checking {_file(*places[last['file']])} ended with {run.returncode}, {reason or 'and said nothing'}"
        )


def _file(path: str, origin: str) -> DataFile:
    return DataFile(Path(path), origin)


def _state(file: DataFile) -> Tuple[int, int]:
    try:
        status = file.path.stat()
    except FileNotFoundError as error:
        raise BadInput(f"{file} is not there; it should be an Arrow or Parquet table") from error
    return status.st_size, status.st_mtime_ns


def main() -> None:
    """Check what stdin asks for; say on stdout which file is next, by number, and what is wrong with it."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_MEMORY, resource.getrlimit(resource.RLIMIT_DATA)[1]))
    asked = json.load(sys.stdin)
    for number, (path, origin) in enumerate(asked["files"]):
        _say({"file": number})
        try:
            check_table(_file(path, origin), asked["columns"])
        except (PodtuneError, OSError) as error:
            failure = from_os_error(error) if isinstance(error, OSError) else error
            if failure is None:
                raise
            _say({"message": str(failure)})
            sys.exit(failure.exit_code)


def _say(line: Dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def check_table(file: DataFile, columns: Collection[str]) -> None:
    """Read those of the columns that a file has to their end; BadInput where they are damaged or too large."""
    with _refusing(file):
        most, rows, size = most_bytes(file.path), 0, 0
        for batch in _batches(file, [name for name in _opened(file).names if name in columns]):
            batch.validate(full=True)
            rows += batch.num_rows
            size += sum(map(_size, batch.columns))
            if rows > MOST_ROWS:
                raise BadInput(f"{file} has more than {MOST_ROWS:,} rows; divide it into several files")
            if size > most:
                raise too_much(file, most)


@contextlib.contextmanager
def _refusing(file: DataFile, complaint: str = "is cut off or damaged") -> Iterator[None]:
    """Turn what pyarrow raises for a damaged file into BadInput; a disk that is away is another matter."""
    import pyarrow

    with bad_input(f"{file} {complaint}", pyarrow.ArrowException, *_DAMAGES):
        yield


def _opened(file: DataFile) -> Table:
    from pyarrow import parquet

    source = _source(file)
    of_parquet = _is_parquet(source)
    with _refusing(file, "is cut off or damaged Parquet" if of_parquet else "is neither Arrow nor Parquet"):
        schema = parquet.read_schema(source) if of_parquet else _open_arrow(source).schema
        return Table(file, tuple(schema.names), dict(schema.metadata or {}))


def _source(file: DataFile) -> Any:
    """Map a file, or unpack it."""
    import pyarrow

    with file.path.open("rb") as opened:
        packed = opened.read(len(GZIP)) == GZIP
    with _refusing(file):  # an empty file cannot be mapped
        return pyarrow.BufferReader(read_unpacked(file, "a table")) if packed else pyarrow.memory_map(str(file.path))


def _is_parquet(source: Any) -> bool:
    beginning = source.read(len(PARQUET))
    source.seek(0)
    return bool(beginning == PARQUET)


def _open_arrow(source: Any) -> Any:
    """Open Arrow's stream, which `datasets` writes, or its file."""
    import pyarrow

    try:
        return pyarrow.ipc.open_stream(source)
    except pyarrow.ArrowInvalid:
        source.seek(0)
        return pyarrow.ipc.open_file(source)


def _batches(file: DataFile, columns: Sequence[str]) -> Iterator[Any]:
    """Record batches of few rows with these columns, in plain types."""
    from pyarrow import parquet

    source = _source(file)
    if _is_parquet(source):
        read = parquet.ParquetFile(source).iter_batches(_BATCH, columns=list(columns))
    else:
        read = _arrow_batches(source)
    for batch in read:
        for start in range(0, batch.num_rows, _BATCH):
            yield _plain(batch.select(columns).slice(start, _BATCH), file)


def _arrow_batches(source: Any) -> Iterator[Any]:
    import pyarrow

    reader = _open_arrow(source)
    if isinstance(reader, pyarrow.RecordBatchStreamReader):
        yield from reader
    else:
        yield from (reader.get_batch(number) for number in range(reader.num_record_batches))


def _plain(batch: Any, file: DataFile) -> Any:
    """The same rows, categories written out and types of extensions taken for what they are stored as."""
    import pyarrow

    columns = []
    for name, column in zip(batch.schema.names, batch.columns):
        plain = column.storage if isinstance(column, pyarrow.ExtensionArray) else column
        if pyarrow.types.is_dictionary(plain.type):
            plain.validate(full=True)
            plain = plain.dictionary_decode()
        if not _is_plain(plain.type):
            raise BadInput(f"{file}: the column {name} is of {column.type}; text, numbers, lists and structs are read")
        columns.append(plain)
    return pyarrow.RecordBatch.from_arrays(columns, batch.schema.names)


def _is_plain(kind: Any) -> bool:
    """Whether values are held once each, of kinds that Python has too."""
    from pyarrow import types

    if types.is_struct(kind):
        return all(_is_plain(kind.field(number).type) for number in range(kind.num_fields))
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return _is_plain(kind.value_type)
    plain = types.is_null, types.is_boolean, types.is_integer, types.is_floating, types.is_string, types.is_large_string
    return any(is_kind(kind) for is_kind in plain)


def _size(array: Any) -> int:
    """Bytes that an array stands for, some for each value, as those of no content take none."""
    from pyarrow import types

    each = 8 * len(array)
    if types.is_struct(array.type):
        return each + sum(map(_size, array.flatten()))
    if types.is_list(array.type) or types.is_large_list(array.type) or types.is_fixed_size_list(array.type):
        return each + _size(array.flatten())
    return each + int(array.nbytes)


if __name__ == "__main__":
    main()
