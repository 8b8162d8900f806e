"""Damage and malice: bytes, texts and trees of values that differ from real ones in one to a few places."""

import copy
import json
import struct
from random import Random
from typing import Any, Callable, Iterator, List, Sequence, Tuple

Mutate = Callable[[Random, bytes], bytes]

NUMBERS = (0, 1, 2, 7, 8, 127, 128, 255, 256, 4095, 32767, 65535, 1 << 31, (1 << 31) - 1, (1 << 32) - 1, (1 << 63) - 1)
VALUES: Tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 0.5, -0.0, 1e308, float("nan"), float("inf"), 1 << 63, 1 << 64, -(1 << 63), 10**400),
    *(
        "",
        " ",
        "0",
        "x",
        "None",
        "nan",
        "1e5",
        "..",
        "/",
        "../../etc/passwd",
        "a" * 5_000,
        "\0",
        "\ud800",
        "\u202e",
        "é",
    ),
    *("<b>", "{{ 7 }}", "\x1b[31m", "9" * 5_000, "2020-13-45", "https://[", "s3://", "sample://", "hf://a/b"),
    *([], {}, [[]], [None], {"": None}, {"a": {"b": {}}}, [1, "a", None], [{}], list(range(300))),
)
"""What nobody wrote a reader for."""

WORDS = (
    *(
        "!!int ",
        "!!timestamp x",
        "!!binary =",
        "!!set {a}",
        "!!python/name:os",
        "&a ",
        "*a",
        "<<: ",
        "? ",
        "- ",
        "|\n ",
        ">\n ",
    ),
    *(
        "\n---\n",
        "%YAML 9\n",
        "{",
        "}",
        "[",
        "]",
        ": ",
        ",",
        "#",
        "'",
        '"',
        "\t",
        "\r",
        "\n",
        "\0",
        "\x85",
        "\u2028",
        "\ud800",
    ),
    *(
        "1" * 5_000,
        "0x",
        "1_0",
        "1e999",
        ".inf",
        "~",
        "=",
        "://",
        "@",
        "?",
        "%",
        "%00",
        "[::",
        "..",
        "//",
        "*",
        "/",
        "-",
        "|",
    ),
    *("a" * 5_000, "- a " * 500, "| a " * 500, "a: " * 20, "[" * 200, "a=1 " * 200),
)
"""Pieces of texts that mean something to some reader."""


def damaged(random: Random, content: bytes) -> bytes:
    """Bytes as disks, networks and attackers leave them."""
    data = bytearray(content)
    for _ in range(random.choice((1, 1, 1, 2, 4, 16))):
        _damage_once(random, data)
    return bytes(data)


def _damage_once(random: Random, data: bytearray) -> None:
    place, length = _place(random, len(data)), random.choice((1, 2, 4, 8, 16, 64, 1024))
    kind = random.randrange(8)
    if kind <= 1 and data:
        data[place] ^= 1 << random.randrange(8)
    elif kind == 2 and data:
        data[place] = random.choice((0, 1, 127, 128, 255, random.randrange(256)))
    elif kind == 3:
        form, mask = random.choice((("<H", 0xFFFF), ("<I", 0xFFFFFFFF), ("<Q", (1 << 64) - 1), (">I", 0xFFFFFFFF)))
        number = struct.pack(form, (random.choice(NUMBERS) * random.choice((1, -1))) & mask)
        place = place - place % random.choice((1, len(number)))
        data[place : place + len(number)] = number
    elif kind == 4:
        del data[place : place + length]
    elif kind == 5:
        data[place:place] = data[_place(random, len(data)) :][:length]
    elif kind == 6:
        data[place:place] = random.randbytes(length)
    else:
        del data[random.choice((place, len(data) - min(len(data), length))) :]


def _place(random: Random, size: int) -> int:
    """A place, more often near the beginning or the end, where headers are."""
    near = min(size, random.choice((64, 1024, size)))
    offset = random.randrange(near) if near else 0
    return random.choice((offset, max(size - 1 - offset, 0)))


def rewritten(random: Random, content: bytes) -> bytes:
    """A text with pieces left out, repeated, moved, or put in that mean something somewhere."""
    text = content.decode("utf-8", "surrogateescape")
    for _ in range(random.choice((1, 1, 2, 3))):
        first, last = sorted((random.randrange(len(text) + 1), random.randrange(len(text) + 1)))
        last = min(last, first + random.choice((1, 2, 5, 20, 200)))
        piece = random.choice(
            ("", "", text[first:last] * random.choice((1, 2, 50)), random.choice(WORDS), _letter(random))
        )
        after = random.choice((first, last))
        text = (text[:first] + piece + text[after:])[:200_000]
    return text.encode("utf-8", "surrogatepass" if random.randrange(4) else "replace")


def _letter(random: Random) -> str:
    return chr(random.choice((random.randrange(128), random.randrange(0x300), random.randrange(0x11000))))


def changed(random: Random, tree: Any) -> Any:
    """A tree of values in which one to a few are others, missing, doubled, nested or in another place."""
    tree = json.loads(json.dumps(tree))
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        places = list(_places(tree))
        if not places:
            return random.choice(VALUES)
        holder, key = random.choice(places)
        kind = random.randrange(8)
        if kind == 0:
            del holder[key]
        elif kind == 1:
            other, at = random.choice(places)
            holder[key] = json.loads(json.dumps(other[at]))
        elif kind == 2:
            for _ in range(random.choice((1, 2, 60))):
                holder[key] = random.choice(([holder[key]], {"a": holder[key]}))
        elif kind == 3 and isinstance(holder, dict):
            holder[random.choice(("", "a", "id", "é", "\0", "question", "../x", "1"))] = holder.pop(key)
        elif kind == 4 and isinstance(holder, list):
            holder.insert(key, holder[key])
        elif kind == 5 and isinstance(holder[key], str):
            holder[key] = rewritten(random, holder[key].encode("utf-8", "replace")).decode("utf-8", "surrogatepass")
        else:
            holder[key] = copy.deepcopy(random.choice(VALUES))
    return tree


def _places(tree: Any) -> Iterator[Tuple[Any, Any]]:
    waiting = [tree]
    while waiting:
        holder = waiting.pop()
        keys: Sequence[Any] = (
            list(holder) if isinstance(holder, dict) else range(len(holder)) if type(holder) is list else ()
        )
        for key in keys:
            yield holder, key
            waiting.append(holder[key])


def _keys(holder: Any) -> Sequence[Any]:
    if isinstance(holder, dict):
        return list(holder)
    return range(len(holder)) if isinstance(holder, list) else ()


def json_changed(random: Random, content: bytes) -> bytes:
    """JSON with other values, or damaged as a text or as bytes."""
    if random.randrange(4) == 0:
        return random.choice((rewritten, damaged))(random, content)
    text = json.dumps(changed(random, json.loads(content)), ensure_ascii=bool(random.randrange(2)))
    return text.encode("utf-8", "surrogatepass")


def zip_changed(random: Random, content: bytes) -> bytes:
    """A zip with other numbers in its headers, or damaged as bytes."""
    if random.randrange(3) == 0:
        return damaged(random, content)
    data, marks = bytearray(content), (b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06")
    headers: List[int] = [place for place in range(len(data)) if data[place : place + 4] in marks]
    for _ in range(random.choice((1, 1, 2, 3))):
        place = random.choice(headers) + random.randrange(4, 46)
        width = random.choice((1, 2, 4))
        number = random.choice((*NUMBERS, *(1 << bit for bit in range(16)))) & ((1 << 8 * width) - 1)
        data[place : place + width] = number.to_bytes(width, "little")
    return bytes(data)
