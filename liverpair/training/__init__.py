"""Lightning modules and data modules, one per task, and the command `train`."""
