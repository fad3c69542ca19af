"""Template retrosynthesis over the whole library mined from patents, ranked by a policy network."""
