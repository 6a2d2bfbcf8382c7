"""Texts: streamed from every kind of file, again and again; and what is said of those that are wrong."""

import gzip
import io
import json
import pickle
import sys
import tracemalloc
from pathlib import Path
from types import SimpleNamespace

import pytest

from sparsenmf.io import read, read_texts
from sparsenmf.io.source import packing_writer

TEXTS = ["the ark", "", 'rain, "heavy" rain', "über\tden Wassern", "line one\nline two", "水"]
LINES = [text for text in TEXTS if "\n" not in text]
IDS = [f"d{i}" for i in range(len(TEXTS))]


def jsonl(texts=TEXTS, **more) -> str:
    return "".join(
        json.dumps({"id": f"d{i}", "text": text, "date": 2000 + i} | more) + "\n" for i, text in enumerate(texts)
    )


def csv_text(delimiter: str = ",") -> str:
    rows = [("id", "text", "date"), *((f"d{i}", text, str(2000 + i)) for i, text in enumerate(TEXTS))]
    quoted = [[f'"{cell}"' for cell in (cell.replace('"', '""') for cell in row)] for row in rows]
    return "".join(delimiter.join(row) + "\n" for row in quoted)


def packed(path: Path, text: str) -> Path:
    if path.suffix == ".zst" and sys.version_info < (3, 14):
        pytest.importorskip("backports.zstd", reason="zstd needs backports.zstd")
    with path.open("wb") as file, packing_writer(file, path.name) as out:
        out.write(text.encode())
    return path


# --- what is read -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
def test_a_document_a_line(tmp_path, suffix):
    texts = read_texts(packed(tmp_path / f"a.txt{suffix}", "\n".join(LINES)))
    assert list(texts) == LINES
    assert list(texts) == LINES  # as often as one likes
    assert (texts.columns, texts.column, texts.ids()) == ((), None, None)
    assert [document.line for document in texts.documents()] == [1, 2, 3, 4, 5]


def test_windows_line_ends_a_mark_and_other_separators(tmp_path):
    (tmp_path / "a.txt").write_bytes("\ufeffone\r\ntwo\u2028still two\x0b\x85\r\n\r\nfour".encode())
    assert list(read_texts(tmp_path / "a.txt")) == ["one", "two\u2028still two\x0b\x85", "", "four"]


@pytest.mark.parametrize("suffix", [".jsonl", ".ndjson", ".jsonl.gz", ".csv", ".csv.zst", ".tsv"])
def test_documents_in_a_column(tmp_path, suffix):
    content = jsonl() if "json" in suffix else csv_text("\t" if "tsv" in suffix else ",")
    texts = read_texts(packed(tmp_path / f"a{suffix}", content), column="text", id_column="id")
    assert list(texts) == TEXTS
    assert texts.columns == ("id", "text", "date")
    assert texts.ids() == tuple(IDS)
    assert list(map(int, texts.values("date"))) == [2000 + i for i in range(len(TEXTS))]
    first = next(texts.documents())
    assert (first.text, first.id, int(first.fields["date"])) == ("the ark", "d0", 2000)
    assert texts.head(2) == TEXTS[:2]


def test_the_column_is_found_where_there_is_no_choice(tmp_path):
    (tmp_path / "a.jsonl").write_text(jsonl())
    (tmp_path / "b.csv").write_text("body\nrain\n")
    assert read_texts(tmp_path / "a.jsonl").column == "text"
    assert list(read_texts(tmp_path / "b.csv")) == ["rain"]


def test_a_file_each_in_a_folder(tmp_path):
    for name, text in {
        "b/2.txt": "two",
        "a/1.txt": "one\nmore",
        "a/10": "ten",
        "c.md": "sea",
        ".hidden/x.txt": "no",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "b" / "3.txt.gz").write_bytes(gzip.compress(b"three"))
    (tmp_path / "picture.png").write_bytes(b"\x89PNG")
    texts = read_texts(tmp_path)
    assert list(texts) == list(texts) == ["one\nmore", "ten", "two", "three", "sea"]
    assert texts.ids() == ("a/1.txt", "a/10", "b/2.txt", "b/3.txt.gz", "c.md")
    assert texts.values("folder") == ["a", "a", "b", "b", "."]


def test_a_cell_longer_than_the_csv_modules_limit(tmp_path):
    (tmp_path / "a.csv").write_text(f'text\n"{"rain " * 50_000}"\n')
    assert len(next(iter(read_texts(tmp_path / "a.csv")))) == 250_000


