"""Ways to break a log: its bytes, its structure, its values and texts."""

import random
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from small_log import BASES, NUM_EPOCHS, SIZES, fletcher32

Spoil = Callable[[h5py.File, random.Random], None]
EVIL = (
    "\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07\x9b2J",
    "[bold red]markup[/] :skull: [link=file:///etc/passwd]here[/link]",
    "a\nworkbench: forged line\r\x00\x08",
    "\u202egnp.exe\u200b\ufeff",
    "=cmd|'/c calc'!A1",
    "x" * 100_000,
    "",
    "\ud800 lone".encode("utf-8", "replace").decode(),
)
TABLES = [f"{split}/{name}" for split in SIZES for name in ("energy", "energy_adv", "joint_energy", "correct")]
GROWING = ["epoch", "events", "step/loss", "step/step", "histogram/delta_energy", *TABLES]
ALL = [*GROWING, "train/index", "train/label", "probe/index", "histogram/edges", "state/committed", "state/status"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Mutation:
    """One kind of mutation.

    Attributes:
        name: What it is called.
        apply: Mutates the log at a path.
        bases: The forms of log that it can be done to.
        rewrites: Whether it writes other numbers on purpose, with checksums that match.
    """

    name: str
    apply: Callable[[Path, random.Random], None]
    bases: tuple[str, ...] = BASES
    rewrites: bool = False


def _bytes(
    change: Callable[[bytearray, random.Random], bytes | bytearray | None],
) -> Callable[[Path, random.Random], None]:
    """A change of the bytes of the log, or of one of its segments."""

    def apply(path: Path, rng: random.Random) -> None:
        segments = sorted(path.with_name("run.h5.d").glob("*.h5"))
        chosen = rng.choice(segments) if segments and rng.random() < 0.5 else path
        data = bytearray(chosen.read_bytes())
        changed = change(data, rng)
        chosen.write_bytes(data if changed is None else changed)

    return apply


def _flip(data: bytearray, rng: random.Random) -> None:
    for _ in range(rng.choice((1, 1, 1, 2, 8, 64))):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _flip_head(data: bytearray, rng: random.Random) -> None:
    data[rng.randrange(min(len(data), 2048))] ^= 1 << rng.randrange(8)


def _fill_range(data: bytearray, rng: random.Random) -> None:
    start, size = rng.randrange(len(data)), rng.choice((1, 4, 12, 64, 512, 4096, 16384))
    fill = rng.choice((b"\0", b"\xff", rng.randbytes(1)))
    data[start : start + size] = fill * len(data[start : start + size])


def _noise(data: bytearray, rng: random.Random) -> None:
    start, size = rng.randrange(len(data)), rng.choice((2, 16, 256, 4096))
    data[start : start + size] = rng.randbytes(len(data[start : start + size]))


def _copy_range(data: bytearray, rng: random.Random) -> None:
    size = rng.choice((64, 512, 4096))
    source, target = (rng.randrange(max(1, len(data) - size)) for _ in range(2))
    data[target : target + size] = data[source : source + size]


def _zero_pages(data: bytearray, rng: random.Random) -> None:
    start = rng.randrange(len(data) // 512) * 512
    data[start : start + 4096] = bytes(len(data[start : start + 4096]))


def _tail(data: bytearray, rng: random.Random) -> bytes:
    keep = rng.randrange(len(data))
    return bytes(data[:keep]) + rng.choice((b"", bytes(len(data) - keep), rng.randbytes(len(data) - keep)))


def _h5(spoil: Spoil) -> Callable[[Path, random.Random], None]:
    """A change through the library; a crashed log cannot be opened for it."""

    def apply(path: Path, rng: random.Random) -> None:
        with h5py.File(path, "r+") as file:
            spoil(file, rng)

    return apply


def _replaced(file: h5py.File, path: str, **options: Any) -> None:
    old = file[path]
    made: dict[str, Any] = {"shape": old.shape, "dtype": old.dtype, "chunks": old.chunks, "fletcher32": True}
    made |= {"maxshape": old.maxshape} | options
    del file[path]
    file.create_dataset(path, **made)


def _type(file: h5py.File, rng: random.Random) -> None:
    types = (
        "f8",
        "i1",
        "S8",
        h5py.string_dtype(),
        h5py.vlen_dtype("f4"),
        h5py.ref_dtype,
        "c16",
        [("epoch", "i8")],
        ">f4",
    )
    kind = np.dtype(rng.choice(types))
    _replaced(file, rng.choice(ALL), dtype=kind, fletcher32=kind.kind != "O")  # which no filter takes


def _shape(file: h5py.File, rng: random.Random) -> None:
    path = rng.choice(GROWING)
    shape, chunks = rng.choice(
        (((4,), (1,)), ((4, 3), (1, 3)), ((0, 0), (1, 1)), ((4, 3, 2), (1, 1, 1)), ((9, 2**40), (1, 2**16)))
    )
    _replaced(file, path, shape=shape, chunks=chunks, maxshape=(None, *shape[1:]) if 0 not in shape else (None, None))


def _absurd_length(file: h5py.File, rng: random.Random) -> None:
    length = rng.choice((2**27, 2**33, 2**45))
    split = rng.choice(tuple(SIZES))
    for name in list(file[split]):
        growing = file[f"{split}/{name}"].ndim == 2
        shape = (NUM_EPOCHS, length) if growing else (length,)
        chunks = (1, 65_536) if growing else (65_536,)
        _replaced(file, f"{split}/{name}", shape=shape, chunks=chunks, maxshape=(None, length) if growing else shape)
        if not growing:
            file[f"{split}/{name}"][length - 5 :] = 1


def _absurd_rows(file: h5py.File, rng: random.Random) -> None:
    rows = rng.choice((10**4, 10**6, 2**40, 2**62))
    for name in ("committed", "committed_steps", "committed_events"):
        file[f"state/{name}"][0] = rows
    for path in GROWING:
        file[path].resize(rows, axis=0)


def _filters(file: h5py.File, rng: random.Random) -> None:
    options = (
        {"fletcher32": False},
        {"compression": "lzf"},
        {"shuffle": True, "fletcher32": False},
        {"chunks": (7, 3)[: file["epoch"].ndim]},
    )
    _replaced(file, "epoch", **rng.choice(options))


def _link(file: h5py.File, rng: random.Random) -> None:
    path = rng.choice(("epoch", "train", "train/energy", "state", "state/committed", "histogram", "step/loss"))
    file.move(path, "kept")
    links = (h5py.ExternalLink("/etc/passwd", "/"), h5py.ExternalLink("run.h5", "/kept"), h5py.SoftLink("/kept"))
    file[path] = rng.choice((*links, h5py.SoftLink(f"/{path}"), h5py.SoftLink("/"), file["/"], file["kept"]))


def _cycle(file: h5py.File, rng: random.Random) -> None:
    file["train/probe"], file["loop"], file["step/up"] = file["train"], file["/"], file["/"]


def _virtual(file: h5py.File, rng: random.Random) -> None:
    path = rng.choice(GROWING)
    shape, dtype = file[path].shape, file[path].dtype
    view = h5py.VirtualLayout(shape=shape, dtype=dtype)
    view[...] = h5py.VirtualSource(rng.choice(("elsewhere.h5", "/dev/zero", ".")), "secret", shape=shape)
    del file[path]
    file.create_virtual_dataset(path, view)


def _external(file: h5py.File, rng: random.Random) -> None:
    path = rng.choice(ALL)
    shape, dtype = file[path].shape, file[path].dtype
    del file[path]
    file.create_dataset(
        path, shape, dtype, external=[(rng.choice(("/etc/passwd", "/dev/zero")), 0, h5py.h5f.UNLIMITED)]
    )


def _gone(file: h5py.File, rng: random.Random) -> None:
    path = rng.choice((*ALL, "train", "state", "histogram"))
    del file[path]
    if rng.random() < 0.5:
        file.create_group(path)


def _extra(file: h5py.File, rng: random.Random) -> None:
    for text in EVIL[:5]:
        file.create_group("group " + text.replace("\x00", "").replace("/", ""))
    file["train"].create_dataset("[red]\x1b[31m", data=np.arange(3))


def _huge_attribute(file: h5py.File, rng: random.Random) -> None:
    name = rng.choice(("run_id", "config", "class_names", "method", "format", "extra"))
    size = rng.choice((10**6, 3 * 10**7))
    text = rng.choice(("[", '["a",' * (size // 5), "x")) if name != "extra" else "y"
    file.attrs[name] = np.bytes_((text * (size // len(text)))[:size].encode())


def _attribute(file: h5py.File, rng: random.Random) -> None:
    name = rng.choice(tuple(file.attrs))
    values = (
        3.0,
        np.arange(9),
        "vlen text",
        np.bytes_(b"\xff\xfe"),
        h5py.Empty("f"),
        np.uint64(2**64 - 1),
        -5,
        None,
        True,
    )
    values += ("[[1], {}, null]", "{}", "{", "[" * 50_000, '{"eps": NaN, "model": [1]}', "1" * 5000)
    value = rng.choice(values)
    if value is None:
        del file.attrs[name]
    else:
        file.attrs[name] = value


def _text(file: h5py.File, rng: random.Random) -> None:
    import json

    text = rng.choice(EVIL)
    for name in ("run_id", "method", "dataset", "created", "git_revision"):
        file.attrs[name] = np.bytes_(text.encode())
    file.attrs["class_names"] = json.dumps([text] * 3)
    file.attrs["config"] = json.dumps({"model": text, "eps": text, text: text})
    file.attrs["versions"] = json.dumps({text: text})
    for split in SIZES:
        file[split].attrs["attack"] = np.bytes_(text.encode())
    event = file["events"][0]
    event["message"], event["kind"] = text.encode()[:480], text.encode()[:24]
    file["events"][0] = event


def _text_not_utf8(file: h5py.File, rng: random.Random) -> None:
    event = file["events"][0]
    event["message"] = rng.choice((b"\xff\xfe\x1b[31m", b"\xed\xa0\x80", bytes(range(1, 256))))
    file["events"][0] = event


def _counter(file: h5py.File, rng: random.Random) -> None:
    name = rng.choice(("committed", "committed_steps", "committed_events"))
    have = int(file[f"state/{name}"][0])
    file[f"state/{name}"][0] = rng.choice((-1, -(2**63), 2**62, 2**63 - 1, have + 1, have + 1000, have - 1, 0, 1))


def _state(file: h5py.File, rng: random.Random) -> None:
    if rng.random() < 0.5:
        file["state/status"][0] = rng.choice((4, 77, 255))
    else:
        file["state/heartbeat"][0] = rng.choice((0.0, -1.0, np.inf, -np.inf, np.nan, 1e308))


def _value(file: h5py.File, rng: random.Random) -> None:
    row = file["epoch"][4]
    name, value = rng.choice(
        (
            ("pgd_accuracy", np.inf),
            ("clean_accuracy", 1.5),
            ("fgsm_accuracy", -0.1),
            ("epoch", 7),
            ("epoch", -1),
            ("last_step", -(2**63)),
            ("train_seconds", -1.0),
            ("train_delta_energy_mean", 3.0),
            ("probe_delta_energy_q05", np.nan),
            ("learning_rate", np.inf),
        )
    )
    row[name] = value
    file["epoch"][4] = row


def _sample(file: h5py.File, rng: random.Random) -> None:
    split, epoch = rng.choice(tuple(SIZES)), rng.randrange(NUM_EPOCHS)
    kind = rng.randrange(4)
    if kind == 0:
        file[f"{split}/correct"][epoch, 3] = 7
    elif kind == 1:
        file[f"{split}/energy"][epoch, 3] = 50.0
    elif kind == 2:
        file["histogram/delta_energy"][epoch, 3] += 1
    else:
        file["histogram/edges"][5] = 0.0


def _missing_chunk(file: h5py.File, rng: random.Random) -> None:
    """Rows that were never written."""
    path = rng.choice(("epoch", "events", "step/loss", "histogram/delta_energy", "train/energy", "probe/correct_adv"))
    values, rows = file[path][...], file[path].chunks[0]
    _replaced(file, path, compression="gzip")
    lost = rng.randrange(len(values)) // rows
    for block in range(len(values) // rows):
        if block != lost:
            file[path][block * rows : (block + 1) * rows] = values[block * rows : (block + 1) * rows]


def _step(file: h5py.File, rng: random.Random) -> None:
    name, value = rng.choice(
        (("step", 3), ("step", -7), ("epoch", 99), ("adversarial_accuracy", 2.0), ("learning_rate", np.inf))
    )
    file[f"step/{name}"][40] = value


@cache
def _packed_zeros() -> bytes:
    packer = zlib.compressobj(9)
    return b"".join(packer.compress(bytes(1 << 26)) for _ in range(24)) + packer.flush()


def _bomb(file: h5py.File, rng: random.Random) -> None:
    """A chunk that unpacks to 1.5 GiB, with a checksum that matches."""
    path, offset = rng.choice((("train/energy", (2, 0)), ("train/label", (0,)), ("histogram/delta_energy", (3, 0))))
    packed = _packed_zeros()
    file[path].id.write_direct_chunk(offset, packed + fletcher32(packed))


def _unfiltered(file: h5py.File, rng: random.Random) -> None:
    """A chunk that says it was never filtered, and so has no checksum: any number can be in it."""
    row = file["epoch"][4]
    row["pgd_accuracy"] = 0.99
    file["epoch"].id.write_direct_chunk((4,), row.tobytes(), filter_mask=0xFFFFFFFF)


_CLOSED = ("finished", "segments")
_ONE_FILE = ("finished",)


def _kinds() -> list[Mutation]:
    def kind(name: str, apply: Callable[[Path, random.Random], None], **options: Any) -> Mutation:
        return Mutation(name=name, apply=apply, **options)

    in_bytes = [
        kind(name, _bytes(change))
        for name, change in (
            ("bits flipped", _flip),
            ("bits flipped in the head", _flip_head),
            ("range filled", _fill_range),
            ("noise", _noise),
            ("range copied elsewhere", _copy_range),
            ("zeroed page", _zero_pages),
            ("cut off, or tail lost", _tail),
        )
    ]
    structure = [
        kind(name, _h5(spoil), bases=_ONE_FILE)
        for name, spoil in (
            ("another type", _type),
            ("another shape", _shape),
            ("absurd length", _absurd_length),
            ("absurd number of rows", _absurd_rows),
            ("other filters or chunks", _filters),
            ("virtual", _virtual),
            ("external storage", _external),
            ("missing, or a group", _gone),
            ("deflate bomb", _bomb),
            ("chunk without checksum", _unfiltered),
            ("missing chunk", _missing_chunk),
        )
    ]
    anywhere = [
        kind("links", _h5(_link), bases=_CLOSED),
        kind("cyclic links", _h5(_cycle), bases=_CLOSED),
        kind("extra objects", _h5(_extra), bases=_CLOSED),
        kind("huge attribute", _h5(_huge_attribute), bases=_CLOSED),
        kind("strange attribute", _h5(_attribute), bases=_CLOSED),
        kind("hostile texts", _h5(_text), bases=_CLOSED),
        kind("text that is no UTF-8", _h5(_text_not_utf8), bases=_CLOSED),
        kind("absurd counter", _h5(_counter), bases=_CLOSED),
        kind("absurd state", _h5(_state), bases=_CLOSED),
        kind("absurd measures", _h5(_value), bases=_ONE_FILE, rewrites=True),
        kind("absurd samples", _h5(_sample), bases=_ONE_FILE, rewrites=True),
        kind("absurd steps", _h5(_step), bases=_ONE_FILE, rewrites=True),
    ]
    # Bytes break in more ways than can be named, so they have half of the mutations.
    return [*in_bytes * 3, *structure, *anywhere]


KINDS = dict(enumerate(_kinds()))
"""Every kind of mutation, by number; some several times."""
