"""Files that are wrong: one error that names the file, the place, the value and what to do; and nothing left behind."""

import io
import sys
import zipfile

import numpy as np
import pytest
from scipy import sparse

from sparsenmf.io import load_model, read, write
from tests.test_io_formats import WORDS, needs, refused, same

COUNTS = sparse.csr_array(np.arange(35).reshape(7, 5) % 4)


# --- text formats: (file, text, options, message) ---------------------------------------------------------------------

DOCWORD, LDAC, SVM, CSV = "docword.x.txt", "X.ldac", "X.svmlight", "X.csv"
HEAD = "2\n3\n2\n"
BAD_TEXT = {
    "fewer entries than announced": (DOCWORD, HEAD + "1 1 5\n", "Truncated file.*2 rows, 3 columns and 2 entries"),
    "more entries than announced": (DOCWORD, HEAD + "1 1 5\n2 2 1\n2 3 1\n", "Line 6: Too many lines"),
    "a document too many": (DOCWORD, HEAD + "1 1 5\n3 2 1\n", "Line 5: Row index out of bounds"),
    "a word beyond the vocabulary": (DOCWORD, HEAD + "1 4 5\n2 2 1\n", "Line 4: Column index out of bounds"),
    "words from zero": (DOCWORD, HEAD + "1 0 5\n2 2 1\n", "Line 4: Column index out of bounds"),
    "a negative count": (DOCWORD, HEAD + "1 1 5\n2 2 -1\n", "line 5 is '2 2 -1', not a document, a word and a count"),
    "a fraction": (DOCWORD, HEAD + "1 1 0.5\n2 2 1\n", "line 4 is '1 1 0.5', not a document"),
    "a word for a count": (DOCWORD, HEAD + "1 1 5\n2 2 one\n", "line 5 is '2 2 one'"),
    "no count": (DOCWORD, HEAD + "1 1\n2 2 1\n", "line 4 is '1 1'|has 2: mend"),
    "no header": (DOCWORD, "1 1 5\n2 2 1\n", "line 1 must give the number of documents, and is '1 1 5'"),
    "half a header": (DOCWORD, "2\n3\n1 1 5\n", "line 3 must give the number of entries, and is '1 1 5'"),
    "an absurd header": (DOCWORD, "2\n3\n" + "9" * 25 + "\n1 1 5\n", "9,999,999 entries would take"),
    "too many documents": (DOCWORD, f"{10**9}\n3\n1\n1 1 5\n", "would take 8,000,000,024 bytes|this machine has"),
    "no documents": (DOCWORD, "0\n3\n0\n", "announces 0 documents and 3 words"),
    "ldac: fewer terms than announced": (LDAC, "1 0:1\n3 0:1 1:2\n", "line 2 announces 3 terms and has 2: it was cut"),
    "ldac: more terms than announced": (LDAC, "1 0:1 1:2\n", "line 1 announces 1 terms and has 2"),
    "ldac: a negative count": (
        LDAC,
        "2 0:1 1:-2\n",
        "line 1, item 3 is '1:-2', and should be term:count.*none negative",
    ),
    "ldac: a fraction": (LDAC, "1 0:1.5\n", "line 1, item 2 is '0:1.5'"),
    "ldac: no colon": (LDAC, "2 0:1\n1 7\n", "line 1 announces 2 terms|line 2, item 2 is '7'"),
    "ldac: a word": (LDAC, "x 0:1\n", "line 1, item 1 is 'x', and should be the number of terms"),
    "ldac: an empty line": (LDAC, "1 0:1\n\n1 1:1\n", "line 2 is empty: a document without words is a line '0'"),
    "ldac: empty": (LDAC, "", "the file is empty"),
    "ldac: beyond 64 bits": (LDAC, f"1 0:{2**63}\n", "line 1 holds a number beyond 64 bits"),
    "ldac: an absurd term": (LDAC, "1 999999999999:1\n", "highest term is 999,999,999,999"),
    "svmlight: a word": (SVM, "1 1:2\n1 a:2\n", "line 2, item 2 is 'a:2', and should be column:value"),
    "svmlight: a label that is none": (SVM, "x 1:2\n", "line 1, item 1 is 'x', and should be a label"),
    "svmlight: unsorted": (SVM, "1 1:2\n1 3:1 2:4\n", "line 2 has the column 2 after the column 3"),
    "svmlight: repeated": (SVM, "1 3:1 3:4\n", "line 1 has the column 3 after the column 3.*Sort them and sum"),
    "svmlight: C's numbers": (SVM, "1 1:0x10\n", "'1:0x10'"),
    "svmlight: an absurd column": (SVM, "1 99999999999:1\n", "column 99,999,999,999, beyond 32 bits"),
    "svmlight: empty": (SVM, "# nothing\n", "the file is empty"),
    "csv: a word": (CSV, ",x,y\na,1,2\nb,one,0\n", r"line 3, column 2 \('x'\) is 'one', and should be a number"),
    "csv: a negative count": (CSV, "x,y\n1,-2\n", r"line 2, column 2 \('y'\) is '-2'.*not negative"),
    "csv: not a number": (CSV, "x,y\n1,nan\n", "is 'nan', and should be"),
    "csv: infinite": (CSV, "x,y\n1,1e999\n", "is '1e999'"),
    "csv: thousands": (CSV, "x,y\n1,1_000\n", "is '1_000'"),
    "csv: an empty cell": (CSV, "x,y\n1,\n", r"line 2, column 2 \('y'\) is empty: write 0 where there is nothing"),
    "csv: a short row": (CSV, ",x,y\na,1,2\nb,1\n", "line 3 has 2 cells, and the first row 3"),
    "csv: duplicate ids": (CSV, ",x,y\na,1,2\nb,1,0\na,0,0\n", "rows number 1 and 3 both have the name 'a'"),
    "csv: duplicate columns": (CSV, ",x,x\na,1,2\n", "columns number 1 and 2 both have the name 'x'"),
    "csv: names alone": (CSV, "a,b\n", "no row of numbers"),
    "csv: one column of names": (CSV, "id\na\n", "no column of numbers: is the delimiter another one"),
    "csv: empty": (CSV, "", "the file is empty"),
    "csv: an open quote": (CSV, 'x,y\n1,2\n"3,4\n', "the row that begins in line 3 is no valid CSV"),
}


