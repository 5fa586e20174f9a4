"""Detection of paired lesions (Couteaux 2021, chapter 4)."""
