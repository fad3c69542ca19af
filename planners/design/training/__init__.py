"""Scripts that make the weights of the generators; nothing that runs imports them."""
