"""What runs a network: PyTorch always; PyTorch in half precision or OpenVINO where faster with the same masks."""

from liverpair.engine.base import Engine
from liverpair.engine.choice import CHOICES, available_engines, make_engine
from liverpair.engine.kinds import EngineKind

__all__ = ["CHOICES", "Engine", "EngineKind", "available_engines", "make_engine"]
