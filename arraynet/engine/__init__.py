"""A graph bound to a backend: which of its values live where, and what runs when."""
