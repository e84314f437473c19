"""A job on many workers in virtual time, with the real limiter arithmetic and the real planner."""

import heapq
import itertools
import math
from collections import deque
from collections.abc import Callable, Generator, Sequence
from random import Random

import attrs

from posthog_env_async.export.partitions.plan import Partition, PartitionSize, cut
from posthog_env_async.session import Limit, Window

__all__ = ["Job", "Outcome", "simulate"]

PAGE = 1000
OVERLAP = 100
NETWORK = (0.02, 0.06)
SERVICE = (0.2, 0.5)
LEASE = 30.0
RESTART = 20.0
REFUSED = 0.02
ONE = Partition(host="", project="", prefix="", number=0, of=1, start=0, stop=None, page_size=PAGE)
Event = tuple[float, int, Callable[[], None]]
Steps = Generator[float | None, None, None]


@attrs.frozen(kw_only=True)
class Job:
    """What is simulated: rates are by second; `shared` is whether the workers share the limiter."""

    workers: int
    projects: int = 1
    persons: int = 10_000_000
    windows: Sequence[Limit] = (Limit(240, 60.0),)
    rows_per_partition: int = 20_000
    shared: bool = True
    deaths: float = 0.0
    redelivery: float = 300.0
    inserts: float = 0.0
    deletes: float = 0.0
    seed: int = 0


@attrs.frozen
class Outcome:
    """What came out: seconds until merged, and what it took."""

    seconds: float
    requests: int
    refused: int
    used: float
    redone: int
    seams: int
    partitions: int


@attrs.define(eq=False)
class _Task:
    """A partition being read: pages that are done are not read again, as in the exporter."""

    partition: Partition
    pages: int
    done: int = 0
    began: float = math.inf
    ended: float = math.inf


@attrs.define(eq=False)
class _Clock:
    now: float = 0.0
    _events: "list[Event]" = attrs.field(factory=list[Event], init=False)
    _order: "itertools.count[int]" = attrs.field(factory=itertools.count, init=False)

    def at(self, when: float, event: Callable[[], None]) -> None:
        heapq.heappush(self._events, (when, next(self._order), event))

    def run_until(self, done: Callable[[], bool]) -> None:
        while self._events and not done():
            self.now, _, event = heapq.heappop(self._events)
            event()


@attrs.define(eq=False)
class _Server:
    """Counts what arrives in sliding windows, and refuses what is too much.

    See docs/server.md, Throttles.
    """

    windows: Sequence[Limit]
    served: int = 0
    refused: int = 0
    history: deque[float] = attrs.field(factory=deque[float], init=False)

    def admit(self, now: float) -> float:
        """Return 0, or for how many seconds the request is refused."""
        wait = 0.0
        for limit in self.windows:
            if len(self.history) >= limit.requests:
                wait = max(wait, self.history[-limit.requests] + limit.seconds - now)
        if wait > 0:
            self.refused += 1
            return math.ceil(wait)
        self.served += 1
        self.history.append(now)
        if len(self.history) > max(limit.requests for limit in self.windows):
            self.history.popleft()
        return 0.0


@attrs.define(eq=False)
class _Limiter:
    """The real `Window`, asked in turn: the longest waiting comes first."""

    clock: _Clock
    window: Window
    queue: "deque[_Worker]" = attrs.field(factory=deque["_Worker"], init=False)
    _planned: float = attrs.field(default=math.inf, init=False)

    def ask(self, worker: "_Worker") -> None:
        self.queue.append(worker)
        self.serve()

    def end(self) -> None:
        self.window.end(self.clock.now)
        self.serve()

    def hold(self, seconds: float) -> None:
        self.window.block(self.clock.now + seconds)
        self.serve()

    def serve(self) -> None:
        wait = 0.0
        while self.queue and (wait := self.window.wait(self.clock.now)) <= 0:
            worker = self.queue.popleft()
            if worker.alive:
                self.window.start()
                worker.holds = True
                self.clock.at(self.clock.now, worker.step)
        if self.queue and self.clock.now + wait < self._planned:
            self._planned = self.clock.now + wait
            self.clock.at(self._planned + 1e-9, self._due)

    def _due(self) -> None:
        self._planned = math.inf
        self.serve()


