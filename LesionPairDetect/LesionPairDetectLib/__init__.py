"""The sections of the module LesionPairDetect and what they share. Nothing here imports torch."""
