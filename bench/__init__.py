"""How fast arraynet is beside other engines: ``python -m bench --help``."""
