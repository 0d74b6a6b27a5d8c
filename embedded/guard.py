"""Runs a program that ends when its starter ends, and that never runs as root.

Started as a script by `embedded.process`, so it needs the standard library only. On Linux it becomes the
program: the kernel sends the signal when the starter's thread dies, however it dies. Elsewhere it stays as
the program's parent and watches.
"""

import argparse
import ctypes
import os
import signal
import struct
import subprocess
import sys

PR_SET_PDEATHSIG = 1
PR_SET_SECUREBITS = 28
SECBIT_NO_SETUID_FIXUP = 1 << 2
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
CAP_DAC_OVERRIDE = 1
CAP_DAC_READ_SEARCH = 2
CAPABILITY_VERSION_3 = 0x20080522
WATCH_SECONDS = 0.5
GRACE_SECONDS = 10.0


def die_with_parent(signal_number: int = signal.SIGTERM) -> None:
    """Ask the kernel for this signal when our parent's thread ends. Only Linux can."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal_number), 0, 0, 0)


def become(uid: int, gid: int) -> None:
    """Become another user who may still pass through folders that are closed to him.

    A checkout or data folder below /root is closed to everyone else. One capability (looking into folders)
    is less than root and leaves the folders' permissions alone.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    on_linux = sys.platform == "linux"
    if on_linux:
        # Without this the change of user drops the capability, and access(2) ignores it.
        libc.prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0)
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
    if on_linux and not _keep(libc, CAP_DAC_READ_SEARCH):
        _keep(libc, CAP_DAC_OVERRIDE)


def _keep(libc: ctypes.CDLL, capability: int) -> bool:
    mask = 1 << capability
    header = struct.pack("=Ii", CAPABILITY_VERSION_3, 0)
    sets = struct.pack("=6I", mask, mask, mask, 0, 0, 0)
    return bool(
        libc.capset(header, sets) == 0
        and libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) == 0
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--signal", type=int, default=int(signal.SIGTERM))
    parser.add_argument("--user", help="uid:gid")
    parser.add_argument("--watch", action="store_true", help="stay and watch, also on Linux")
    parser.add_argument("program", nargs="+")
    return parser.parse_args()


def _watch(program: list[str], parent: int, signal_number: int) -> int:
    child = subprocess.Popen(program)
    for forwarded in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT):
        signal.signal(forwarded, lambda number, _frame: child.send_signal(number))
    while os.getppid() == parent:
        try:
            return child.wait(WATCH_SECONDS)
        except subprocess.TimeoutExpired:
            continue
    child.send_signal(signal_number)
    try:
        return child.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        return child.wait()


def main() -> None:
    arguments = _arguments()
    if arguments.user:
        uid, gid = (int(part) for part in arguments.user.split(":"))
        become(uid, gid)
    if arguments.watch or sys.platform != "linux":
        sys.exit(_watch(arguments.program, arguments.parent, arguments.signal))
    # After the change of user: that clears the setting.
    die_with_parent(arguments.signal)
    if os.getppid() != arguments.parent:
        sys.exit(1)
    try:
        os.execv(arguments.program[0], arguments.program)
    except PermissionError:
        sys.exit(
            f"The user with id {os.geteuid()} cannot enter the folder of {arguments.program[0]}, and this root may"
            " not let him: run Prepay as an ordinary user, or from a folder that everyone can enter."
        )


if __name__ == "__main__":
    main()
