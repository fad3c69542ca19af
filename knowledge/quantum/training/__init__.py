"""How the weights of the quantum surrogate were made. Nothing that runs imports this."""
