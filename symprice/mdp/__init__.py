"""Markov decision processes: values, occupancies and policy gradients of finite tables."""
