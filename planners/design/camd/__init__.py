"""Mathematical programming over group vectors: molecules that are proven to be the best (CAMD)."""
