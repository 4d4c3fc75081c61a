"""The fork server: one warm interpreter from which every program is a fork.

It forks a child for each program, enforces its limits, collects its output, and reports to the
pool how it ended. It never sees a program's text or an expected value: those go from the pool to
the child on a channel of their own. The next program's process is forked as soon as the last one
has ended and its files are removed; it enters the layers of isolation, then reads its channel.
"""

from __future__ import annotations

import os
import socket
from typing import NoReturn

from sandbox.inside import execution
from sandbox.inside.environment import Environment
from sandbox.protocol import frames, messages
from sandbox.server import layers, scratch
from sandbox.server.supervision import Bounds, Child


class ForkServer:
    """Runs one program at a time, each in a fork; see the module's docstring."""

    def __init__(
        self,
        control: socket.socket,
        enter_layers: layers.EnterLayers,
        bounds: Bounds,
        environment: Environment,
    ) -> None:
        self._control = control
        self._enter_layers = enter_layers
        self._bounds = bounds
        self._environment = environment
        self._next: Child | None = None
        self._null = os.open(os.devnull, os.O_RDWR)
        # so that descriptors which arrive have higher numbers than those that a child gets
        while self._null < messages.FIRST_FREE_FD:
            self._null = os.open(os.devnull, os.O_RDWR)

    def serve(self) -> None:
        """Serve until the pool hangs up, which raises a WireError. A child never returns."""
        while True:
            tag, body, fds = frames.read_frame_with_fds(self._control, 2)
            if tag == messages.HARNESS.tag:
                self._environment.harness(body.decode())
            elif tag == messages.JOB.tag:
                if self._next is not None:
                    self._finish(self._next)
                self._next = Child(messages.unpack_job(body)[0], fds, self._bounds)
                if self._next.fork():
                    self._enter(self._next)  # here: returning first would write to more pages
            # a KILL for a child that has ended already needs no answer

    def _finish(self, present: Child) -> None:
        end = present.watch()
        try:
            scratch.clear(".")
        finally:
            frames.write(self._control.fileno(), messages.END.frame(messages.pack_end(end)))

    def _enter(self, new: Child) -> NoReturn:
        """In the child: descriptors and layers, then the program."""
        self._enter_layers((self._null, *new.given))
        execution.run_program(messages.CHANNEL_FD, messages.LINK_FD, self._environment)
        os._exit(0)