@pytest.mark.parametrize("pack", ["", ".gz", ".zst"])
@pytest.mark.parametrize("case", BAD_TEXT)
def test_text_that_is_wrong(tmp_path, case, pack):
    name, text, message = BAD_TEXT[case]
    needs(pack)
    path = tmp_path / (name + pack)
    path.write_bytes(packed(text.encode(), pack))
    refused(path, message)


def packed(content: bytes, pack: str) -> bytes:
    from sparsenmf.io.source import packing_writer

    file = io.BytesIO()
    with packing_writer(file, pack) as out:
        out.write(content)
    return file.getvalue()


def test_text_that_is_not_utf8(tmp_path):
    (tmp_path / "X.csv").write_bytes("wort,häufig\n1,2\n".encode("latin-1"))
    refused(tmp_path / "X.csv", r'line 1 is not UTF-8 text: byte 0xe4 after 6 bytes of it.*encoding="latin-1"')
    assert read(tmp_path / "X.csv", encoding="latin-1").column_names == ("wort", "häufig")
    refused(tmp_path / "X.csv", "unknown encoding 'klingon'", encoding="klingon")
    refused(tmp_path / "X.csv", "'rot13' is no encoding of text", encoding="rot13")


@pytest.mark.parametrize("name", ["X.mtx", "docword.x.txt", "X.ldac", "X.svmlight", "X.csv"])
@pytest.mark.parametrize("pack", [".gz", ".zst"])
@pytest.mark.parametrize("keep", [-1, -9, 12])
def test_packed_files_cut_short(tmp_path, name, pack, keep):
    needs(pack)
    path = write(tmp_path / (name + pack), COUNTS)
    path.write_bytes(path.read_bytes()[:keep])
    refused(path, "damaged or was cut short: copy or write it again|empty")


