# The machine module of a virtual board. What it does goes over the bridge to the bench.
import _bench
from _bench import built_in_machine as _built_in
from _bench import call as _call
from _bench import info as _INFO



class _Registers:
    # The built-in ones reach into the memory of the machine that the bench runs on.
    def __getitem__(self, address):
        raise RuntimeError("a virtual board has no registers at 0x%x" % address)

    def __setitem__(self, address, value):
        self[address]


mem8 = mem16 = mem32 = _Registers()
PinBase, time_pulse_us = _built_in.PinBase, _built_in.time_pulse_us

PWRON_RESET, HARD_RESET, WDT_RESET, DEEPSLEEP_RESET, SOFT_RESET = 1, 2, 3, 4, 5
_CAUSES = {"power-on": 1, "hard": 2, "watchdog": 3, "deepsleep": 4, "soft": 5}


def _restart(how, after_ms=0):
    _call(_bench.RESET, 0, after_ms, 0, how.encode())


def reset():
    _restart("hard")


def soft_reset():
    raise SystemExit


def bootloader(timeout_ms=0):
    _restart("bootloader")


def reset_cause():
    return _CAUSES[_INFO["cause"]]


def unique_id():
    return bytes.fromhex(_INFO["unique_id"])


_freq = _INFO["freq_hz"]


def freq(hz=None):
    global _freq
    if hz is None:
        return _freq
    _freq = hz


def idle():
    _built_in.idle()


def lightsleep(time_ms=0):
    import time

    time.sleep_ms(time_ms)


def deepsleep(time_ms=0):
    _restart("deepsleep", time_ms)


def disable_irq():
    global _irq_enabled
    before, _irq_enabled = _irq_enabled, False
    return before


def enable_irq(state=True):
    global _irq_enabled
    _irq_enabled = state
    if state:
        while _late:
            function, argument = _late.pop(0)
            function(argument)


_irq_enabled = True
_late = []


def _handler(function, argument):
    def run():
        if _irq_enabled:
            function(argument)
        else:
            _late.append((function, argument))

    return run


def _pin_number(pin):
    return pin._number if isinstance(pin, Pin) else Pin._find(pin)


class Pin(PinBase):
    IN, OUT, OPEN_DRAIN = 0, 1, 2
    PULL_UP, PULL_DOWN = 1, 2
    IRQ_RISING, IRQ_FALLING = 1, 2

    def __init__(self, id, mode=-1, pull=-1, *, value=None, alt=None, drive=None, hold=None):
        self._number = id._number if isinstance(id, Pin) else Pin._find(id)
        if self._number not in _INFO["pins"]:
            raise ValueError("invalid pin")
        before = id if isinstance(id, Pin) else None
        self._mode = before._mode if before else Pin.IN
        self._pull = before._pull if before else None
        if mode != -1 or pull != -1 or value is not None:
            self.init(mode, pull, value=value)

    @staticmethod
    def _find(id):
        if isinstance(id, str):
            id = _INFO["names"].get(id, id[2:] if id.startswith("GP") else id)
        try:
            return int(id)
        except (TypeError, ValueError):
            raise ValueError("invalid pin")

    def init(self, mode=-1, pull=-1, *, value=None, alt=None, drive=None, hold=None):
        if mode not in (-1, None):
            self._mode = mode
        if pull != -1:
            self._pull = pull
        level = 2 if value is None else 1 if value else 0
        _call(_bench.PIN_SET_UP, self._number, self._mode | (self._pull or 0) << 2, level)

    def value(self, level=None):
        if level is None:
            return _call(_bench.PIN_READ, self._number)
        _call(_bench.PIN_WRITE, self._number, 1 if level else 0)

    __call__ = value

    def on(self):
        _call(_bench.PIN_WRITE, self._number, 1)

    def off(self):
        _call(_bench.PIN_WRITE, self._number, 0)

    high, low = on, off

    def toggle(self):
        _call(_bench.PIN_WRITE, self._number, 1 - _call(_bench.PIN_READ, self._number))

    def irq(self, handler=None, trigger=3, *, priority=1, wake=None, hard=False):
        if handler is None:
            _call(_bench.PIN_WATCH, self._number, 0)
            _bench.callbacks.pop((0, self._number), None)
        else:
            _bench.on_event(0, self._number, _handler(handler, self))
            _call(_bench.PIN_WATCH, self._number, trigger)
        return self

    def __repr__(self):
        return "Pin(%d)" % self._number


