"""What a user writes over a function or an expression so that it runs, or stays, on a board."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar, overload

from typing_extensions import ParamSpec

from iotlab.board import Output
from iotlab.micropython.clocks import ROUNDS, Clock
from iotlab.micropython.proxies import Proxy
from iotlab.micropython.remote import STAYS, Remote, Task
from iotlab.micropython.samples import BATCH, Spec
from iotlab.micropython.streaming import StreamFunction

P = ParamSpec("P")
R = TypeVar("R")


class Decorators:
    """The part of a board that gives what is written here a place there. ``_remote`` knows what is there."""

    def _remote(self) -> Remote:
        raise NotImplementedError

    @overload
    def task(self, function: Callable[P, R]) -> Task[P, R]: ...

    @overload
    def task(
        self,
        *,
        consts: Mapping[str, Any] | None = None,
        proxy: bool = False,
        output: Output | None = None,
        timeout_s: float | None = None,
    ) -> Callable[[Callable[P, R]], Task[P, R]]: ...

    def task(
        self,
        function: Callable[..., Any] | None = None,
        *,
        consts: Mapping[str, Any] | None = None,
        proxy: bool = False,
        output: Output | None = None,
        timeout_s: float | None = None,
    ) -> Any:
        """Decorate a function of this machine: calling it runs it on the board, and gives back its value.

        Its source is sent once. Arguments and value are plain: None, numbers, text, bytes, and lists, tuples,
        dicts and sets of them; with ``proxy`` it may also return something that stays on the board. It imports
        what it needs inside, may call other tasks, and may use what ``consts`` names. What it prints goes to
        ``output``, else to ``sys.stdout``. ``UnsupportedError`` where it uses something else of this machine;
        ``RemoteError`` as it raises there, ``DeadlineError`` after ``timeout_s``.

        >>> import iotlab
        >>> board = iotlab.connect("esp32")
        >>> @board.task
        ... def light(percent):
        ...     from machine import PWM, Pin
        ...     PWM(Pin(2)).duty_u16(percent * 65535 // 100)
        ...     return percent
        >>> light(20)
        20
        >>> board.close()
        """
        remote = self._remote()

        def decorate(decorated: Callable[..., Any]) -> Any:
            return Task(remote, decorated, consts=consts, proxy=proxy, output=output, timeout_s=timeout_s)

        return decorate(function) if function else decorate

    @overload
    def stream(self, function: Callable[P, Iterator[R]]) -> StreamFunction[P, R]: ...

    @overload
    def stream(
        self,
        *,
        format: str = "",
        rate_hz: float = 0.0,
        stamped: bool = False,
        blocks: bool = False,
        batch: int = BATCH,
        consts: Mapping[str, Any] | None = None,
        output: Output | None = None,
        timeout_s: float | None = None,
        away_s: float = 30.0,
    ) -> Callable[[Callable[P, Iterator[R]]], StreamFunction[P, R]]: ...

    def stream(
        self,
        function: Callable[..., Any] | None = None,
        *,
        format: str = "",
        rate_hz: float = 0.0,
        stamped: bool = False,
        blocks: bool = False,
        batch: int = BATCH,
        consts: Mapping[str, Any] | None = None,
        output: Output | None = None,
        timeout_s: float | None = None,
        away_s: float = 30.0,
    ) -> Any:
        """Decorate a generator function of this machine: calling it gives a :class:`Stream` of what it yields.

        With a ``format``, as of :mod:`struct`, the board packs what it yields, ``batch`` bytes in a frame; without
        one it yields plain values, more slowly. ``rate_hz`` takes a sample at that pace on the board's clock,
        ``stamped`` puts that clock's time in front of each. With ``blocks`` it yields bytes that it packed
        itself. ``DeadlineError`` where nothing comes for ``timeout_s``. A board that is unplugged is waited for
        ``away_s``, and where its generator still runs then, the stream goes on with a gap; else
        ``DisconnectedError``, or ``RestartedError``. The rest is as for :meth:`task`.

        >>> import iotlab
        >>> board = iotlab.connect("esp32")
        >>> @board.stream(format="<H", rate_hz=100, stamped=True)
        ... def volume(pin):
        ...     from machine import ADC, Pin
        ...     adc = ADC(Pin(pin))
        ...     while True:
        ...         yield adc.read_u16()
        >>> for t_s, value in volume(34):
        ...     if value >= 0:
        ...         break
        >>> board.close()
        """
        remote, spec = (
            self._remote(),
            Spec(format, rate_hz, stamped, blocks, batch, timeout_s, output, away_s),
        )

        def decorate(decorated: Callable[..., Any]) -> Any:
            return StreamFunction(remote, decorated, spec, consts)

        return decorate(function) if function else decorate

    def proxy(self, expression: str) -> Proxy:
        """What stands here for the object that ``expression`` is among the user's names on the board.

        >>> import iotlab
        >>> board = iotlab.connect("esp32")
        >>> board.exec("from machine import Pin; led = Pin(2, Pin.OUT)")
        ''
        >>> led = board.proxy("led")
        >>> led.on(); led.value()
        1
        >>> board.close()
        """
        held: Proxy = self._remote().value(
            lambda ask: f"give({ask},{STAYS},{expression})", STAYS, name=expression, timeout_s=10.0
        )
        return held

    def clock(self, *, rounds: int = ROUNDS) -> Clock:
        """The board's clock beside ``time.monotonic`` here, asked ``rounds`` times, and a bound of the error.

        The best round counts, together with those of earlier calls since the board started: with some time in
        between, the clock's drift is known. Takes a few milliseconds on USB, a tenth of a second at 115200 baud.
        """
        return self._remote().clock(rounds)
