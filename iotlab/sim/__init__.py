"""The virtual bench: boards, chips and a world, for those who have no hardware at hand.

A virtual board is reached as a real one is, over its serial port. What is here starts a bench and does what
a person at it would do: press buttons, pull plugs, warm a sensor::

    import iotlab.sim

    bench = iotlab.sim.bench()
    bench.world.temperature_c = 41.3
    bench["esp32"].chip("button").press()
    bench["esp32"].power_cycle()
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from iotlab.sim.benches import Bench
    from iotlab.sim.world import World

__all__ = ["Bench", "World", "bench"]


def bench(name: str = "") -> Bench:
    """The bench that runs. ``NotFoundError`` where none does."""
    from iotlab.sim.benches import Bench

    return Bench.running(name)


def __getattr__(name: str) -> object:
    # the processes of the boards import this package too, and need neither
    if name == "Bench":
        from iotlab.sim.benches import Bench

        return Bench
    if name == "World":
        from iotlab.sim.world import World

        return World
    raise AttributeError(f"module 'iotlab.sim' has no attribute {name!r}")