class Signal:
    # The built-in one makes no pins of numbers.
    def __init__(self, pin, *arguments, invert=False, **named):
        self._pin = pin if isinstance(pin, Pin) and not arguments else Pin(pin, *arguments, **named)
        self._invert = bool(invert)

    def value(self, active=None):
        if active is None:
            return self._pin.value() ^ self._invert
        self._pin.value(bool(active) ^ self._invert)

    __call__ = value

    def on(self):
        self.value(True)

    def off(self):
        self.value(False)


class ADC:
    ATTN_0DB, ATTN_2_5DB, ATTN_6DB, ATTN_11DB = 0, 1, 2, 3
    WIDTH_9BIT, WIDTH_10BIT, WIDTH_11BIT, WIDTH_12BIT = 9, 10, 11, 12
    CORE_TEMP = 4
    _FULL_UV = 3300000

    def __init__(self, pin, *, atten=None, sample_ns=None):
        self._number = _pin_number(pin) if not isinstance(pin, int) else pin
        _call(_bench.ADC, self._number)

    def init(self, *, atten=None, sample_ns=None):
        pass

    def atten(self, atten):
        pass

    def width(self, bits):
        pass

    def read_u16(self):
        return _call(_bench.ADC, self._number)

    def read(self):
        return _call(_bench.ADC, self._number) >> 4

    def read_uv(self):
        return _call(_bench.ADC, self._number) * self._FULL_UV // 65535

    def __repr__(self):
        return "ADC(Pin(%d))" % self._number


class PWM:
    def __init__(self, dest, freq=None, duty_u16=None, *, duty=None, duty_ns=None, invert=False):
        self._number = _pin_number(dest)
        self._freq, self._duty, self._invert = freq or 5000, 0, invert
        self.init(freq=freq, duty_u16=duty_u16, duty=duty, duty_ns=duty_ns)

    def init(self, freq=None, duty_u16=None, *, duty=None, duty_ns=None):
        if freq is not None:
            if freq <= 0:
                raise ValueError("freq must be above 0")
            self._freq = freq
        if duty is not None:
            duty_u16 = duty * 65535 // 1023
        if duty_ns is not None:
            duty_u16 = duty_ns * self._freq * 65535 // 1000000000
        if duty_u16 is not None:
            self._duty = min(65535, max(0, duty_u16))
        _call(_bench.PWM, self._number, self._freq, 65535 - self._duty if self._invert else self._duty)

    def freq(self, hz=None):
        if hz is None:
            return self._freq
        self.init(freq=hz)

    def duty_u16(self, duty=None):
        if duty is None:
            return self._duty
        self.init(duty_u16=duty)

    def duty(self, duty=None):
        if duty is None:
            return self._duty * 1023 // 65535
        self.init(duty=duty)

    def duty_ns(self, duty=None):
        if duty is None:
            return self._duty * 1000000000 // 65535 // self._freq
        self.init(duty_ns=duty)

    def deinit(self):
        _call(_bench.PWM, self._number, 0, 0)

    def __repr__(self):
        return "PWM(Pin(%d), freq=%d, duty_u16=%d)" % (self._number, self._freq, self._duty)


