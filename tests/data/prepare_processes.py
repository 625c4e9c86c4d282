"""`prepare` in other processes, and the corpora it is given there: for tests of what goes wrong."""

from __future__ import annotations

import os
import resource
import signal
import time
from multiprocessing import get_context
from pathlib import Path

from made_corpora import write

from pyannote_ge2e.data.prepare.run import prepare
from pyannote_ge2e.errors import UserError


def corpus(folder: Path, speakers: int = 6, utterances: int = 2) -> Path:
    for speaker in range(speakers):
        for utterance in range(utterances):
            write(folder / f"id{speaker:02d}" / f"{utterance}.wav", seconds=0.1)
    return folder


class Process:
    """`prepare` in a process of its own, which tells what it says and how it ends."""

    def __init__(self, *arguments, **options) -> None:
        context = get_context("fork")  # what is imported here need not be imported there
        self.told, telling = context.Pipe(duplex=False)
        self.process = context.Process(target=self._run, args=(telling, arguments, options))
        self.process.start()
        telling.close()

    @staticmethod
    def _run(telling, arguments, options) -> None:
        if options.pop("nobody", False) and os.geteuid() == 0:  # root may do everything
            os.setuid(65534)
        room = options.pop("room", None)
        if room is not None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
        if options.pop("waits", False):
            options["progress"] = lambda *_: (telling.send("measuring"), time.sleep(60))
        try:
            prepare(*arguments, say=telling.send, **options)
            telling.send("done")
        except UserError as error:
            telling.send(f"error: {error}")
        except KeyboardInterrupt:
            telling.send("interrupted")

    def tells(self) -> str:
        assert self.told.poll(60)
        return self.told.recv()

    def kill(self, how: int) -> None:
        os.kill(self.process.pid, how)

    def join(self) -> None:
        self.process.join(60)
        assert self.process.exitcode is not None
