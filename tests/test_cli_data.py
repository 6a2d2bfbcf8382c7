"""The commands that go from data to data: fit and topics of texts, transform, evaluate, convert and others."""

import gzip
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

pytest.importorskip("click")
pytest.importorskip("rich")

import sparsenmf
from sparsenmf.cli import main
from sparsenmf.io import Model, load_model, save_model
from tests.conftest import ROOT, TEXTS, refused_in_one_line

pytestmark = pytest.mark.usefixtures("own_folder")


# --- texts ------------------------------------------------------------------------------------------------------------


def test_topics_from_texts_to_a_model_in_one_command(news, capsys):
    arguments = ["topics", news, "--column", "body", "--id-column", "id", "-k", "2", "-o", "model.npz", "--json"]
    assert main(arguments) == 0
    out, err = capsys.readouterr()
    words = [{word["name"] for word in topic["words"]} for topic in json.loads(out)["topics"]]
    assert sorted(map(sorted, words)) == [["bond", "fund", "stock"], ["cat", "dog", "pet"]]
    assert "Wrote model.npz" in err
    saved = load_model("model.npz")
    assert saved.vocabulary == ("bond", "cat", "dog", "fund", "pet", "stock")  # no stop words, each in two texts
    assert saved.rows == tuple(f"n{i}" for i in range(6))
    assert saved.params["counting"]["stop_words"] == ["english"]


def test_counting_options_choose_the_words(news):
    given = ["convert", news, "c.npz", "--column", "body", "-f", "-q"]
    assert main([*given, "--stop-words", "none", "--min-df", "1", "--max-df", "1.0"]) == 0
    assert {"the", "and", "bond"} <= set(sparsenmf.read("c.npz").column_names)
    Path("mine.txt").write_text("Bond\nstock\n")
    assert main([*given, "--stop-words", "english", "--stop-words", "mine.txt", "--max-features", "2"]) == 0
    assert len(sparsenmf.read("c.npz").column_names) == 2
    assert not {"the", "bond", "stock"} & set(sparsenmf.read("c.npz").column_names)
    assert main([*given, "--min-df", "0.5", "--max-df", "1.0"]) == 0
    assert set(sparsenmf.read("c.npz").column_names) == {"bond", "dog"}


def test_new_texts_are_counted_by_the_models_words(news, capsys):
    assert main(["fit", news, "--column", "body", "-k", "2", "-o", "model.npz", "-q"]) == 0
    Path("new.txt").write_text("dog cat unheard\nnothing known\n")
    assert main(["transform", "model.npz", "new.txt", "--proportions", "-o", "w.npy"]) == 0
    assert "1 rows have nothing in common" in capsys.readouterr().err
    W = np.load("w.npy")
    np.testing.assert_allclose(W.sum(axis=1), [1, 0], rtol=1e-5)


# --- transform --------------------------------------------------------------------------------------------------------


def test_transform_gives_what_solve_rows_gives_with_names(model, named_counts, counts):
    from sparsenmf.factorization import solve_rows

    assert main(["transform", model, named_counts, "-o", "w.npz", "-q"]) == 0
    W = sparsenmf.read("w.npz")
    np.testing.assert_array_equal(W.toarray(), solve_rows(counts, load_model(model).H))
    assert W.row_names[59] == "row59"
    assert W.column_names == ("topic0", "topic1", "topic2")


def test_transform_matches_columns_by_name(model, counts, capsys):
    order = np.random.default_rng(0).permutation(40)
    shuffled = sparse.hstack([sparse.csr_array(counts)[:, order], sparse.csr_array(np.ones((60, 2)))], format="csr")
    sparsenmf.write("Y.npz", shuffled, column_names=[*(f"word{j}" for j in order), "new", "newer"])
    for name in ("X.npz", "Y.npz"):
        assert main(["transform", model, name, "-o", f"w{name}.npy"]) == 0
    assert "40 of the model's 40; 2 unknown ones left out" in capsys.readouterr().err
    np.testing.assert_allclose(np.load("wX.npz.npy"), np.load("wY.npz.npy"), atol=1e-6)


