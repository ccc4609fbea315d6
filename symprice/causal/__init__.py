"""Causal models of training: structural equations between properties, and Wright's path rules."""