@attrs.define(eq=False)
class _Worker:
    simulation: "_Simulation"
    limiter: _Limiter
    alive: bool = True
    holds: bool = False
    task: _Task | None = None
    steps: Steps = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.steps = self.work()

    def step(self) -> None:
        if not self.alive:
            return
        pause = next(self.steps, math.inf)
        if pause is None:
            self.limiter.ask(self)
        elif pause < math.inf:
            clock = self.simulation.clock
            clock.at(clock.now + pause, self.step)

    def work(self) -> Steps:
        simulation = self.simulation
        while (task := simulation.take()) is not None:
            self.task = task
            task.began = min(task.began, simulation.clock.now)
            while task.done < task.pages:
                yield from self.page(task)
            task.ended, self.task = simulation.clock.now, None
            simulation.left -= 1
        yield math.inf

    def page(self, task: _Task) -> Steps:
        simulation, chance = self.simulation, self.simulation.chance
        yield None
        yield chance.uniform(*NETWORK)
        refused = simulation.server.admit(simulation.clock.now)
        yield REFUSED if refused else chance.uniform(*SERVICE)
        yield chance.uniform(*NETWORK)
        self.holds = False
        self.limiter.end()
        if refused:
            self.limiter.hold(refused)
        else:
            task.done += 1


@attrs.define(eq=False)
class _Simulation:
    job: Job
    clock: _Clock = attrs.field(factory=_Clock, init=False)
    chance: Random = attrs.field(init=False)
    server: _Server = attrs.field(init=False)
    tasks: list[_Task] = attrs.field(init=False)
    queue: deque[_Task] = attrs.field(init=False)
    workers: list[_Worker] = attrs.field(factory=list[_Worker], init=False)
    left: int = attrs.field(init=False)
    redone: int = attrs.field(default=0, init=False)
    _shared: _Limiter = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.chance = Random(self.job.seed)
        self.server = _Server(self.job.windows)
        self.tasks = _planned(self.job)
        self.queue, self.left = deque(self.tasks), len(self.tasks)
        self._shared = self._limiter()

    def _limiter(self) -> _Limiter:
        return _Limiter(self.clock, Window(tuple(self.job.windows)))

    def take(self) -> _Task | None:
        return self.queue.popleft() if self.queue else None

    def hire(self) -> None:
        worker = _Worker(self, self._shared if self.job.shared else self._limiter())
        self.workers.append(worker)
        self.clock.at(self.clock.now, worker.step)
        if self.job.deaths:
            lasts = self.chance.expovariate(self.job.deaths)
            self.clock.at(self.clock.now + lasts, lambda: self.kill(worker))

    def kill(self, worker: _Worker) -> None:
        worker.alive = False
        if worker.holds:
            self.clock.at(self.clock.now + LEASE, worker.limiter.end)
        if worker.task is not None:
            task = worker.task
            self.redone += 1
            self.clock.at(self.clock.now + self.job.redelivery, lambda: self.give_back(task))
        self.clock.at(self.clock.now + RESTART, self.hire)

    def give_back(self, task: _Task) -> None:
        self.queue.append(task)
        self.hire()

    def run(self) -> Outcome:
        for _ in range(self.job.workers):
            self.hire()
        self.clock.run_until(lambda: self.left == 0)
        read = self.clock.now
        allowed = min(limit.requests * (1 + read // limit.seconds) for limit in self.job.windows)
        seams, extra = _seams(self.job, self.tasks)
        merging = extra * max(limit.seconds / limit.requests for limit in self.job.windows)
        return Outcome(
            seconds=read + merging,
            requests=self.server.served + extra,
            refused=self.server.refused,
            used=self.server.served / allowed,
            redone=self.redone,
            seams=seams,
            partitions=len(self.tasks),
        )


def _planned(job: Job) -> list[_Task]:
    size = PartitionSize(None, job.rows_per_partition, OVERLAP, PAGE)
    count = job.persons // job.projects
    tasks: list[_Task] = []
    for project in range(job.projects):
        whole = attrs.evolve(ONE, project=str(project))
        for partition in cut(whole, count, size):
            rows = (partition.stop or count) - partition.start
            tasks.append(_Task(partition, max(1, math.ceil(rows / PAGE))))
    return tasks


def _seams(job: Job, tasks: Sequence[_Task]) -> tuple[int, int]:
    """Return how many seams share no row, and the requests that reading them again takes."""
    seams = requests = 0
    for one, other in itertools.pairwise(tasks):
        if one.partition.project != other.partition.project:
            continue
        apart = one.ended - other.began
        moved = job.inserts * apart if apart > 0 else -job.deletes * apart
        moved /= job.projects
        if moved > OVERLAP:
            seams += 1
            requests += math.ceil((moved + PAGE / 2) / PAGE) + 1
    return seams, requests


def simulate(job: Job) -> Outcome:
    """Run a job from the first request to the merged file."""
    return _Simulation(job).run()