def test_packed_files_with_something_behind(tmp_path):
    needs(".zst")
    for pack in (".gz", ".zst"):
        path = write(tmp_path / f"X.ldac{pack}", COUNTS)
        whole = path.read_bytes()
        path.write_bytes(whole + packed(b"1 0:5\n", pack))  # a second member is part of the file
        assert same(read(path), sparse.vstack([COUNTS, sparse.csr_array([[5, 0, 0, 0, 0]])]))
        path.write_bytes(whole + b"junk")
        refused(path, "damaged or was cut short")


# --- names ------------------------------------------------------------------------------------------------------------


def test_names_that_do_not_fit_the_matrix(tmp_path):
    path = write(tmp_path / "X.mtx", COUNTS, column_names=WORDS)
    (tmp_path / "X.vocab.txt").write_text("a\nb\n")
    with pytest.raises(ValueError, match=r"X\.vocab\.txt: 2 names for 5 columns"):
        read(path)
    (tmp_path / "ids.txt").write_text("a\nb\n")
    with pytest.raises(ValueError, match=r"ids\.txt: 2 names for 7 rows"):
        read(path, vocab=WORDS, rows=tmp_path / "ids.txt")
    refused(path, "2 names for 7 rows", vocab=WORDS, rows=["a", "b"])


def test_ids_that_stand_twice(tmp_path):
    path = write(tmp_path / "X.mtx", COUNTS)
    (tmp_path / "ids.txt").write_text("a\nb\nc\nb\nd\na\ne\n")
    with pytest.raises(ValueError, match=r"ids\.txt: the rows number 1 and 6 both have the name 'a' \(1 more"):
        read(path, rows=tmp_path / "ids.txt")


@pytest.mark.parametrize("name", ["X.ldac", "X.svmlight"])
def test_a_vocabulary_that_is_too_short(tmp_path, name):
    path = write(tmp_path / name, COUNTS)
    refused(path, r"vocabulary 4 words|4 names", vocab=list("abcd"))


# --- bombs ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pack", [".gz", ".zst"])
@pytest.mark.parametrize("name", ["X.csv", "X.ldac", "X.svmlight", "X.mtx", "docword.x.txt"])
def test_what_unpacks_to_more_than_allowed_is_refused_while_it_is_read(tmp_path, name, pack):
    needs(pack)
    head = {
        "X.mtx": "%%MatrixMarket matrix coordinate integer general\n2 2 500000\n",
        "docword.x.txt": "2\n2\n500000\n",
    }
    line = {"X.csv": "1,1\n", "X.ldac": "1 1:1\n", "X.svmlight": "1 2:1\n"}.get(name, "1 1 1\n")
    path = tmp_path / (name + pack)
    path.write_bytes(packed((head.get(name, "") + line * 500_000).encode(), pack))
    assert path.stat().st_size < 20_000
    refused(path, "unpack to more than 1,000,000.*max_bytes|would take|more than a file of this size", max_bytes=10**6)
    assert read(path, max_bytes=10**8).shape[1] == 2


def test_the_limit_is_a_gibibyte_or_a_hundred_times_the_file():
    from sparsenmf.io.source import unpack_limit

    assert unpack_limit(1000, None) == 1 << 30
    assert unpack_limit(10**9, None) == 10**11
    assert unpack_limit(10**9, 5) == 5
    for wrong in (0, -1, 1.5, True, "1G"):
        with pytest.raises(ValueError, match="max_bytes must be a number of bytes"):
            unpack_limit(1, wrong)


def test_an_npz_that_claims_more_than_allowed_is_refused_before_it_is_unpacked(tmp_path):
    path = tmp_path / "X.npz"
    np.savez_compressed(path, X=np.zeros((1000, 1250)))
    assert path.stat().st_size < 20_000
    refused(path, r"its arrays would take 10,000,128 bytes.*1,000,000 are allowed.*max_bytes=10000128", max_bytes=10**6)
    assert read(path, max_bytes=10_000_128).shape == (1000, 1250)


