"""The tangent calculus: covariances of gradients, their laws, and reverse accumulation."""
