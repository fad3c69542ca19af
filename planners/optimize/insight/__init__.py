"""What a model can say to people and to whoever decides: why, where not, what next to what, and when to stop."""
