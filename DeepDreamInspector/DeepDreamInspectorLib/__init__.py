"""The sections of the module DeepDreamInspector and what they share. Nothing here imports torch."""
