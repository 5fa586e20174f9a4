"""What three-dimensional context is worth under a limit of memory: the second source, a proposal without figures."""
