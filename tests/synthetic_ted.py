"""Archives laid out as those of TED HRLR, with sentences of our own, for the tests of ted.py and ted_archive.py."""

import hashlib
import io
import tarfile
from pathlib import Path

from transformer_tutorial.data import ted_archive
from transformer_tutorial.data.download import Fingerprint, fingerprint


def lines(name: str) -> list[str]:
    """The lines of a file such as "pt.train": 40, 9 or 7; the fourth has U+0085 inside, the sixth is empty in pt."""
    language, suffix = name.split(".")
    word, count = {"pt": "número", "en": "number"}[language], {"train": 40, "dev": 9, "test": 7}[suffix]
    sentences = [f"{word} {i} ." for i in range(count)]
    sentences[3] += "\x85 fim"
    sentences[5] = "" if language == "pt" else sentences[5]
    return sentences


TEXTS = {name: "".join(line + "\n" for line in lines(name)).encode() for name in ted_archive.FILES}


def member(name: str, data: bytes = b"", **attributes) -> tuple[tarfile.TarInfo, bytes]:
    """A member of an archive; `attributes` are those of TarInfo, such as type and linkname."""
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for key, value in attributes.items():
        setattr(info, key, value)
    return info, data


def write_archive(path: Path, texts: dict[str, bytes] = TEXTS, more: tuple = ()) -> Path:
    """Writes `texts` under datasets/pt_to_en/, between the members `more` and macOS leftovers."""
    leftovers = [member(f"datasets/pt_to_en/._{name}", b"leftover") for name in texts]
    files = [member(f"datasets/pt_to_en/{name}", data) for name, data in texts.items()]
    with tarfile.open(path, "w:gz") as tar:
        for info, data in [member("datasets", type=tarfile.DIRTYPE), *leftovers, *files, *more]:
            tar.addfile(info, io.BytesIO(data))
    return path


def register(monkeypatch, archive: Path, texts: dict[str, bytes] = TEXTS) -> None:
    """Makes `archive` the one known archive, and `texts` its known files."""
    fingerprints = {name: Fingerprint(len(data), hashlib.sha256(data).hexdigest()) for name, data in texts.items()}
    monkeypatch.setattr(ted_archive, "FILES", fingerprints)
    monkeypatch.setattr(ted_archive, "ARCHIVES", {archive.name: fingerprint(archive)})
