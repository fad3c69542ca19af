"""One file per group of commands. Thin: they read arguments, call a room, and print."""
