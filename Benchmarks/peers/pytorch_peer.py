#!/usr/bin/env python3
"""PyTorch's side of the benchmarks: the same work as rampart-bench, written to PyTorch's advantage.

Prints one JSON line, for example

    {"name": "softmax.train.b100", "threads": 2, "median_ms": 0.3, "runs": 25,
     "variant": "SGD single", "peer": "PyTorch 2.13.0 eager, SGD single"}

The data of a training row lie in one tensor, floats or bytes that become floats in the batch; a batch is taken by
index_select with a slice of one permutation, gradients are set to none, and each form of storage and optimizer
(single tensor, foreach, fused) is tried first, so that the fastest is measured. To add a row, write a function that builds its step and enter it in ROWS.
"""
import argparse
import itertools
import json
import statistics
import time
from typing import Callable, Iterator, NamedTuple

import torch
from torch import nn
from torch.nn import functional

Step = Callable[[], None]


class Variant(NamedTuple):
    """One way to do a row's work: what distinguishes it, and a function that does it once."""

    label: str
    step: Step


class Row(NamedTuple):
    """A benchmark: how to build its variants for a mode, and the modes that make sense for it."""

    variants: Callable[[str], Iterator[Variant]]
    modes: tuple


def training_variants(mode, make_model, make_optimizer, optimizer_name, batch_size, image_shape=(784,)):
    """A training step on 60,000 images in one tensor, once for each storage and implementation of the optimizer."""
    torch.manual_seed(0)
    count = 60_000
    stored_bytes = torch.randint(0, 256, (count, *image_shape), dtype=torch.uint8)
    if mode == "channels_last":
        stored_bytes = stored_bytes.to(memory_format=torch.channels_last)
    stored_floats = stored_bytes.to(torch.float32).div_(255)
    labels = torch.randint(0, 10, (count,))
    order = torch.randperm(count)
    for storage, implementation in itertools.product(("floats", "bytes"), ("single", "foreach", "fused")):
        model = make_model()
        if mode == "channels_last":
            model = model.to(memory_format=torch.channels_last)
        settings = {"foreach": False} if implementation == "single" else {implementation: True}
        optimizer = make_optimizer(model.parameters(), **settings)

        def loss_of(x, y, model=model):
            return functional.cross_entropy(model(x), y)

        if mode == "compile":
            loss_of = torch.compile(loss_of, dynamic=False)

        def float_batch(chosen):
            return stored_floats.index_select(0, chosen)

        def byte_batch(chosen):
            return stored_bytes.index_select(0, chosen).to(torch.float32).div_(255)

        batch = float_batch if storage == "floats" else byte_batch
        position = 0

        def step(loss_of=loss_of, optimizer=optimizer, batch=batch):
            nonlocal position
            chosen = order[position : position + batch_size]
            position = position + batch_size if position + 2 * batch_size <= count else 0
            loss = loss_of(batch(chosen), labels.index_select(0, chosen))
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()

        yield Variant(f"{optimizer_name} {implementation} {storage}", step)


def softmax_model():
    model = nn.Linear(784, 10)
    nn.init.zeros_(model.weight)
    nn.init.zeros_(model.bias)
    return model


def mlp512_model():
    return nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 10))


def sgd(parameters, **settings):
    return torch.optim.SGD(parameters, lr=0.05, **settings)


def adam(parameters, **settings):
    return torch.optim.Adam(parameters, lr=5e-4, **settings)


DENSE = ("eager", "compile")

ROWS = {
    "softmax.train.b100": Row(lambda mode: training_variants(mode, softmax_model, sgd, "SGD", 100), DENSE),
    "mlp512.train.b200": Row(lambda mode: training_variants(mode, mlp512_model, adam, "Adam", 200), DENSE),
}


def time_steps(step, count):
    """Milliseconds a step, over `count` steps in a row."""
    start = time.perf_counter()
    for _ in range(count):
        step()
    return (time.perf_counter() - start) * 1000 / count


def warm_up(step, seconds=0.4):
    """Runs until caches, the allocator and compiled code are ready; returns how many steps take 0.1 s."""
    step()  # compiles, where the mode does, and must not count as a step's time
    timings = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(timings) < 3:
        timings.append(time_steps(step, 1))
    return max(1, round(100 / statistics.median(timings)))


def measure(variants, seconds):
    """The fastest variant's label, its median milliseconds a step and the number of timings behind it."""
    best = None
    for variant in variants:
        count = warm_up(variant.step)
        trial = min(time_steps(variant.step, count) for _ in range(5))
        if best is None or trial < best[0]:
            best = (trial, variant, count)
    if best is None:
        raise SystemExit("--variant names none of this row's variants")
    _, variant, count = best
    timings = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(timings) < 3:
        timings.append(time_steps(variant.step, count))
    return variant.label, statistics.median(timings), len(timings)


def main():
    parser = argparse.ArgumentParser(description="Times one benchmark row in PyTorch and prints one JSON line.")
    parser.add_argument("--list", action="store_true", help="print each row's name and modes, and stop")
    parser.add_argument("--row", choices=sorted(ROWS))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--mode", choices=("eager", "compile", "channels_last"), default="eager")
    parser.add_argument("--variant", help="only this variant, as an earlier line named it")
    parser.add_argument("--seconds", type=float, default=3.0, help="how long to measure, after the warm-up")
    options = parser.parse_args()
    if options.list:
        for name, row in ROWS.items():
            print(name, *row.modes)
        return
    if options.row is None:
        parser.error("--row is missing; --list names the rows")
    row = ROWS[options.row]
    if options.mode not in row.modes:
        parser.error(f"{options.row} has the modes {', '.join(row.modes)}, not {options.mode}")
    torch.set_num_threads(options.threads)
    variants = row.variants(options.mode)
    if options.variant:
        variants = (variant for variant in variants if variant.label == options.variant)
    label, median, runs = measure(variants, options.seconds)
    peer = f"PyTorch {torch.__version__.split('+')[0]} {options.mode}, {label}"
    result = {"name": options.row, "threads": options.threads, "median_ms": median, "runs": runs}
    print(json.dumps(result | {"variant": label, "peer": peer}))


if __name__ == "__main__":
    main()
