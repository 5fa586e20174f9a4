"""How good a model is: scores over studies, pictures of outlines, and the written form of a result."""
