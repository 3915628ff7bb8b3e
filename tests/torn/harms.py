"""What may have befallen a file before it is read again: torn, flipped, exchanged, or of another kind than a file."""

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

FLIPS = 6  # single bits, in the head, in the middle, at the end and anywhere
BLOCK = 512  # bytes that a disk loses at once
JSONS = {
    "null": b"null",
    "number": b"7",
    "list": b"[]",
    "text": b'"x"',
    "deep": b'{"a":' * 50_000,
    "cut": b'{"files": {',
}


class Case(NamedTuple):
    """A file, what is done to it, and the command that reads it then."""

    stage: str
    file: str
    harm: str
    words: tuple[str, ...]

    def __str__(self):
        return f"{self.stage}: {self.file} {self.harm}, {' '.join(self.words[:3])}"


def torn(content: bytes) -> dict[str, bytes]:
    """A file's bytes as a crash, a full disk or another program may have left them, by what happened."""
    size, noise = len(content), np.random.default_rng(len(content))
    half = size // 2
    return {
        "emptied": b"",
        "cut to a byte": content[:1],
        "cut to a quarter": content[: size // 4],
        "cut in half": content[:half],
        "cut by a byte": content.rstrip()[:-1],
        "its end appended": content + content[-min(size, 40) :],
        "a byte appended": content + b"7",
        "doubled": content + content,
        "all zeros": bytes(size),
        "all noise": noise.bytes(size),
        "its first block lost": bytes(min(BLOCK, size)) + content[BLOCK:],
        "its last block lost": content[: max(0, size - BLOCK)] + bytes(min(BLOCK, size)),
        "a block lost": content[:half] + bytes(min(BLOCK, size - half)) + content[half + BLOCK :],
        "pickled": b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00\x8c\x02os\x94.",
        "a zip's head": b"PK\x03\x04" + bytes(100),
    }


def flipped(content: bytes) -> dict[str, bytes]:
    """A file's bytes with one bit another."""
    rng, size, found = np.random.default_rng(len(content) + 1), len(content), {}
    for i in range(FLIPS):
        where = [min(9, size - 1), size // 2, size - 2][i] if i < 3 else int(rng.integers(size))
        data = bytearray(content)
        data[where] ^= 1 << int(rng.integers(7))
        found[f"bit flipped at {where}"] = bytes(data)
    return found


def harms(path: Path, others: list[Path]) -> dict[str, bytes | Path | str]:
    """All that may befall a file: bytes to write, a file to take the place of it, or a word for no file at all."""
    content = path.read_bytes()
    found = torn(content) | flipped(content)
    if path.suffix == ".json":
        found |= {f"JSON of a {name}": data for name, data in JSONS.items()}
    found = {name: data for name, data in found.items() if data != content}
    found |= {f"in its place {other.name} of {other.parent.name}": other for other in others}
    return found | {word: word for word in ("a pipe", "a folder", "a link to itself", "a link to nothing")}


def befall(path: Path, harm: bytes | Path | str) -> None:
    """Do that harm to a file."""
    content = harm.read_bytes() if isinstance(harm, Path) else harm
    path.unlink()
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content == "a pipe":
        os.mkfifo(path)
    elif content == "a folder":
        path.mkdir()
    else:
        path.symlink_to(path.name if content == "a link to itself" else "nowhere")
