"""Molecules drawn in space: E(3)-equivariant diffusion and flow matching on one network."""
