"""A generative adversarial network over molecular graphs."""
