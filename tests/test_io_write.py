"""Writing matrices: what is refused, and that nothing is lost or left behind."""

import gzip
import os
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from sparsenmf.io import read, write
from tests.test_io_formats import WORDS

COUNTS = sparse.csr_array(np.arange(35).reshape(7, 5) % 4)


def test_files_that_exist_stay_unless_forced(tmp_path):
    write(tmp_path / "X.mtx", COUNTS, column_names=WORDS)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(FileExistsError, match=r"X\.mtx exists.*force=True, --force"):
        write(tmp_path / "X.mtx", 2 * COUNTS, column_names=WORDS[::-1])
    (tmp_path / "X.mtx").unlink()
    with pytest.raises(FileExistsError, match=r"X\.vocab\.txt exists"):
        write(tmp_path / "X.mtx", 2 * COUNTS, column_names=WORDS[::-1])
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"X.vocab.txt": before["X.vocab.txt"]}
    write(tmp_path / "X.mtx", 2 * COUNTS, column_names=WORDS[::-1], force=True)
    assert read(tmp_path / "X.mtx").column_names == WORDS[::-1]


def test_names_of_an_older_file_are_not_left_to_the_new_one(tmp_path):
    write(tmp_path / "X.mtx", COUNTS, column_names=WORDS)
    with pytest.raises(
        FileExistsError, match=r"X\.vocab\.txt lies there, and would name what is in .*remove or rename"
    ):
        write(tmp_path / "X.mtx", COUNTS, force=True)


@pytest.mark.parametrize(
    ("matrix", "options", "message"),
    [
        (COUNTS / 2, {}, r"matrix\[0, 1\] = 0\.5 is no whole number, and ldac takes counts alone"),
        (-COUNTS, {}, r"matrix\[0, 1\] = -1 is the first"),
        (COUNTS * np.inf, {}, "infinity"),
        (COUNTS, {"column_names": WORDS[:3]}, "3 names for 5 columns"),
        (COUNTS, {"row_names": "aabcdef"}, "rows number 1 and 2 both have the name 'a'"),
        (COUNTS, {"row_names": ["a\nb", *"bcdefg"]}, r"'a\\nb' holds a line end"),
    ],
)
def test_matrices_that_a_count_format_does_not_take(tmp_path, matrix, options, message):
    with np.errstate(invalid="ignore"), pytest.raises(ValueError, match=message):
        write(tmp_path / "X.ldac", matrix, **options)
    assert list(tmp_path.iterdir()) == []


def test_formats_that_are_not_written(tmp_path):
    with pytest.raises(ValueError, match=r"X\.h5: its suffix names no known format\..* one of npz, mtx, .*h5ad"):
        write(tmp_path / "X.h5", COUNTS)
    with pytest.raises(ValueError, match="unknown format '10x': choose one of npz, mtx"):
        write(tmp_path / "X", COUNTS, format="10x")


def test_an_unwritable_folder(tmp_path):
    folder = tmp_path / "locked"
    folder.mkdir()
    folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    if os.access(folder, os.W_OK):
        pytest.skip("this user may write everywhere")
    with pytest.raises(OSError, match=r"cannot write .*locked"):
        write(folder / "X.npz", COUNTS)


def test_an_error_while_writing_leaves_the_old_file(tmp_path, monkeypatch):
    path = write(tmp_path / "X.csv", COUNTS)
    before = path.read_bytes()

    class Full(gzip.GzipFile):
        def write(self, data):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("sparsenmf.io.source.gzip.GzipFile", Full)
    path.rename(tmp_path / "X.csv.gz")
    with pytest.raises(OSError, match=r"No space left on device\. Nothing was written"):
        write(tmp_path / "X.csv.gz", COUNTS, force=True)
    assert (tmp_path / "X.csv.gz").read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["X.csv.gz"]


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
def test_what_a_killed_process_left_is_removed_by_the_next_write(tmp_path):
    script = """
        import sys, time
        from sparsenmf.io.files import atomic_write
        with atomic_write(sys.argv[1]) as file:
            file.write(b"half")
            file.flush()
            print("half", flush=True)
            time.sleep(600)
    """
    root = Path(__file__).resolve().parents[1]
    command = [sys.executable, "-c", textwrap.dedent(script)]
    writers = [
        subprocess.Popen([*command, str(tmp_path / name)], stdout=subprocess.PIPE, cwd=root)
        for name in ("a.mtx", "b.mtx")
    ]
    try:
        assert [writer.stdout.readline() for writer in writers] == [b"half\n"] * 2
        writers[0].kill()
        writers[0].wait()
        assert len(list(tmp_path.iterdir())) == 2
        write(tmp_path / "X.mtx", COUNTS)
        left = [path for path in tmp_path.iterdir() if path.name != "X.mtx"]
        assert len(left) == 1  # that of the process that lives
        assert f"-{writers[1].pid}-" in left[0].name
        elsewhere = left[0].with_name(left[0].name.replace(left[0].name.split("-")[1], "00000000"))
        elsewhere.write_bytes(b"half")  # of another machine, whose processes are not known here
        writers[1].kill()
        writers[1].wait()
        write(tmp_path / "X.mtx", COUNTS, force=True)
        assert {path.name for path in tmp_path.iterdir()} == {"X.mtx", elsewhere.name}
    finally:
        for writer in writers:
            writer.kill()
            writer.communicate()


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no /dev/zero")
def test_devices_are_not_read():
    with pytest.raises(ValueError, match=r"/dev/zero is a device, not a file"):
        read("/dev/zero", format="ldac")
