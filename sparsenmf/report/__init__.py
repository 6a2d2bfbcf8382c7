"""A fitted model as one HTML page, which opens without a network."""

from sparsenmf.report.write import write_report

__all__ = ["write_report"]
