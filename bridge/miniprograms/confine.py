"""Locking a process in, from inside: what it holds already it may use, and nothing else of the system.

Each measure works by itself; what a system does not have is left out, and told.
"""

import contextlib
import ctypes
import errno
import os
import resource
import sys
import tempfile

_PR_SET_DUMPABLE = 4
_PR_SET_NO_NEW_PRIVS = 38
_CAPABILITY_VERSION = 0x20080522
"""Of the structures that `capset` takes (capabilities(7)): two words of each set."""
_CLONE_NEWUTS, _CLONE_NEWIPC, _CLONE_NEWUSER, _CLONE_NEWNET = 0x04000000, 0x08000000, 0x10000000, 0x40000000
_PROT_EXEC = 4
_NOBODY = 65534
_DATA_BYTES = 512 * 1024 * 1024

_CALLS = (
    "read", "write", "close", "lseek", "fstat", "newfstatat",
    "munmap", "mremap", "madvise", "brk", "membarrier", "rseq",
    "futex", "sched_yield", "restart_syscall", "getpid", "gettid", "sched_getaffinity",
    "clock_gettime", "clock_nanosleep", "nanosleep", "gettimeofday",
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack",
    "exit", "exit_group",
)  # fmt: skip
"""What running a program takes. Everything else is refused: files, sockets, processes, other people's memory."""


def confine(memory_bytes: int) -> list[str]:
    """Give up what this process does not need; there is no way back. Call it before any thread is started.

    Args:
        memory_bytes: of the largest program, beside what the process takes itself.

    Returns:
        The names of what could be done.
    """
    done = []
    for name, measure in (
        ("namespaces", _leave_networks),
        ("empty_root", _see_no_files),
        ("limits", lambda: _limit(memory_bytes)),
        ("nobody", _become_nobody),
        ("no_capabilities", _drop_capabilities),
        ("no_new_privs", _no_new_privileges),
    ):
        with contextlib.suppress(OSError, AttributeError, ValueError):
            measure()
            done.append(name)
    return done


def load_filter() -> object:
    """The library for `filter_calls`, which needs files to be found; None: the system has none."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        import pyseccomp
    except (ImportError, RuntimeError, OSError):  # libseccomp itself comes with the system, or not
        return None
    return pyseccomp


def filter_calls(library: object) -> list[str]:
    """Let the kernel refuse all but `_CALLS`, in every thread, for good. Nothing new can be run, either.

    Returns:
        `["seccomp"]`, or nothing when there is no library or the kernel does not filter.
    """
    if library is None:
        return []
    import pyseccomp

    try:
        filtered = pyseccomp.SyscallFilter(pyseccomp.ERRNO(errno.EPERM))
        filtered.set_attr(pyseccomp.Attr.CTL_TSYNC, 1)
        for name in _CALLS:
            with contextlib.suppress(OSError, ValueError):  # not on this kind of processor
                filtered.add_rule(pyseccomp.ALLOW, name)
        # Signals to its own threads, as when it aborts; not to other processes of the same user.
        filtered.add_rule(pyseccomp.ALLOW, "tgkill", pyseccomp.Arg(0, pyseccomp.EQ, os.getpid()))
        # Memory, but none that could be run: all code is there already.
        for name in ("mmap", "mprotect"):
            filtered.add_rule(pyseccomp.ALLOW, name, pyseccomp.Arg(2, pyseccomp.MASKED_EQ, _PROT_EXEC, 0))
        filtered.load()
    except (OSError, ValueError, RuntimeError):
        return []
    return ["seccomp"]


def _limit(memory_bytes: int) -> None:
    memory = _DATA_BYTES + memory_bytes
    for what, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_DATA, memory),
    ):
        hard = resource.getrlimit(what)[1]
        bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (bound, bound))


def start_nothing_more() -> None:
    """From now on nothing can be opened, and no thread or process be started."""
    for what in (resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE, resource.RLIMIT_NPROC):
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(what, (0, 0))


def _leave_networks() -> None:
    """A network of its own without any interface, where the system allows it."""
    libc = ctypes.CDLL(None, use_errno=True)
    apart = _CLONE_NEWNET | _CLONE_NEWIPC | _CLONE_NEWUTS
    if libc.unshare(apart) != 0 and libc.unshare(apart | _CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "unshare")


def _see_no_files() -> None:
    """A root without any file, which nobody can put one into: a folder that is gone already."""
    folder = tempfile.mkdtemp()
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.rmdir(folder)
        os.fchdir(descriptor)
        os.chroot(".")
    finally:
        os.close(descriptor)


def _become_nobody() -> None:
    if os.geteuid() != 0:
        raise OSError(errno.EPERM, "not root")
    os.setgroups([])
    os.setresgid(_NOBODY, _NOBODY, _NOBODY)
    os.setresuid(_NOBODY, _NOBODY, _NOBODY)


def _drop_capabilities() -> None:
    """Whoever has a namespace of their own is root in it, until they are not."""
    libc = ctypes.CDLL(None, use_errno=True)
    header, nothing = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0), (ctypes.c_uint32 * 6)()
    if libc.capset(header, nothing) != 0:
        raise OSError(ctypes.get_errno(), "capset")


def _no_new_privileges() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
    libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
