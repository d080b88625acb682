"""A laboratory for back-propagation: declared networks, honest gradients, recorded runs."""

__version__ = "0.1.0"
