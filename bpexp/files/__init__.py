"""How a file from outside is opened and taken apart: regular files, JSON and NPZ, each within declared bounds.

Only what is checked before memory is allocated belongs here; what the content means is said where it is read. Every
package may import this one, and every saved MLflow model carries a copy of it.
"""
