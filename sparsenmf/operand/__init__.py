"""The operand is the dispatcher: X as the few products that losses and solvers need, on sparse or on dense storage.

Every method updates or measures the rows of F given G, where X ~ F G'. With F = W, G = H' that is one half of an
alternation; `X.T` with F = H', G = W is the other. Nothing above this module knows how X is stored.

Factors are padded with zero columns to whole registers (`pad`). `den` is the column sums of G plus the L1 penalty.
"""

from __future__ import annotations

from sparsenmf.operand.choose import as_operand, choose_path
from sparsenmf.operand.csr import CsrOperand
from sparsenmf.operand.dense import DenseOperand
from sparsenmf.operand.factors import copied, empty_factor, gram_matrix, pad, padded_transpose, product, transposed
from sparsenmf.operand.protocol import Moments, Operand, Pass

__all__ = [
    "CsrOperand",
    "DenseOperand",
    "Moments",
    "Operand",
    "Pass",
    "as_operand",
    "choose_path",
    "copied",
    "empty_factor",
    "gram_matrix",
    "pad",
    "padded_transpose",
    "product",
    "transposed",
]
