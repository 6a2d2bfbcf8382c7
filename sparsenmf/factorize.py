# TEMPORARY NOTE (lead): the module is `sparsenmf/factorization.py` - a submodule called `factorize` would shadow the
# function `sparsenmf.factorize`. Import `from sparsenmf.factorization import factorize, solve_rows`. This file goes away.
raise ImportError("moved: from sparsenmf.factorization import factorize, solve_rows")