def test_missing_and_empty_texts_stay_in_their_place(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": null}\n\n{"text": ""}\n{"text": "rain"}\n')
    assert list(read_texts(tmp_path / "a.jsonl")) == ["", "", "rain"]


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16", "utf-32", "shift_jis"])
def test_other_encodings(tmp_path, encoding):
    texts = ["naïve café", "b"] if "jis" not in encoding else ["水と光", "b"]
    (tmp_path / "a.txt").write_bytes("\n".join(texts).encode(encoding))
    assert list(read_texts(tmp_path / "a.txt", encoding=encoding)) == texts


def test_standard_input_can_be_read_twice_and_leaves_no_file(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(gzip.compress(b"one\ntwo\n"))))
    texts = read_texts("-")
    assert list(texts) == list(texts) == ["one", "two"]
    assert len(list(tmp_path.iterdir())) == 1
    del texts
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(jsonl().encode())))
    assert list(read_texts("-", column="text", format="jsonl")) == TEXTS
    with pytest.raises(ValueError, match='"-" has no suffix'):
        read_texts("-", column="text")


def test_batches_are_work_of_equal_size(tmp_path):
    (tmp_path / "a.txt").write_text("x" * 10 + "\n" + "y\n" * 25)
    batches = list(read_texts(tmp_path / "a.txt").batches(n_characters=10, n_documents=12))
    assert [len(batch) for batch in batches] == [1, 10, 10, 5]
    assert [document.line for batch in batches for document in batch] == list(range(1, 27))


def test_texts_can_be_sent_to_other_processes(tmp_path):
    (tmp_path / "a.jsonl").write_text(jsonl())
    texts = pickle.loads(pickle.dumps(read_texts(tmp_path / "a.jsonl", id_column="id")))
    assert list(texts) == TEXTS


@pytest.mark.parametrize("name", ["a.txt", "a.jsonl.gz", "a.csv"])
def test_a_large_file_is_never_held(tmp_path, name):
    line = "in the beginning was the word " * 20
    text = {"a.txt": f"{line}\n", "a.csv": f'"{line}"\n', "a.jsonl.gz": json.dumps({"text": line}) + "\n"}[name]
    packed(tmp_path / name, ("text\n" if name == "a.csv" else "") + text * 20_000)
    texts = read_texts(tmp_path / name, column=None if name == "a.txt" else "text")
    tracemalloc.start()
    try:
        assert sum(len(text) for text in texts) == len(line) * 20_000  # 12 MB
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()


# --- what is refused --------------------------------------------------------------------------------------------------


def test_a_column_that_is_not_there_lists_those_that_are(tmp_path):
    (tmp_path / "a.csv").write_text(csv_text())
    (tmp_path / "a.jsonl").write_text(jsonl())
    for name in ("a.csv", "a.jsonl"):
        with pytest.raises(
            ValueError, match=r"a\.\w+: there is no column 'body'. The columns are: 'id', 'text', 'date'"
        ):
            read_texts(tmp_path / name, column="body")
        with pytest.raises(ValueError, match=r"there is no column 'key'. The columns are: 'id', 'text', 'date'"):
            read_texts(tmp_path / name, column="text", id_column="key")
        with pytest.raises(ValueError, match=r"there is no column 'year'. The columns are: 'id'"):
            read_texts(tmp_path / name).values("year")
    (tmp_path / "b.csv").write_text("id;body\n1;rain\n")
    with pytest.raises(ValueError, match=r"there is no column 'body'. The columns are: 'id;body'"):
        read_texts(tmp_path / "b.csv", column="body")
    assert list(read_texts(tmp_path / "b.csv", column="body", delimiter=";")) == ["rain"]
    (tmp_path / "c.csv").write_text("id,body\n1,rain\n")
    with pytest.raises(ValueError, match=r"which column holds the text.*--column.*'id', 'body'"):
        read_texts(tmp_path / "c.csv")
    (tmp_path / "d.txt").write_text("rain\n")
    with pytest.raises(ValueError, match=r"a document a line has no columns.*format=\"csv\""):
        read_texts(tmp_path / "d.txt", column="text")


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("a.txt", [b"ok", b"ok", b"caf\xe9 noir"]),
        ("a.csv", [b"text", b"ok", b"caf\xe9 noir"]),
        ("a.jsonl", [b'{"text": "ok"}', b'{"text": "ok"}', b'{"text": "caf\xe9 noir"}']),
    ],
)
def test_invalid_utf8_is_named_with_its_line(tmp_path, name, lines):
    path = tmp_path / name
    path.write_bytes(b"\n".join(lines) + b"\n")
    after = lines[2].index(b"\xe9")
    with pytest.raises(
        ValueError, match=rf"{name}: line 3 is not UTF-8 text: byte 0xe9 after {after} bytes.*--encoding latin-1"
    ):
        list(read_texts(path))
    assert list(read_texts(path, encoding="latin-1"))[-1] == "café noir"
    assert list(read_texts(path, errors="replace"))[-1] == "caf\ufffd noir"
    assert list(read_texts(path, errors="ignore"))[-1] == "caf noir"


