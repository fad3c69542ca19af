"""Local-template retrosynthesis: which small change, and at which atom or bond of the product."""
