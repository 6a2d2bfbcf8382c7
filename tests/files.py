"""What tests of files share: small counts, and archives with their members changed."""

import io
import os
import zipfile
from pathlib import Path

import numpy as np
from scipy import sparse

DATA = Path(os.environ.get("SPARSENMF_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
MTX = "%%MatrixMarket matrix coordinate integer general\n"


def small_counts(n: int = 7, m: int = 5) -> sparse.csr_array:
    dense = np.random.default_rng(0).poisson(0.7, size=(n, m)).astype(np.int32)
    return sparse.csr_array(dense)


def rewritten(path: Path, change) -> Path:
    """The npz at `path` with its members, as raw bytes by name, changed by `change`."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def listing(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def npy(array) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, np.asarray(array))
    return file.getvalue()


def patched_header(content: bytes, old: bytes, new: bytes) -> bytes:
    assert content.count(old) == 1
    return content.replace(old, new.ljust(len(old)))


def save_csr(path: Path) -> Path:
    sparse.save_npz(path, small_counts())
    return path


def replace(name: str, array):
    return lambda members: members.__setitem__(f"{name}.npy", npy(array))
