"""The six files of TED HRLR Portuguese-English: from an archive of the user's own or from the network.

Nothing is unpacked or used unless its size and SHA-256 are those of the tables below. The texts are TED's, under
CC BY-NC-ND 4.0.

Source: Qi et al. 2018, "When and Why are Pre-trained Word Embeddings Useful for Neural Machine Translation?"
"""

import hashlib
import posixpath
import sys
import tarfile
import zlib
from pathlib import Path

from transformer_tutorial.data.download import Fingerprint, download, fingerprint
from transformer_tutorial.runtime.errors import Failure, UsageError

ARCHIVES = {
    "qi18naacl-dataset.tar.gz": Fingerprint(
        131_005_909, "216a86c3df4d4f522856fe9b920ff5be6b394d769cc88974ae8f9f5546953bbc"
    ),
    "ted_hrlr_pt_to_en.tar.gz": Fingerprint(
        3_492_119, "e753eac6bbc55e513146ee6994ebe9de45d977187f34b510cad5f00400c228c5"
    ),
}

# The original, all languages; the Wayback Machine's copy of it; a copy of this language pair alone.
MIRRORS = (
    "http://www.phontron.com/data/qi18naacl-dataset.tar.gz",
    "https://web.archive.org/web/20240301220426if_/http://www.phontron.com/data/qi18naacl-dataset.tar.gz",
    "https://raw.githubusercontent.com/zeynabmirzazada/holbertonschool-machine_learning/"
    "161fa8bf98852d1578a545523d56d57f4c69c738/supervised_learning/transformer_apps/ted_hrlr_pt_to_en.tar.gz",
)

FOLDER_IN_ARCHIVE = "datasets/pt_to_en"
FILES = {
    "pt.train": Fingerprint(4_837_112, "278e1bb96a2a6e18cc5ac6294fcf4ce01e77c58c74a4c36a6b567ef601144cb2"),
    "en.train": Fingerprint(4_599_177, "e7c74d6e1b8b7041a23df5f812c9819dafd67a200535a3ffc4c483e32b622863"),
    "pt.dev": Fingerprint(103_577, "c9fedee6935999d3302008640f7f80e3afbe87c230f17b73759a78caf18d1de4"),
    "en.dev": Fingerprint(96_609, "01c9b58f68cc3bb6505560dfc7f9dfe972baf659e67689724aefb9abc5137a80"),
    "pt.test": Fingerprint(171_949, "f8b88eff89b575c9a5756953d0b70d9f6b79babd881983581070fcdeb1b7ffa0"),
    "en.test": Fingerprint(164_116, "6a9a6818a03e676bb8e951cc166c3110bbc7d47836d091c3c514f263e4f21636"),
}


def ted_files(downloads: Path, archive: Path | None = None) -> Path:
    """The folder with the six verified files; unpacks or downloads them where they are not there yet.

    Args:
        downloads: where archives and files are kept.
        archive: one of the `ARCHIVES` under any name; None downloads one.

    Raises:
        UsageError: there is no such archive.
        Failure: the archive is a wrong or a dangerous one, or none can be downloaded.
    """
    folder = downloads / "ted_hrlr_pt_to_en"
    if not all((folder / name).is_file() and fingerprint(folder / name) == FILES[name] for name in FILES):
        extract(downloaded_archive(downloads) if archive is None else verified_archive(archive), folder)
    return folder


def verified_archive(archive: Path) -> Path:
    """Returns `archive` if it is one of the known ones.

    Raises:
        UsageError: it does not exist.
        Failure: it is another file.
    """
    archive = archive.expanduser()
    if not archive.is_file():
        raise UsageError(f"archive {archive} does not exist.")
    received = fingerprint(archive)
    if received not in ARCHIVES.values():
        known = " or ".join(f"{name} ({size:,} bytes, SHA-256 {sha256})" for name, (size, sha256) in ARCHIVES.items())
        raise Failure(
            f"{archive}: wrong checksum. Expected {known}, received {received.size:,} bytes, SHA-256 {received.sha256}."
        )
    return archive


def downloaded_archive(downloads: Path) -> Path:
    """An archive from `downloads`, or else from the first mirror that has the right one.

    Raises:
        Failure: no mirror has; says what to fetch by other means and how to go on.
    """
    for name, expected in ARCHIVES.items():
        path = downloads / name
        if path.is_file() and fingerprint(path) == expected:
            return path
    problems = []
    for url in MIRRORS:
        path = downloads / posixpath.basename(url)
        try:
            download(url, path, ARCHIVES[path.name])
            return path
        except Failure as problem:
            print(problem, file=sys.stderr)
            problems.append(str(problem))
    raise Failure(
        f"the corpus ted could not be downloaded. Tried {'; '.join(problems)}. Fetch one of these files by other means "
        "and run the same command again with --archive FILE."
    )


def extract(archive: Path, folder: Path) -> None:
    """Copies the six files out of `archive`, each verified before it gets its name.

    The whole archive is refused, before anything is written, if a member could lead out of a folder: an absolute
    path, "..", a link or a device.

    Raises:
        Failure: the archive is refused, damaged, or lacks a file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with tarfile.open(archive, "r:gz") as tar:
            members = {_safe_name(member, archive): member for member in tar.getmembers()}
            for name, expected in FILES.items():
                member = members.get(f"{FOLDER_IN_ARCHIVE}/{name}")
                if member is None or not member.isreg():
                    raise Failure(f"{archive} has no file {FOLDER_IN_ARCHIVE}/{name}.")
                if member.size != expected.size:  # checked before the read, which thereby needs no other cap
                    raise Failure(f"{archive}: {name} has {member.size:,} bytes, expected {expected.size:,}.")
                _write_verified(tar.extractfile(member).read(), folder / name, expected)
    except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
        raise Failure(f"{archive} cannot be unpacked to {folder}: {error}.") from error


def _safe_name(member: tarfile.TarInfo, archive: Path) -> str:
    if member.name.startswith("/") or ".." in member.name.split("/") or not (member.isreg() or member.isdir()):
        raise Failure(f"{archive} is refused: its member {member.name!r} is a link, a device or leaves the folder.")
    return posixpath.normpath(member.name)


def _write_verified(data: bytes, path: Path, expected: Fingerprint) -> None:
    received = hashlib.sha256(data).hexdigest()
    if received != expected.sha256:
        raise Failure(f"{path.name}: wrong checksum. Expected SHA-256 {expected.sha256}, received {received}.")
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(data)
    part.replace(path)
