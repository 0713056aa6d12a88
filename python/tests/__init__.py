"""Tests of the package; `python/test` runs them."""
