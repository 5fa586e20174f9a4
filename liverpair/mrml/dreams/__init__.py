"""Dreams in a scene: frames, trajectories, plot, display and layout."""