def test_transform_to_standard_output_is_a_table(model, named_counts, capfdbinary):
    assert main(["transform", model, named_counts, "-o", "-", "-q"]) == 0
    lines = capfdbinary.readouterr().out.decode().splitlines()
    assert lines[0].split("\t")[1:] == ["topic0", "topic1", "topic2"]
    assert len(lines) == 61


# --- evaluate, convert, read-info, bench ------------------------------------------------------------------------------


def test_evaluate_measures_what_the_library_measures(model, named_counts, counts, capsys):
    assert main(["evaluate", model, named_counts, "--json", "-q"]) == 0
    facts = json.loads(capsys.readouterr().out)
    fitted = load_model(model)
    expected = sparsenmf.objective(counts, fitted.W, fitted.H)
    assert facts["objective"] == pytest.approx(expected)
    assert facts["deviance_per_token"] == pytest.approx(2 * expected / counts.sum())
    assert facts["kkt"] == pytest.approx(sparsenmf.kkt_residual(counts, fitted.W, fitted.H))
    assert facts["zeros_of_W"] == pytest.approx(np.mean(fitted.W == 0))
    assert -1 <= facts["npmi"] <= 1
    assert 0 < facts["diversity"] <= 1


def test_evaluate_solves_for_new_rows(model, counts, capsys):
    sparsenmf.write("new.npz", sparse.csr_array(counts)[:20])
    assert main(["evaluate", model, "new.npz", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["weights"] == "solved"
    assert main(["evaluate", model, "X.npz", "--new-rows"]) == 0
    assert re.search(r"weights +solved", capsys.readouterr().out)


def test_convert_keeps_entries_and_names(named_counts, counts):
    for name in ("X.mtx.gz", "X.csv", "docword.x.txt"):
        assert main(["convert", named_counts, name, "-q"]) == 0
        back = sparsenmf.read(name)
        assert (back != counts).nnz == 0
        assert back.column_names[39] == "word39"


def test_convert_turns(named_counts):
    assert main(["convert", named_counts, "T.npz", "--transpose"]) == 0
    assert sparsenmf.read("T.npz").shape == (40, 60)
    assert sparsenmf.read("T.npz").row_names[0] == "word0"


def test_read_info_of_matrix_texts_and_model(named_counts, model, news, counts, capsys):
    def facts(*arguments):
        assert main(["read-info", *arguments, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    matrix = facts(named_counts)
    assert (matrix["shape"], matrix["nonzeros"], matrix["whole_numbers"]) == ([60, 40], counts.nnz, True)
    assert matrix["empty_rows"] == int((counts.sum(axis=1) == 0).sum()) >= 1
    assert matrix["column_names"]["count"] == 40
    texts = facts(news, "--column", "body")
    assert (texts["documents"], texts["column"], texts["first"][0]) == (6, "body", TEXTS[0])
    assert facts(model)["components"] == 3
    np.save("D.npy", np.array([[1.5, -1.0], [0.0, np.nan]]))
    dense = facts("D.npy")
    assert (dense["negative"], dense["not_finite"], dense["whole_numbers"]) == (1, 1, False)
    assert main(["read-info", named_counts]) == 0
    assert "60, 40" in capsys.readouterr().out


def test_bench_prints_ratios(named_counts, capsys):
    assert main(["bench", named_counts, "-k", "3", "--iterations", "1", "--json", "-q"]) == 0
    rows = json.loads(capsys.readouterr().out)["timings"]
    assert [(row["loss"], row["solver"]) for row in rows] == [("kl", "mu"), ("frobenius", "cd")]
    assert all(row["ratio"] == pytest.approx(row["scikit_learn"] / row["sparsenmf"]) for row in rows)
    assert main(["bench", named_counts, "-k", "3", "--iterations", "1"]) == 0
    assert "times faster" in capsys.readouterr().out


# --- exit codes, and what a hurried user gets wrong -------------------------------------------------------------------


def test_a_diverged_fit_is_a_failure_and_writes_nothing(named_counts, capsys):
    given = ["--solver", "gd", "--step", "1e6", "--loss", "frobenius"]
    assert main(["fit", named_counts, "-k", "3", "-o", "m.npz", *given]) == 1
    assert "diverged" in capsys.readouterr().err
    assert not Path("m.npz").exists()


def test_strict_tells_a_fit_that_has_not_converged(named_counts, capsys):
    given = ["fit", named_counts, "-k", "3", "-o", "m.npz", "-f", "-q"]
    assert main([*given, "--max-iter", "2"]) == 0
    assert main([*given, "--max-iter", "2", "--strict"]) == 3
    assert Path("m.npz").exists()
    assert "Not converged" in capsys.readouterr().err
    assert main([*given, "--strict", "--tol", "0.5"]) == 0


def test_lines_of_mixed_encodings_can_be_read(capsys):
    Path("mixed.txt").write_bytes("caf\u00e9 dog\n".encode() + "caf\u00e9 dog\n".encode("latin-1"))
    given = ["topics", "mixed.txt", "-k", "1", "--min-df", "1", "--max-df", "1.0", "--json"]
    assert main(given) == 1
    assert "line 2 is not UTF-8" in (err := capsys.readouterr().err)
    assert "--errors" in err
    assert main([*given, "--errors", "replace"]) == 0
    words = {word["name"] for word in json.loads(capsys.readouterr().out)["topics"][0]["words"]}
    assert words == {"caf\u00e9", "caf", "dog"}


@pytest.mark.skipif(sys.platform == "win32", reason="there are other shells")
@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("topics model.npz >&-", 0),
        ("topics model.npz >&- 2>&-", 0),
        ("topics nowhere.npz 2>&-", 1),
        ("fit - --format npz -k 2 -o m.npz <&-", 1),
    ],
)
def test_closed_streams_end_no_command_with_a_traceback(command, code, model):
    run = subprocess.run(
        f"{sys.executable} -m sparsenmf {command}",
        shell=True,
        check=False,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert run.returncode == code, run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["topics", "news.jsonl", "--column", "text", "-k", "2"], 1, "The columns are: 'id', 'year', 'body'"),
        (["topics", "news.jsonl", "-k", "2"], 1, "which column holds the text.*--column"),
        (["topics", "news.jsonl", "--column", "body"], 2, "--column is for data.*-k 30"),
        (["topics", "news.jsonl"], 2, "no model.*-k 30"),
        (["topics", "X.npz", "--report", "r.html"], 2, "sparsenmf report"),
        (["topics", "news.jsonl", "--column", "body", "-k", "2", "--min-df", "50"], 1, "news.jsonl: .*Lower --min-df"),
        (["topics", "news.jsonl", "--column", "body", "-k", "2", "--min-df", "few"], 2, "number of documents"),
        (["topics", "news.jsonl", "--column", "body", "-k", "2", "--group", "year"], 2, "--report"),
        (["topics", "empty.txt", "-k", "2"], 1, "empty.txt"),
        (["topics", "latin.txt", "-k", "2"], 1, "line 2 is not UTF-8.*--encoding latin-1"),
        (["fit", "X.npz", "-k", "2", "-o", "m.npz", "--layer", "counts"], 1, "no option 'layer'"),
        (["fit", "X.npz", "-k", "2", "-o", "X.npz", "-f"], 1, "would replace X.npz"),
        (["fit", "X.npz", "--vocab", "w.txt", "-k", "2", "-o", "./w.txt", "-f"], 1, "Name it so: -o ./w.npz"),
        (["topics", "news.jsonl", "--column", "body", "-k", "2", "-o", "news.jsonl", "-f"], 1, "so: -o news.npz"),
        (["transform", "model.npz", "X.npz", "-o", "model.npz", "-f"], 1, "would replace model.npz"),
        (["convert", "X.npz", "X.npz", "-f"], 1, "would replace X.npz"),
        (["topics", "dated.csv", "-k", "2"], 1, "line 2, column 2 .*say so: .*--column body"),
        (["topics", "news.csv", "-k", "2"], 1, "no column of numbers.*say so: .*--column body"),
        (["fit", "X.npz", "-k", "1e3", "-o", "m.npz"], 2, "'1e3' is not a valid integer[.]"),
        (["fit", "X.npz", "-k", "0", "-o", "m.npz"], 2, "0 is not in the range"),
        (["convert", "bomb.txt.gz", "Y.npz", "--max-bytes", "1000"], 1, "unpack to more than 1,000.*--max-bytes"),
        (["fit", "-", "-k", "2", "-o", "m.npz"], 1, "--format"),
        (["fit", "X.npz", "-k", "2", "-o", "m.npz", "--format", "xlsx"], 2, "'npz', 'npy'"),
        (["transform", "model.npz", "narrow.npz", "-o", "w.npy"], 1, "7 columns and the model 40"),
        (["transform", "X.npz", "X.npz", "-o", "w.npy"], 1, "holds no sparsenmf model"),
        (["transform", "model.npz", "X.npz", "-o", "X.npz"], 1, "X.npz exists.*--force"),
        (["transform", "model.npz", "X.npz", "-o", "-", "--json"], 1, "name a file"),
        (["transform", "model.npz", "X.npz", "-o", "w.npy", "--tol", "x"], 2, "--tol"),
        (["evaluate", "model.npz", "nowhere.npz"], 1, "nowhere.npz does not exist"),
        (["convert", "X.npz", "X.xlsx"], 1, "no known format"),
        (["convert", "X.npz", "no/X.mtx"], 1, "make it first"),
        (["convert", "cut.mtx.gz", "Y.npz"], 1, "cut short"),
        (["read-info", "nowhere.npz"], 1, "does not exist"),
    ],
)
def test_what_a_hurried_user_gets_wrong_is_one_line(arguments, code, message, model, news, counts, capsys):
    Path("empty.txt").write_text("")
    Path("latin.txt").write_bytes(b"plain text\ncaf\xe9 dog\n")
    Path("dated.csv").write_text("id,body\n1,cat dog\n")
    Path("news.csv").write_text("body\ncat dog\n")
    Path("w.txt").write_text("".join(f"word{j}\n" for j in range(40)))
    Path("bomb.txt.gz").write_bytes(gzip.compress(b"cat dog\n" * 1000))
    sparse.save_npz("narrow.npz", sparse.csr_array(counts)[:, :7])
    sparsenmf.write("whole.mtx.gz", counts)
    Path("cut.mtx.gz").write_bytes(Path("whole.mtx.gz").read_bytes()[:60])
    refused_in_one_line(arguments, code, message, capsys)


