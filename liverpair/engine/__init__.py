"""What runs a network: PyTorch always; PyTorch in half precision or OpenVINO where faster with the same masks."""

from liverpair.engine.base import Engine
from liverpair.engine.choice import CHOICES, make_engine
from liverpair.engine.kinds import EngineKind, automatic_engine, available_engines

__all__ = ["CHOICES", "Engine", "EngineKind", "automatic_engine", "available_engines", "make_engine"]
