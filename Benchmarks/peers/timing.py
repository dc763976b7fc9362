"""How the peers measure: the same for every library that rampart-bench is compared with."""
import json
import statistics
import sys
import time
from typing import Callable, NamedTuple

Step = Callable[[], object]


class Variant(NamedTuple):
    """One way to do a row's work: what distinguishes it, a function that does it once, and where the work is long a
    shorter piece of it, by which the fastest variant is found."""

    label: str
    step: Step
    trial: Step | None = None


def time_steps(step, count):
    """Milliseconds a step, over `count` steps in a row."""
    start = time.perf_counter()
    for _ in range(count):
        step()
    return (time.perf_counter() - start) * 1000 / count


def warm_up(step, seconds=0.2):
    """Runs until caches, the allocator and compiled code are ready; returns how many steps take 0.05 s."""
    timings = []
    end = time.perf_counter() + seconds
    while not timings or time.perf_counter() < end:
        timings.append(time_steps(step, 1))
    return max(1, round(50 / statistics.median(timings)))


def fastest(variants):
    """The variant whose trial takes the least time. A long one that is far slower than the best so far gets one trial
    only."""
    best = None
    for variant in variants:
        step = variant.trial or variant.step
        step()  # compiles, where the mode does, and must not count as a step's time
        timings = [time_steps(step, 1)]
        if best is None or timings[0] < max(50, 2 * best[0]):
            count = warm_up(step)
            timings = [time_steps(step, count)]
            while len(timings) < 5 and sum(timings) * count < 500:
                timings.append(time_steps(step, count))
        if best is None or min(timings) < best[0]:
            best = (min(timings), variant)
    if best is None:
        raise SystemExit("no variant of this row was asked for")
    return best[1]


def measure(variant, seconds):
    """The median milliseconds a step and the number of timings behind it: as many as fit into the time, at least 1."""
    start = time.perf_counter()
    first = time_steps(variant.step, 1)
    count = max(1, round(50 / first))
    timings = [first] if count == 1 else []
    while not timings or time.perf_counter() - start < seconds:
        timings.append(time_steps(variant.step, count))
    return statistics.median(timings), len(timings)


def serve(variants, describe, seconds):
    """Finds the fastest variant and measures it: once, or with `seconds` None whenever a line on the standard input
    says for how long, so that a program that was warmed up and compiled can take its turn many times. Each answer is
    one JSON line: what `describe` makes of the label, with the median and the number of runs."""
    variant = fastest(variants)

    def answer(duration):
        median, runs = measure(variant, duration)
        print(json.dumps(describe(variant.label) | {"median_ms": median, "runs": runs}), flush=True)

    if seconds is not None:
        answer(seconds)
        return
    for line in sys.stdin:
        answer(float(line))
