"""Stand-ins for Slicer's own Python modules. `app.start` publishes each as `slicer.<name>`."""
