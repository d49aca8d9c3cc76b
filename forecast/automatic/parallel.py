"""Networks that do not need each other, trained side by side in processes."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Sequence

from forecast.automatic.members import NetworkPlan
from forecast.datasets.ending import always_if_ended
from forecast.datasets.panel import Panel
from forecast.models.recurrent import RecurrentModel
from forecast.progress import Progress, doing, named
from forecast.training.settings import tape, taped

SECONDS_AFTER_THE_DEADLINE = 0.1  # that a network has which begins too late
KILL = getattr(signal, "SIGKILL", signal.SIGTERM)  # Windows has one way to end a process, and calls it this
SECONDS_BETWEEN_LOOKS = 0.5  # of a worker at whether the process that it works for is still there


def cpu_count() -> int:
    """CPUs that this process may use, at least 1; where the system does not tell, all that the machine has."""
    usable = getattr(os, "process_cpu_count", None)  # Python 3.13 and later
    if usable is not None:
        return usable() or 1
    if hasattr(os, "sched_getaffinity"):  # Linux; macOS and Windows have none
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def fit_all(
    plans: Sequence[NetworkPlan],
    panel: Panel,
    workers: int,
    *,
    deadline: float | None = None,
    progress: Progress | None = None,
) -> tuple[list[RecurrentModel], float]:
    """Fit each network on the panel, `workers` at a time; the networks are the same for any number of workers.

    Args:
        plans: the networks to train.
        panel: the training rows.
        workers: processes; 1 trains in this one.
        deadline: when all shall be trained, on the clock of `time.perf_counter`: each network plans for its share of
            the time that is left when it begins.
        progress: told of each training step in this process.

    Returns:
        The fitted networks in the order of the plans, and the CPU seconds that other processes spent on them.
    """
    workers = min(workers, len(plans))
    if workers > 1:
        return _fit_side_by_side(plans, panel, workers, _seconds(deadline, -(-len(plans) // workers)))
    fitted = []
    for number, plan in enumerate(plans):
        seconds = _seconds(deadline, len(plans) - number)
        shown = named(progress, f"training member {number + 1} of {len(plans)}")
        fitted.append(plan.build(seconds, progress=shown).fit(panel))
    return fitted, 0.0


def _fit_side_by_side(
    plans: Sequence[NetworkPlan], panel: Panel, workers: int, seconds: float | None
) -> tuple[list[RecurrentModel], float]:
    doing(f"training {len(plans)} members in {workers} processes")
    from joblib import Parallel, delayed  # type: ignore[import-untyped]  # comes with scikit-learn; its processes need no guard in the user's script

    always_if_ended(_end_workers)  # they outlive this function, ready for the next one
    given, planned = _given_steps(len(plans)), tape()
    tasks = [delayed(_fit_here)(plan, seconds, panel, os.getpid(), one) for plan, one in zip(plans, given, strict=True)]
    networks, cpu_seconds, steps = zip(*Parallel(n_jobs=workers)(tasks), strict=True)
    planned.steps += [number for of_network in steps for number in of_network]
    return list(networks), sum(cpu_seconds)


def _given_steps(n: int) -> list[list[int] | None]:
    """The steps that the job's tape gives the next networks, each of which plans once; None where nothing is given."""
    now = tape()
    if now.given is None:
        return [None] * n
    left = list(now.given[len(now.steps) :])
    return [left[number : number + 1] for number in range(n)]


def _fit_here(
    plan: NetworkPlan, seconds: float | None, panel: Panel, employer: int, given: list[int] | None
) -> tuple[RecurrentModel, float, list[int]]:
    """In a worker process: the fitted network, the CPU seconds that fitting took, and the steps that a time came to.

    Args:
        plan: the network to train.
        seconds: the time that it plans for; None for as long as it takes.
        panel: the training rows.
        employer: id of the process that the worker works for, and without which it ends.
        given: the steps that its time comes to, where an earlier job says so; None measures.
    """
    _end_with(employer)
    import forecast.training.loop  # noqa: F401  # before the clock starts: to load Lightning is not to fit

    began = time.process_time()
    with taped(given) as own:
        network = plan.build(seconds).fit(panel)
    return network, time.process_time() - began, own.steps


def _end_workers() -> None:
    """End all worker processes of this one at once."""
    for worker in multiprocessing.active_children():
        if worker.pid is not None:
            os.kill(worker.pid, KILL)  # joblib's processes have no method for it


def _end_with(employer: int) -> None:
    """In a worker process: end as soon as the process that it works for was killed, which had no time to end it."""

    def watch() -> None:
        while os.getppid() == employer:
            time.sleep(SECONDS_BETWEEN_LOOKS)
        os._exit(1)

    if os.getppid() != employer and hasattr(os, "fork"):
        os._exit(1)
    if all(thread.name != watch.__qualname__ for thread in threading.enumerate()):
        threading.Thread(target=watch, name=watch.__qualname__, daemon=True).start()


def _seconds(deadline: float | None, rounds: int) -> float | None:
    """The seconds of one network where so many must be trained one after another until the deadline."""
    if deadline is None:
        return None
    return max((deadline - time.perf_counter()) / rounds, SECONDS_AFTER_THE_DEADLINE)