def test_the_line_is_right_far_into_a_file_and_a_character_cut_by_a_chunk(tmp_path):
    line = "ü" * 33 + "\n"
    text = (line * 20_000).encode()
    (tmp_path / "a.txt").write_bytes(text)
    assert sum(1 for _ in read_texts(tmp_path / "a.txt")) == 20_000
    (tmp_path / "a.txt").write_bytes(text + b"ab\xff\n" + text)
    with pytest.raises(ValueError, match="line 20,001 is not UTF-8 text: byte 0xff after 2 bytes"):
        list(read_texts(tmp_path / "a.txt"))


def test_utf16_is_recognised(tmp_path):
    (tmp_path / "a.txt").write_bytes("rain\n".encode("utf-16"))
    with pytest.raises(ValueError, match=r"the text is UTF-16, not UTF-8: .*--encoding utf-16"):
        list(read_texts(tmp_path / "a.txt"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"encoding": "klingon"}, "unknown encoding 'klingon'"),
        ({"encoding": "hex"}, "'hex' is no encoding of text"),
        ({"errors": "lose"}, 'errors must be "strict", "replace" or "ignore"'),
        ({"format": "npz"}, "unknown format 'npz': choose one of csv, tsv, jsonl, txt, folder"),
        ({"max_bytes": 0}, "max_bytes must be"),
    ],
)
def test_arguments_that_are_wrong(tmp_path, options, message):
    (tmp_path / "a.txt").write_text("rain\n")
    with pytest.raises(ValueError, match=message):
        read_texts(tmp_path / "a.txt", **options)


BAD_JSONL = {
    "no JSON": ('{"text": "a"}\n{"text": "b"\n', "line 2 is no JSON .*each line must be one whole object"),
    "an array of objects": ('[{"text": "a"}]\n', "line 1 is no JSON object"),
    "a string": ('"a"\n', "line 1 is no JSON object"),
    "the key is missing": ('{"text": "a"}\n{"body": "b"}\n', "line 2 has no 'text'. Its keys are: 'body'"),
    "a number": ('{"text": "a"}\n{"text": 7}\n', "line 2: 'text' is no text, but 7"),
    "a list": ('{"text": ["a", "b"]}\n', r"line 1: 'text' is no text, but \['a', 'b'\]"),
    "nested without end": ('{"text": "a"}\n' + "[" * 100_000 + "\n", "line 2 is no JSON"),
    "half a character": ('{"text": "a \\ud800"}\n', r"line 1: 'text' holds half of a character, '\\ud800'"),
    "empty": ("", "the file is empty"),
}


@pytest.mark.parametrize("case", BAD_JSONL)
def test_jsonl_that_is_wrong(tmp_path, case):
    text, message = BAD_JSONL[case]
    (tmp_path / "a.jsonl").write_text(text)
    with pytest.raises(ValueError, match=message) as error:
        list(read_texts(tmp_path / "a.jsonl"))
    assert str(tmp_path / "a.jsonl") in str(error.value)


BAD_CSV = {
    "an open quote": ('text,n\n"rain,1\nsea,2\n', "the row that begins in line 2 is no valid CSV"),
    "a quote inside": ('text,n\n"rain" and sea,1\n', "line 2 is no valid CSV.*written twice"),
    "too few cells": ("text,n\na,1\nb\n", "line 3 has 1 cells, and the first row 2"),
    "too many cells": ("text,n\na,1\nb,c,2\n", "line 3 has 3 cells"),
    "two columns of one name": ("text,text\na,b\n", "both have the name 'text'"),
    "empty": ("", "not even a line of column names"),
}


@pytest.mark.parametrize("case", BAD_CSV)
def test_csv_that_is_wrong(tmp_path, case):
    text, message = BAD_CSV[case]
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(ValueError, match=message) as error:
        list(read_texts(tmp_path / "a.csv", column="text"))
    assert str(tmp_path / "a.csv") in str(error.value)


