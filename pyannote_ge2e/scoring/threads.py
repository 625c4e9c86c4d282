"""One block of work a thread, instead of one matrix product on all of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Lock

from threadpoolctl import ThreadpoolController

# The number of BLAS threads is one for the process: who comes second would take, and at the
# end restore, the 1 of who came first.
_ONE_AT_A_TIME = Lock()


@contextmanager
def worker_threads() -> Iterator[tuple[Executor, int]]:
    """As many threads as the linear algebra of numpy would use, each with BLAS to itself.

    BLAS runs on one thread meanwhile. Its own threads only help with matrix products, and wait
    for the next one by spinning: beside other threads they cost more time than they save.
    Whatever limits BLAS (OMP_NUM_THREADS, threadpoolctl) limits the number of workers.

    Yields
    ------
    executor : Executor
    num_workers : int

    Examples
    --------
    >>> with worker_threads() as (executor, _):
    ...     list(executor.map(abs, [1, -2]))
    [1, 2]
    """
    with _ONE_AT_A_TIME:
        blas = ThreadpoolController().select(user_api="blas")
        found = [library.num_threads for library in blas.lib_controllers]
        num_workers = max(found) if found else os.cpu_count() or 1
        with blas.limit(limits=1), ThreadPoolExecutor(num_workers) as executor:
            yield executor, num_workers
