"""``%live``: plot what is measured, as it is measured."""

from __future__ import annotations

from typing import Any

from IPython.core.magic import line_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring

import iotlab
from iotlab.errors import ConfigError, NotFoundError
from iotlab.magics.base import BoardMagic, plainly


@magics_class
class LiveMagic(BoardMagic):
    """``%live``"""

    @line_magic
    @magic_arguments()
    @argument("source", nargs="*", help="a chip such as bme280, a sensor or function of yours, or an expression to "
              "evaluate over and over; none for every sensor on the bus")  # fmt: skip
    @argument("--rate", type=float, default=10.0, metavar="HZ", help="readings per second (default: 10)")
    @argument(
        "--window", type=float, default=30.0, metavar="S", help="seconds that the plot shows (default: 30)"
    )
    @argument("--title", default="", help="what stands above the plot")
    @argument("--bus", type=int, default=0, help="the I2C bus that a chip is on (default: 0)")
    @argument("--board", help="the board; none for the one that was connected last")
    @argument("--as", dest="variable", default="", help="a variable that gets the plot")
    def live(self, line: str) -> Any:
        """Plot readings as they come, until stop() or until the board is closed."""
        arguments = parse_argstring(self.live, line)
        expression = " ".join(arguments.source)
        with plainly():
            if arguments.variable and not arguments.variable.isidentifier():
                raise ConfigError(f"--as takes the name of a variable, not {arguments.variable!r}")
            source = self._source(expression, arguments.board, arguments.bus)
            title = arguments.title.strip("'\"") or expression
            plot = iotlab.live(source, arguments.rate, window_s=arguments.window, title=title)
            if arguments.variable:
                self.shell.push({arguments.variable: plot})
            return plot

    def _source(self, expression: str, board: str | None, bus: int) -> Any:
        from iotlab import sensors

        if not expression:
            return self._all_sensors(board, bus)
        if expression not in self.shell.user_ns and expression in sensors.names():
            return sensors.open(self.lab.board(board).i2c(bus), expression)
        try:
            value = self.shell.ev(expression)
        except (NameError, SyntaxError) as error:
            known = ", ".join(sensors.names())
            raise ConfigError(f"{expression} is none of the chips {known}, and as Python: {error}") from error
        if callable(value) or callable(getattr(value, "read", None)):
            return value
        if isinstance(value, dict) and all(
            callable(v) or callable(getattr(v, "read", None)) for v in value.values()
        ):
            return value
        return lambda: self.shell.ev(expression)

    def _all_sensors(self, board: str | None, bus: int) -> Any:
        from iotlab import sensors

        found = sensors.find(self.lab.board(board).i2c(bus))
        if not found:
            raise NotFoundError(f"no chip on I2C bus {bus} is surely a sensor: name it, as in %live bme280")
        return found[0] if len(found) == 1 else {sensor.profile.key: sensor for sensor in found}


MAGIC = LiveMagic
