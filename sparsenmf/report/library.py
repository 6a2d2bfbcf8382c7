"""The charting library, which vl-convert brings: Vega, Vega-Lite and Vega-Embed as one script."""

import re
from functools import cache

__all__ = ["MISSING", "script"]

MISSING = 'reports need vl-convert, which brings the charting library: pip install "sparsenmf[report]"'


@cache
def script() -> str:
    """The library as the text of a script element.

    Raises
    ------
    ImportError
        If vl-convert is not installed.
    """
    try:
        import vl_convert
    except ImportError as error:
        raise ImportError(MISSING) from error
    bundle = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    return re.sub(r"\r\n?", "\n", bundle).replace("</script", r"<\/script").replace("<!--", r"<\!--")
