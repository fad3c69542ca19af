"""A SELFIES variational autoencoder, and optimisation in its latent space."""
