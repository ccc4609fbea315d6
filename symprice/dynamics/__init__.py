"""Price's equation of training: how a property moves under a way of moving θ."""
