"""One blueprint per feature; each view is its contract and one call."""
