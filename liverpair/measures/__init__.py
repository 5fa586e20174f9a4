"""How good a result is: overlap, surface distances, volumes, statistics over cases, and result tables."""