def test_a_model_that_claims_a_gigabyte_is_refused_before_it_is_unpacked(tmp_path):
    path = tmp_path / "model.npz"
    factor = io.BytesIO()
    np.lib.format.write_array_header_1_0(factor, {"descr": "<f4", "fortran_order": False, "shape": (1 << 15, 1 << 14)})
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("H.npy", "w", force_zip64=True) as file,
    ):
        file.write(factor.getvalue())
        for _ in range(1 << 7):
            file.write(bytes(1 << 24))
    with pytest.raises(ValueError, match=r"its arrays would take 2,147,483,776 bytes|this machine has"):
        load_model(path)


# --- Parquet ----------------------------------------------------------------------------------------------------------


def test_parquet_that_is_wrong(tmp_path):
    pa = pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "X.parquet"

    def table(**columns):
        pq.write_table(pa.table(columns), path)

    table(user=[0, 1], item=["a", "b"], stars=[1, 2], when=[0, 0])
    refused(path, "Name the three.*The columns are: 'user', 'item', 'stars', 'when'")
    refused(path, "there is no column 'count'. The columns are: 'user'", triples=("user", "item", "count"))
    refused(path, "must name three columns", triples="abc")
    refused(path, "the column 'item' holds string, and should hold numbers", triples=("user", "stars", "item"))
    table(a=[0, None], b=["x", "y"], c=[1, 2])
    refused(path, "the column 'a' has 1 missing values")
    table(a=[0, -1], b=["x", "y"], c=[1, 2])
    refused(path, "entry 2 has the row -1: places are numbered from 0")
    table(a=[0, 1], b=["x", "y"], c=[1.0, float("nan")])
    refused(path, "entry 2 has the value nan")
    table(a=[0, 1], b=["x", "y"], c=[-1, 1])
    refused(path, "entry 1 has the value -1")
    table(a=[0.5, 1], b=["x", "y"], c=[1, 1])
    refused(path, r"the column 'a' holds double, and should hold places \(integers\) or names")
    table(a=[10**15], b=[0], c=[1])
    refused(path, "a matrix of 1,000,000,000,000,001 rows would take|this machine has")
    path.write_bytes(path.read_bytes()[:-20])
    refused(path, r"[Pp]arquet.*[Cc]opy or write it again")
    path.write_bytes(b"a,b,c\n")
    refused(path, "this is no Parquet file")


# --- packages that are not there --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "package", "extra"),
    [
        ("X.h5ad", "anndata", "anndata"),
        ("X.h5", "h5py", "hdf5"),
        ("X.parquet", "pyarrow", "arrow"),
    ],
)
def test_a_missing_package_is_named_with_its_extra(tmp_path, monkeypatch, name, package, extra):
    monkeypatch.setitem(sys.modules, package, None)
    (tmp_path / name).write_bytes(b"\x89HDF\r\n\x1a\n")
    with pytest.raises(ImportError, match=rf'pip install "sparsenmf\[{extra}\]"'):
        read(tmp_path / name)


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="Python has zstd itself")
def test_zstd_without_its_package(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "backports.zstd", None)
    (tmp_path / "X.ldac.zst").write_bytes(b"\x28\xb5\x2f\xfd")
    for act in (lambda: read(tmp_path / "X.ldac.zst"), lambda: write(tmp_path / "Y.ldac.zst", COUNTS)):
        with pytest.raises(ImportError, match=r'pip install "sparsenmf\[zstd\]"'):
            act()
    assert [path.name for path in tmp_path.iterdir()] == ["X.ldac.zst"]


def test_writing_h5ad_without_anndata(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "anndata", None)
    with pytest.raises(ImportError, match=r'pip install "sparsenmf\[anndata\]"'):
        write(tmp_path / "X.h5ad", COUNTS)
    assert list(tmp_path.iterdir()) == []
