"""What the project generates: 2-D shape fields, lesions, deformations, bias fields and whole phantoms.

Everything here is drawn from an explicit `numpy.random.Generator`, so a seed stands for the same image everywhere.
"""