def test_a_missing_package_is_one_line(named_counts, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    assert main(["convert", named_counts, "X.parquet"]) == 1
    assert 'pip install "sparsenmf[arrow]"' in capsys.readouterr().err
    assert not Path("X.parquet").exists()


@pytest.mark.skipif(sys.platform == "win32" or not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write")
def test_unwritable_folder(named_counts, capsys):
    Path("locked").mkdir(mode=0o500)
    assert main(["fit", named_counts, "-k", "2", "-o", "locked/m.npz"]) == 1
    assert "cannot write" in capsys.readouterr().err


def test_a_file_that_cannot_be_made_is_refused_before_the_fit(named_counts, monkeypatch, capsys):
    def fail(*arguments, **options):
        raise AssertionError("the fit was started")

    def touch(*arguments, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("sparsenmf.factorization.factorize", fail)
    monkeypatch.setattr(Path, "touch", touch)
    assert main(["fit", named_counts, "-k", "2", "-o", "m.npz"]) == 1
    assert "cannot write m.npz: Permission denied" in capsys.readouterr().err


# --- the process ------------------------------------------------------------------------------------------------------


def sparsenmf_process(*arguments, **options):
    variables = os.environ | {"PYTHONPATH": str(ROOT)} | options.pop("variables", {})
    command = [sys.executable, "-m", "sparsenmf", *arguments]
    return subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of POSIX")
def test_convert_into_a_closed_pipe_is_quiet():
    sparsenmf.write("big.npz", sparse.random_array((20000, 60), density=0.5, rng=np.random.default_rng(0)))
    with sparsenmf_process("convert", "big.npz", "-", "--output-format", "csv", "-q") as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 0


def test_standard_input_is_read(named_counts):
    with sparsenmf_process("read-info", "-", "--format", "jsonl", "--json", stdin=subprocess.PIPE) as process:
        out, _ = process.communicate(b'{"text": "a dog"}\n{"text": ""}\n', 60)
        assert process.returncode == 0
    assert json.loads(out)["empty_documents"] == 1


def test_shell_completion_completes():
    words = {"COMP_WORDS": "sparsenmf re", "COMP_CWORD": "1", "_SPARSENMF_COMPLETE": "bash_complete"}
    with sparsenmf_process(variables=words) as process:
        out, _ = process.communicate(timeout=60)
        assert process.returncode == 0
    assert {line.partition(",")[2] for line in out.decode().splitlines()} == {"read-info", "report"}


def test_a_model_that_counts_no_texts_says_so(news, capsys):
    save_model("bare.npz", Model(H=np.ones((2, 3))))
    assert main(["transform", "bare.npz", news, "--column", "body", "-o", "w.npy"]) == 1
    assert "no vocabulary" in capsys.readouterr().err


# --- tables of one's own ----------------------------------------------------------------------------------------------


def test_a_table_with_semicolons(capsys):
    Path("orders.csv").write_text("customer_id;bread;nails\n1001;3;0\n1002;0;4\n")
    assert main(["fit", "orders.csv", "-k", "1", "-o", "model.npz"]) == 1
    assert "--delimiter ';'" in capsys.readouterr().err
    assert main(["fit", "orders.csv", "--delimiter", ";", "-k", "1", "-o", "model.npz"]) == 0
    assert load_model("model.npz").vocabulary == ("bread", "nails")
    assert load_model("model.npz").rows == ("1001", "1002")


def test_a_table_with_tabs_and_no_names_of_rows():
    Path("orders.txt").write_text("week\tnails\n3\t1\n2\t4\n")
    shape = ["--format", "csv", "--delimiter", "tab", "--no-index"]
    assert main(["convert", "orders.txt", "X.npz", *shape]) == 0
    assert sparsenmf.read("X.npz").toarray().tolist() == [[3, 1], [2, 4]]


def test_a_table_with_quotes_that_are_characters(capsys):
    lines = [f'{i}\t"AGENT" K is a book of rain and sea {i}' for i in range(6)]
    Path("titles.tsv").write_text("\n".join(["id\ttext", *lines]) + "\n")
    command = ["convert", "titles.tsv", "X.npz", "--column", "text", "--max-df", "1.0", "--stop-words", "none"]
    assert main(command) == 1
    assert "--quoting none" in capsys.readouterr().err
    assert main([*command, "--quoting", "none"]) == 0
    assert "agent" in sparsenmf.read("X.npz").column_names


def test_a_line_an_entry():
    Path("sales.csv").write_text("who,what,n,when\nann,bread,2,1\nben,nails,1,1\nann,nails,3,2\n")
    assert main(["convert", "sales.csv", "X.npz", "--triples", "who, what,n"]) == 0
    X = sparsenmf.read("X.npz")
    assert X.toarray().tolist() == [[2, 3], [0, 1]]
    assert (X.row_names, X.column_names) == (("ann", "ben"), ("bread", "nails"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--triples", "who,what"], "does not name three columns"),
        (["--triples", "who,what,m"], "there is no column 'm'. The columns are: 'who', 'what', 'n'"),
        (["--delimiter", "::"], "is not one character"),
        (["--layer", "raw"], "the format csv has no option 'layer'"),
    ],
    ids=["two names", "another name", "two characters", "another format's"],
)
def test_wrong_options_of_a_table(options, said, capsys):
    Path("sales.csv").write_text("who,what,n\nann,bread,2\n")
    assert main(["convert", "sales.csv", "X.npz", *options]) in (1, 2)
    assert said in capsys.readouterr().err
    assert not Path("X.npz").exists()
