"""Models to be reported, and what the page of a report holds."""

import json
import re

import numpy as np
import scipy.sparse as sp

from sparsenmf.io import Model

HOSTILE = "</script><script>alert(1)</script><!-- \u2028 & \u2029 <b>bold</b>"


def made_model(k, n=400, m=900, seed=0):
    """A model of k topics that nobody fitted, and counts near it."""
    rng = np.random.default_rng(seed)
    W, H = rng.gamma(0.2, 1.0, (n, k)).astype(np.float32), rng.gamma(0.1, 1.0, (k, m)).astype(np.float32)
    X = sp.csr_array(rng.poisson(np.minimum(W @ H, 50)))
    words = tuple(f"word{j}" for j in range(m))
    history = {"iteration": np.arange(5), "seconds": np.arange(5) / 7, "objective": 100 / (1 + np.arange(5.0))}
    outcome = {"loss": "kl", "solver": "auto", "n_iter": 4, "converged": True, "stop_reason": "objective"}
    return Model(H=H, W=W, vocabulary=words, history=history, outcome=outcome, params={"n_components": k}), X


def page_of(path):
    return path.read_text(encoding="utf-8")


def data_of(path):
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page_of(path), flags=re.S)
    return json.loads(found[1])


def without_library(page):
    """The page's own text: the longest script is the charting library."""
    return page.replace(max(re.findall(r"<script>.*?</script>", page, flags=re.S), key=len), "")
