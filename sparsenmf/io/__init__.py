"""Reading matrices, texts and names; writing matrices; models as files.

A reader turns one file into a matrix or a row of texts; `formats` holds the table by which one is picked. A matrix
still goes through the checks that every matrix goes through: a reader answers for the file (whole, no pickles, what its
header says it is), and for what the format promises (counts are whole and not negative).
"""

from sparsenmf.io.model import Model, load_model, save_model
from sparsenmf.io.named import NamedMatrix
from sparsenmf.io.names import find_names, read_names
from sparsenmf.io.reading import read, read_texts
from sparsenmf.io.text import Document, Texts
from sparsenmf.io.writing import write

__all__ = [
    "Document",
    "Model",
    "NamedMatrix",
    "Texts",
    "find_names",
    "load_model",
    "read",
    "read_names",
    "read_texts",
    "save_model",
    "write",
]
