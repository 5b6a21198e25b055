"""What a file that calls itself a checkpoint is, found out without loading it."""

import pickletools
import zipfile
from enum import Enum
from pathlib import Path

from trainers.errors import WorkbenchError

MAX_PICKLE = 16 * 2**20
"""Most bytes of instructions (not weights) in a checkpoint: what they build takes up to 60 times as much memory."""

MAX_HEADER = 16 * 2**20
"""Most bytes of a safetensors header; a network of a million tensors needs about this much."""

MAX_CODE = 64 * 2**20
"""Most bytes of source text in a TorchScript program, unpacked."""

MAX_ENTRIES = 200_000


class FileKind(Enum):
    """The formats that are read."""

    TORCH = "a file of torch.save"
    SAFETENSORS = "safetensors"
    TORCHSCRIPT = "a TorchScript program"
    EXPORTED = "a program of torch.export"


_PICKLE = b"\x80"
_TORCH_LEGACY = b"\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""The number with which files of torch.save began before version 1.6, after the pickle's protocol (2 bytes)."""

_LEGACY_PICKLES = 4
"""Of such a file, before its weights: that number, a version, facts of the machine, and what was saved."""

_WEB_PAGE = "is a web page saved under this name, no checkpoint; download the file itself"
_NOT_CHECKPOINTS = (
    (b"<", _WEB_PAGE),
    (b"version https://git-lfs", "is a Git LFS pointer, not the checkpoint itself; fetch it with git lfs pull"),
    (b"\x1f\x8b", "is gzip; unpack it first"),
    (b"BZh", "is bzip2; unpack it first"),
    (b"\xfd7zXZ", "is xz; unpack it first"),
    (b"7z\xbc\xaf", "is 7-Zip; unpack it first"),
    (b"\x28\xb5\x2f\xfd", "is Zstandard; unpack it first"),
    (b"\x89HDF", "is HDF5 (an energy log, or weights of Keras); give the weights that torch.save wrote"),
    (b"\x93NUMPY", "is a NumPy array; give the weights that torch.save wrote"),
    (
        _PICKLE,
        "is a plain pickle, which cannot be read without running what is in it; where you trust it, load it yourself"
        " and save the weights with torch.save",
    ),
)
"""How files begin that are no checkpoints, and what to say of them."""


def sniff(path: Path) -> FileKind:
    """The format of a file.

    What a file declares is held against its size here, so that nothing is allocated that it does not hold.

    Raises:
        WorkbenchError: missing, empty, no checkpoint, or one that declares what it does not hold.
    """
    try:
        if path.is_dir():
            raise WorkbenchError(f"{path} is a folder; give the checkpoint files in it")
        if not path.exists():
            raise WorkbenchError(f"no such checkpoint: {path}")
        if not path.is_file():
            raise WorkbenchError(f"{path} is no regular file; give a checkpoint file")
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(1024)
    except OSError as error:
        raise WorkbenchError(f"cannot read {path} ({error.strerror or error}); check its permissions") from None
    if head.startswith(b"PK\x03\x04"):
        return _zip_kind(path, size)
    if head[:1] == _PICKLE and head[2 : 2 + len(_TORCH_LEGACY)] == _TORCH_LEGACY:
        _check_legacy(path)
        return FileKind.TORCH
    if head[8:9] == b"{":
        _check_safetensors(path, head, size)
        return FileKind.SAFETENSORS
    raise WorkbenchError(f"{path} {_what_else(head)}")


def _what_else(head: bytes) -> str:
    """What is wrong with a file that begins like this, and the way out."""
    if not head:
        return "is empty (0 bytes); copy or download it again"
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    words = next((words for magic, words in _NOT_CHECKPOINTS if head.startswith(magic) or text.startswith(magic)), None)
    if words is not None:
        return words
    if head[257:262] == b"ustar":
        return "is a tar archive; unpack it first (if torch itself wrote it, save it again with a newer torch)"
    return f"is no checkpoint that is known (it begins with {head[:8].hex(' ')}); give a .pt, .pth or .safetensors file"


def _zip_kind(path: Path, size: int) -> FileKind:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError) as error:
        raise WorkbenchError(f"{path} is truncated or damaged ({error}); copy or download it again") from None
    if len(entries) > MAX_ENTRIES:
        raise WorkbenchError(f"{path} is refused: it lists {len(entries)} files, far more than a checkpoint has")
    inside = {entry.filename.partition("/")[2]: entry for entry in entries}
    kind = FileKind.TORCH
    if "archive_format" in inside or any(entry.filename == "serialized_exported_program.json" for entry in entries):
        kind = FileKind.EXPORTED
    elif "constants.pkl" in inside:
        kind = FileKind.TORCHSCRIPT
    elif "data.pkl" not in inside:
        raise WorkbenchError(f"{path} is a zip archive, but not of torch.save; give the checkpoint in it, unpacked")
    is_code = kind is FileKind.TORCHSCRIPT
    code = [entry for name, entry in inside.items() if is_code and name.startswith("code/")]
    _check_declared(path, size, entries, code)
    if "data.pkl" in inside and inside["data.pkl"].file_size > MAX_PICKLE:
        raise WorkbenchError(
            f"{path} is refused: {inside['data.pkl'].file_size} bytes of instructions beside the weights;"
            " save the weights alone"
        )
    return kind


def _check_declared(path: Path, size: int, entries: list[zipfile.ZipInfo], code: list[zipfile.ZipInfo]) -> None:
    """Refuse an archive that unpacks to more than the file holds; the source texts of TorchScript are compressed."""
    exempt = {id(entry) for entry in code}
    rest = [entry for entry in entries if id(entry) not in exempt]
    declared = sum(entry.file_size for entry in rest)
    packed = declared > size or any(entry.compress_type != zipfile.ZIP_STORED for entry in rest)
    if packed or sum(entry.file_size for entry in code) > MAX_CODE:
        total = sum(entry.file_size for entry in entries)
        raise WorkbenchError(
            f"{path} is refused: it holds compressed data ({total} bytes in a file of {size}), which torch.save"
            " never writes; if it is no zip bomb, unpack it and save the weights again"
        )


def _check_legacy(path: Path) -> None:
    """Walk through the instructions before the weights, without following them, as far as they may reach."""
    try:
        with path.open("rb") as file:
            for _ in range(_LEGACY_PICKLES):
                for _instruction in pickletools.genops(file):
                    if file.tell() > MAX_PICKLE:
                        raise WorkbenchError(
                            f"{path} is refused: more than {MAX_PICKLE} bytes of instructions beside the weights;"
                            " save the weights alone"
                        )
    except WorkbenchError:
        raise
    except (ValueError, LookupError, EOFError, OverflowError) as error:
        raise WorkbenchError(f"{path} is truncated or damaged ({error}); copy or download it again") from None


def _check_safetensors(path: Path, head: bytes, size: int) -> None:
    length = int.from_bytes(head[:8], "little")
    if length > size - 8:
        raise WorkbenchError(
            f"{path} is refused: its header declares {length} bytes, the file has {size}; copy or download it again"
        )
    if length > MAX_HEADER:
        raise WorkbenchError(f"{path} is refused: a header of {length} bytes is larger than any checkpoint needs")
