"""Several generators in one search, paid by what they contribute."""
