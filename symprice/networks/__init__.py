"""Networks as SymPy expressions: activations, softmax, layers and what is built from them."""
