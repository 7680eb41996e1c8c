# Makes a board of a MicroPython unix port. Arguments: the signals that ask for a KeyboardInterrupt and that
# end a system call, then the sockets of the bridge.
def _bind_signals(interrupt, kick):
    # An executable does by ffi what the launcher does for the port as a module.
    try:
        import ffi
    except ImportError:
        return
    libc = ffi.open(None)
    signal, siginterrupt = libc.func("P", "signal", "iP"), libc.func("i", "siginterrupt", "ii")
    for number, name in ((interrupt, "mp_sched_keyboard_interrupt"), (kick, "getpid")):
        signal(number, libc.addr(name))
        siginterrupt(number, 1)


def _start():
    import sys
    import vfs

    _bind_signals(*[int(number) for number in sys.argv[1:3]])
    folder = sys.path[0]
    sys.path[:] = [".frozen"]
    import machine as built_in_machine
    import os as built_in_os

    sys.modules.pop("machine", None)
    sys.modules.pop("os", None)
    sys.path[:] = [folder]
    import _bench

    _bench.open_channels(*[int(fd) for fd in sys.argv[-5:]])
    import json

    _bench.info = json.loads(_bench.call(_bench.INFO))
    _bench.built_in_machine, _bench.built_in_os = built_in_machine, built_in_os
    import machine
    import os

    sys.modules["umachine"], sys.modules["uos"] = machine, os
    sys.path[:] = ["", ".frozen", "/lib"]
    sys.argv[:] = []
    vfs.umount("/")
    flash = _bench.Flash(_bench.info["filesystem"])
    size = _bench.info["prog_size"]
    try:
        vfs.mount(vfs.VfsLfs2(flash, progsize=size), "/")
    except OSError:
        vfs.VfsLfs2.mkfs(flash, progsize=size)
        vfs.mount(vfs.VfsLfs2(flash, progsize=size), "/")
    sys.atexit(lambda: _bench.call(_bench.LEAVING))
    return _bench


def _run(bench, name, interrupted):
    import os
    import sys

    try:
        os.stat(name)
    except OSError:
        return
    try:
        if interrupted:
            interrupted.clear()
            bench.interrupt_again()
        execfile(name)
    except SystemExit:
        bench.call(bench.RESET, 0, 0, 0, b"soft")
    except BaseException as error:
        sys.print_exception(error)


def _boot(bench):
    # Ctrl-C that comes before boot.py goes to boot.py, and so on
    interrupted = []
    steps = [lambda: bench.call(bench.STARTED)]
    if not bench.info["raw"]:
        steps.append(lambda: _run(bench, "main.py", interrupted))
    steps += [lambda: _run(bench, "boot.py", interrupted), lambda: bench.call(bench.READY)]
    while steps:
        step = steps.pop()
        try:
            step()
        except KeyboardInterrupt:
            interrupted.append(True)


_boot(_start())
del _bind_signals, _start, _run, _boot, __file__
