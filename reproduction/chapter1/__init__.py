"""The chain from images to the numbers of a report (Couteaux 2021, chapter 1)."""
