"""What networks learned (Couteaux 2021, chapter 3): dreams of lesions and their radiomic trajectories."""
