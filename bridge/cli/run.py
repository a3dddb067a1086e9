"""`courtyard run`: the bot as a process. Signals, the line READY, exit codes."""

import asyncio
import gc
import os
import signal
import sys
from pathlib import Path

from bridge import log
from bridge.config import Config, load_with_warnings

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_GC = (10_000, 20, 20)
"""Garbage is looked for when there are so many more objects than before, not 700: what people's commands hold at a
moment is that much, and hardly any of it is in cycles."""


def run(path: Path) -> int:
    """Run until a signal; the exit code.

    Raises:
        OperatorError: something is wrong that the operator can mend.
    """
    loaded = load_with_warnings(path)
    for warning in loaded.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    log.set_up(loaded.config.log.level, loaded.config.log.format)
    return asyncio.run(_until_stopped(loaded.config))


async def _until_stopped(config: Config) -> int:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in _SIGNALS:
        loop.add_signal_handler(number, stop.set)
    # After the handlers: this takes a second, in which a signal would end the process half-way. All of it stays, so the
    # collector of garbage need not look at it, neither now nor ever again.
    gc.disable()
    from bridge.app import run as run_app

    gc.freeze()
    gc.set_threshold(*_GC)
    gc.enable()

    bot = asyncio.create_task(run_app(config, _ready))
    stopped = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({bot, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if not bot.done():
            bot.cancel()
            await asyncio.wait({bot}, timeout=config.limits.stop_seconds)
            if not bot.done():
                print("courtyard: stopping took too long, so it was ended by force.", file=sys.stderr, flush=True)
                os._exit(1)
        if not bot.cancelled():
            await bot  # raises what it failed with
    finally:
        stopped.cancel()
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
    return 0


def _ready(user_id: str) -> None:
    print(f"READY {user_id}", flush=True)
