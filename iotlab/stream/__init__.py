"""Sampling and recording. The only thread that samples is the one of a ``Stream``."""

from __future__ import annotations

from iotlab.stream.quantity import Quantity, quantity
from iotlab.stream.recording import Batch, Event, Recording
from iotlab.stream.sampler import Stream, StreamState

__all__ = ["Batch", "Event", "Quantity", "Recording", "Stream", "StreamState", "quantity"]