def test_quotes_that_are_characters_like_others(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_text('id\ttext\n1\t"AGENT" K is a "comedy"\n2\train" fell\n')
    for act in (lambda: list(read_texts(path)), lambda: list(read(path, column="text"))):
        with pytest.raises(ValueError, match=r"line 2 is no valid CSV .*quoting=\"none\", --quoting none"):
            act()
    assert list(read_texts(path, quoting="none")) == ['"AGENT" K is a "comedy"', 'rain" fell']
    assert list(read(path, column="text", quoting="none")) == ['"AGENT" K is a "comedy"', 'rain" fell']
    with pytest.raises(ValueError, match=r'quoting must be "double" .* or "none" .*got \'single\''):
        read_texts(path, quoting="single")
    (tmp_path / "counts.csv").write_text(',"a,b\n"x,1,2\n')
    found = read(tmp_path / "counts.csv", quoting="none")
    assert (found.row_names, found.column_names) == (('"x',), ('"a', "b"))
    assert found.toarray().tolist() == [[1, 2]]


def test_ids_that_stand_twice_are_named_with_both_lines(tmp_path):
    (tmp_path / "a.jsonl").write_text(jsonl(["a", "b", "c"], id="same"))
    with pytest.raises(ValueError, match="lines 1 and 2 have the same id 'same'"):
        list(read_texts(tmp_path / "a.jsonl", id_column="id"))
    assert list(read_texts(tmp_path / "a.jsonl")) == ["a", "b", "c"]  # without ids nothing is wrong
    (tmp_path / "b.jsonl").write_text(jsonl(["a"], id=None))
    with pytest.raises(ValueError, match="line 1: the id 'id' is None"):
        list(read_texts(tmp_path / "b.jsonl", id_column="id"))


def test_numbers_are_ids_too(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"id": 7, "text": "a"}\n{"id": 8, "text": "b"}\n')
    assert read_texts(tmp_path / "a.jsonl", id_column="id").ids() == ("7", "8")


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_packed_texts_that_are_cut_short_or_bombs(tmp_path, suffix):
    path = packed(tmp_path / f"a.txt{suffix}", "rain\n" * 100_000)
    with pytest.raises(ValueError, match=r"unpack to more than 100,000, which hardly a file of use does.*max_bytes"):
        list(read_texts(path, max_bytes=100_000))
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(ValueError, match=r"a\.txt.*damaged or was cut short"):
        list(read_texts(path))


def test_a_bomb_is_refused_before_its_first_text_and_a_cut_file_is_no_bomb(tmp_path):
    path = packed(tmp_path / "a.txt.gz", "rain\n" * 100_000)
    with pytest.raises(ValueError, match="unpack to more than 100,000"):
        next(iter(read_texts(path, max_bytes=100_000)))
    assert len(list(read_texts(path, max_bytes=500_000))) == 100_000
    path.write_bytes(path.read_bytes()[:-5] + b"\xff" * 4)  # as if it announced 4 GiB
    with pytest.raises(ValueError, match=r"damaged or was cut short"):
        next(iter(read_texts(path, max_bytes=500_000)))


def test_a_line_without_end_is_not_held(tmp_path, monkeypatch):
    monkeypatch.setattr("sparsenmf.io.lines.LONGEST", 1 << 19)
    (tmp_path / "a.txt").write_text("short\n" + "x" * (1 << 21))
    with pytest.raises(ValueError, match="line 2 is longer than 524,288 characters"):
        list(read_texts(tmp_path / "a.txt"))
    (tmp_path / "a.ldac").write_text("1 0:1\n1 0:" + "1" * (1 << 21))
    with pytest.raises(ValueError, match=r"a\.ldac: line 2 is longer"):
        read(tmp_path / "a.ldac")


def test_folders_and_files_that_are_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.txt does not exist"):
        read_texts(tmp_path / "nowhere.txt")
    with pytest.raises(IsADirectoryError, match=r"a folder without text files \(\.txt\), and no 10x folder"):
        read_texts(tmp_path)
    (tmp_path / "a.txt").write_text("rain\n")
    (tmp_path / "b.txt").write_bytes(b"ok\n\xff\n")
    with pytest.raises(ValueError, match=r"b\.txt: line 2 is not UTF-8"):
        list(read_texts(tmp_path))
    with pytest.raises(ValueError, match="a folder of texts has no columns"):
        read_texts(tmp_path, column="text")
