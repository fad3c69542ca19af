"""Evolution over reactions: each molecule is grown from stock and carries its route."""