class I2C:
    def __init__(self, id=0, *, scl=None, sda=None, freq=400000, timeout=50000):
        usual = _INFO["i2c"].get(str(id))
        if usual is None:
            raise ValueError("I2C(%s) doesn't exist" % id)
        self._open("I2C(%s, " % id, usual[0] if scl is None else scl, usual[1] if sda is None else sda, freq)

    def _open(self, name, scl, sda, freq):
        self._name, self._scl, self._sda, self._freq = name, _pin_number(scl), _pin_number(sda), freq
        for pin in (self._scl, self._sda):
            if pin not in _INFO["pins"]:
                raise ValueError("invalid pin")

    def init(self, *, scl=None, sda=None, freq=None):
        self._open(
            self._name,
            self._scl if scl is None else scl,
            self._sda if sda is None else sda,
            freq or self._freq,
        )

    def deinit(self):
        pass

    def _at(self, addr, stop=True):
        return self._sda | (addr & 0x7F) << 8 | (0 if stop else 1 << 16)

    def scan(self):
        found = _call(_bench.I2C_SCAN, self._scl, self._sda)
        return list(found) if found else []

    def writeto(self, addr, buf, stop=True):
        return _call(_bench.I2C_WRITE, self._scl, self._at(addr, stop), 0, buf)

    def writevto(self, addr, vector, stop=True):
        return self.writeto(addr, b"".join(bytes(part) for part in vector), stop)

    def readfrom(self, addr, nbytes, stop=True):
        if not nbytes:
            self.writeto(addr, b"", stop)
            return b""
        return _call(_bench.I2C_READ, self._scl, self._at(addr, stop), nbytes)

    def readfrom_into(self, addr, buf, stop=True):
        memoryview(buf)[:] = self.readfrom(addr, len(buf), stop)

    def _register(self, memaddr, addrsize):
        return memaddr.to_bytes(addrsize // 8, "big")

    def readfrom_mem(self, addr, memaddr, nbytes, *, addrsize=8):
        register = self._register(memaddr, addrsize)
        if not nbytes:
            self.writeto(addr, register)
            return b""
        return _call(_bench.I2C_WRITE_READ, self._scl, self._at(addr), nbytes, register)

    def readfrom_mem_into(self, addr, memaddr, buf, *, addrsize=8):
        memoryview(buf)[:] = self.readfrom_mem(addr, memaddr, len(buf), addrsize=addrsize)

    def writeto_mem(self, addr, memaddr, buf, *, addrsize=8):
        _call(_bench.I2C_WRITE, self._scl, self._at(addr), 0, self._register(memaddr, addrsize) + bytes(buf))

    def __repr__(self):
        return "%sscl=%d, sda=%d, freq=%d)" % (self._name, self._scl, self._sda, self._freq)


class SoftI2C(I2C):
    def __init__(self, scl, sda, *, freq=400000, timeout=50000):
        self._open("SoftI2C(", scl, sda, freq)


class Timer:
    ONE_SHOT, PERIODIC = 0, 1
    _next = 128  # numbers of Timer(-1), as many as one likes

    def __init__(self, id=-1, **named):
        if id == -1:
            id, Timer._next = Timer._next, 128 + (Timer._next - 127) % 128
        if not 0 <= id < 256:
            raise ValueError("Timer doesn't exist")
        self._number = id
        if named:
            self.init(**named)

    def init(self, *, mode=PERIODIC, period=None, freq=None, callback=None, hard=False, tick_hz=1000):
        period_us = int(1000000 // freq) if freq else int((period or 1) * 1000000 // tick_hz)
        if callback:
            _bench.on_event(1, self._number, _handler(callback, self))
        _call(_bench.TIMER, self._number, mode, max(1, period_us))

    def deinit(self):
        _call(_bench.TIMER, self._number, 0, 0)
        _bench.callbacks.pop((1, self._number), None)


class WDT:
    def __init__(self, id=0, timeout=5000):
        if timeout < 1:
            raise ValueError("WDT timeout too short")
        self._timeout = timeout
        self.feed()

    def feed(self):
        _call(_bench.WATCHDOG, 0, self._timeout)


class RTC:
    # The offset outlives no reset: the board has no battery.
    _offset = 0

    def __init__(self, id=0):
        pass

    def datetime(self, when=None):
        import time

        if when is None:
            now = time.time_ns() // 1000 + RTC._offset
            year, month, day, hour, minute, second, weekday = time.gmtime(now // 1000000)[:7]
            return year, month, day, weekday, hour, minute, second, now % 1000000
        year, month, day, _, hour, minute, second, part_us = when
        seconds = time.mktime((year, month, day, hour, minute, second, 0, 0, 0)) - _LOCAL_S
        RTC._offset = seconds * 1000000 + part_us - time.time_ns() // 1000

    init = datetime


def _local_s():
    # time.mktime takes local time: how far that is from UTC here
    import time

    return time.mktime(time.gmtime(86400)) - 86400


_LOCAL_S = _local_s()
