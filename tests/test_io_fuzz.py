"""A hundred damaged files for every reader; `python tests/fuzz_io.py` reads thousands."""

import sys

import pytest

from tests import fuzz_io

NEEDS = {"h5ad": "anndata", "10x-h5": "h5py", "parquet": "pyarrow", "tsv.zst": "backports.zstd"}


@pytest.mark.skipif(sys.platform != "linux", reason="needs a limit on memory, and a clock that ends a process")
@pytest.mark.parametrize("reader", fuzz_io.READERS)
def test_damaged_files_are_refused_with_a_clear_error_or_read(reader):
    if reader in NEEDS:
        pytest.importorskip(NEEDS[reader], reason=f"{reader} needs {NEEDS[reader]}")
    findings = list(fuzz_io.run(reader, 100))
    assert len(findings) == 100
    assert [finding for finding in findings if finding.is_fault] == []
    assert any(finding.outcome == "refused" for finding in findings)
