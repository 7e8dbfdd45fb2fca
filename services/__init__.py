"""The business in its own words: one singleton per file, nothing here knows about HTTP."""
