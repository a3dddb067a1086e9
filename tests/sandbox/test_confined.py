"""What is left to the process that runs programs, seen from inside and from outside."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from bridge.miniprograms import confine
from tests.sandbox import hostile
from tests.sandbox.made import opened, program, sandbox

ROOT = Path(__file__).parents[2]

PROBE = """
import ctypes, json, mmap, os, signal, socket, sys, threading
from bridge.miniprograms import confine

libc = ctypes.CDLL(None, use_errno=True)
library = confine.load_filter()
done = confine.confine(32 * 1024 * 1024)
reached = []

# Another process of the same user, which ends with this one.
reading, writing = os.pipe()
other = os.fork()
if other == 0:
    os.close(writing)
    os.read(reading, 1)
    os._exit(0)

def failed():
    raise OSError(ctypes.get_errno(), "refused")

def attempt(name, what):
    try:
        what()
    except (OSError, RuntimeError, ValueError):
        return
    reached.append(name)

def work():
    confine.start_nothing_more()
    done.extend(confine.filter_calls(library))
    attempt("open", lambda: os.open("/etc/passwd", os.O_RDONLY))
    attempt("write", lambda: os.open("/tmp/x", os.O_WRONLY | os.O_CREAT))
    attempt("list", lambda: os.listdir("/"))
    attempt("socket", lambda: socket.socket())
    attempt("unix", lambda: socket.socket(socket.AF_UNIX))
    attempt("fork", lambda: os._exit(0) if os.fork() == 0 else None)
    attempt("exec", lambda: os.execv("/bin/true", ["true"]))
    attempt("signal", lambda: os.kill(os.getppid(), 0))
    attempt("signal to a thread", lambda: libc.tgkill(other, other, 0) and failed())
    attempt("thread", lambda: threading.Thread(target=int).start())
    attempt("code", lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC))
    attempt("root", lambda: os.setuid(0))
    attempt("priority", lambda: os.nice(-5))
    attempt("rename", lambda: os.rename("/tmp", "/tmp2"))
    attempt("pipe", lambda: os.pipe())
    buffer = mmap.mmap(-1, 4096)  # plain memory is there
    os.write(1, json.dumps({"done": done, "reached": reached}).encode())

thread = threading.Thread(target=work)
thread.start()
thread.join()
os._exit(0)
"""


WITHOUT_FILTER = """
import ctypes, encodings.idna, json, os, socket, sys
from bridge.miniprograms import confine

libc = ctypes.CDLL(None, use_errno=True)
if os.geteuid() == 0 and "--as-somebody" in sys.argv:
    os.setgroups([])
    os.setgid(12345)
    os.setuid(12345)
status = open("/proc/self/status")  # /proc is out of reach later
done = confine.confine(32 * 1024 * 1024)
reached = []

def attempt(name, what):
    try:
        if what() is not False:
            reached.append(name)
    except OSError:
        pass

attempt("files", lambda: bool(os.listdir("/")))
attempt("files above", lambda: bool(os.listdir("/..")))
attempt("passwd", lambda: os.stat("/etc/passwd"))
attempt("own files", lambda: os.mkdir("/x"))
attempt("another root", lambda: os.chroot("/"))
attempt("loopback", lambda: socket.socket().connect(("127.0.0.1", int(sys.argv[1]))))
attempt("network", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(("192.0.2.1", 9)))
attempt("interfaces", lambda: len(socket.if_nameindex()) > 1)
attempt("host name", lambda: libc.sethostname(b"x", 1) == 0)
attempt("root", lambda: os.setuid(0))
attempt("priority", lambda: os.nice(-5))
status.seek(0)
has = dict(line.split(":", 1) for line in status.read().splitlines())
print(json.dumps({"done": done, "reached": reached, "status": {k: v.strip() for k, v in has.items()}}))
"""


@pytest.mark.parametrize("who", ["--as-root", "--as-somebody"])
def test_where_no_calls_are_filtered_each_other_wall_holds(who: str) -> None:
    """As an operator would run it in a container, and as a service of a user without any rights."""
    environment = {"PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8"}
    with socket.create_server(("127.0.0.1", 0)) as listening:
        command = [sys.executable, "-P", "-c", WITHOUT_FILTER, str(listening.getsockname()[1]), who]
        ran = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert ran.returncode == 0, ran.stderr.decode()
    told = json.loads(ran.stdout)
    assert {"limits", "no_capabilities", "no_new_privs"} <= set(told["done"])
    for line, value in (("CapEff", "0" * 16), ("CapPrm", "0" * 16), ("NoNewPrivs", "1")):
        assert told["status"][line] == value, line
    if who == "--as-root" and os.geteuid() == 0:
        assert "nobody" in told["done"]
    if not {"empty_root", "namespaces"} <= set(told["done"]):
        pytest.skip("this system lets nobody have a root and a network of their own")
    assert told["reached"] == []


@pytest.mark.skipif(confine.load_filter() is None, reason="there is no libseccomp on this system")
def test_nothing_of_the_system_can_be_reached() -> None:
    environment = {"PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8"}
    ran = subprocess.run([sys.executable, "-P", "-c", PROBE], env=environment, capture_output=True, check=False)
    assert ran.returncode == 0, ran.stderr.decode()
    told = json.loads(ran.stdout)
    assert told["reached"] == []
    assert {"seccomp", "no_new_privs", "limits"} <= set(told["done"])
    if os.geteuid() == 0:
        assert "nobody" in told["done"]


@pytest.mark.parametrize("libraries", [None, "/somewhere/lib"])
async def test_it_is_given_no_secret_and_no_descriptor(libraries: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURTYARD_MATRIX__PASSWORD", "opensesame")
    if libraries is None:
        monkeypatch.delenv("LD_LIBRARY_PATH", raising=False)
    else:
        monkeypatch.setenv("LD_LIBRARY_PATH", os.pathsep.join(filter(None, (os.getenv("LD_LIBRARY_PATH"), libraries))))
    read, write = os.pipe()
    os.set_inheritable(read, True)
    box = sandbox()
    try:
        await box.handle(program(hostile.GOOD), opened())
        (pid,) = box.worker_pids
        about = Path(f"/proc/{pid}")
        if not os.access(about / "environ", os.R_OK) or os.geteuid() != 0:
            pytest.skip("only root may look into it")
        assert (about / "environ").read_bytes() == b""
        assert b"opensesame" not in (about / "cmdline").read_bytes()
        held = [os.readlink(entry) for entry in (about / "fd").iterdir()]
        assert not [name for name in held if not name.startswith(("pipe:", "/dev/null", "/memfd:"))]
        assert len([name for name in held if name.startswith("pipe:")]) == 2
        status = (about / "status").read_text()
        assert "CapEff:\t0000000000000000" in status
        assert "NoNewPrivs:\t1" in status
        if confine.load_filter() is not None:
            assert "Seccomp:\t2" in status, "a filter, of every thread"
        limits = {line[:26].strip(): line[26:].split()[:2] for line in (about / "limits").read_text().splitlines()}
        for name in ("Max core file size", "Max file size", "Max open files", "Max processes"):
            assert limits[name] == ["0", "0"], name
        assert int(limits["Max data size"][1]) < 1 << 30
    finally:
        await box.close()
        os.close(read)
        os.close(write)
