#!/usr/bin/env python3
"""PyTorch's side of the benchmarks: the same work as rampart-bench, written to PyTorch's advantage.

Prints one JSON line, for example

    {"name": "softmax.train.b100", "threads": 2, "variant": "SGD single floats",
     "peer": "PyTorch 2.13.0 eager, SGD single floats", "median_ms": 0.3, "runs": 25}

Of each mode (eager, channels last, compiled and so on) every sensible form is tried and the fastest is measured. The
modes of a row are those that won or came close somewhere. To add a row, write a function that builds its variants for a
mode and enter it in ROWS.
"""
import argparse
import itertools
from functools import partial
from typing import Callable, Iterator, NamedTuple

import torch

import networks
from attacks import AUTOATTACKS, attack_variants, autoattack_variants
from inference import certification_variants, inference_variants
from timing import Variant, serve
from training import adam, sgd, training_variants


class Row(NamedTuple):
    """A benchmark: how to build its variants for a mode, and the modes that make sense for it."""

    variants: Callable[[str], Iterator[Variant]]
    modes: tuple


DENSE = ("eager", "compile")
IMAGES = ("eager", "channels_last", "compile_channels_last")
FORWARD = ("eager", "channels_last", "compile", "compile_channels_last", "jit")
DIGIT = (1, 28, 28)
PICTURE = (3, 32, 32)


def training(make_model, make_optimizer, batch_size, image_shape=DIGIT, modes=IMAGES, **settings):
    return Row(
        lambda mode: training_variants(mode, make_model, make_optimizer, batch_size, image_shape, **settings), modes
    )


def inference(make_model, image_shape, batch_size):
    return Row(lambda mode: inference_variants(mode, make_model(), image_shape, batch_size), FORWARD)


def attack(make_model, image_shape, **settings):
    def variants(mode):
        return attack_variants(mode, networks.settled(make_model, image_shape), image_shape, **settings)

    return Row(variants, IMAGES)


def certification(mode):
    model = networks.settled(networks.convnn, DIGIT)
    return certification_variants(mode, model, DIGIT, count=10_000, sigma=1, batches=(1_000, 5_000, 10_000))


def normalized(make_model):
    return lambda: networks.Normalized(make_model())


NET_SGD = partial(sgd, lr=0.001, momentum=0.9)
DOCUMENT_4_ADAM = partial(adam, lr=1e-3, weight_decay=1e-4)
PICTURES = {"image_shape": PICTURE, "count": 1_600, "has_bytes": False}
PGD_40 = {"count": 20, "radius": 0.03, "step_size": 0.01, "steps": 40, "random_start": True, "chunks": (20,)}
FGSM = {"count": 20, "radius": 0.03, "step_size": 0.03, "steps": 1, "random_start": False, "chunks": (20,)}
PGD_50 = {
    "count": 1_000, "radius": 32 / 255, "step_size": 3.2 / 255, "steps": 50, "random_start": True,
    "chunks": (500, 250, 100),
}  # fmt: skip

AUTOATTACK = {"count": 100, "radius": 0.2, "chunks": (100, 50)}

# The inference rows, which ONNX Runtime has too: what makes the model, the shape of an image, the batch size.
INFERENCE = {
    f"{make_model.__name__}.infer.b{batch_size}": (
        partial(networks.settled, make_model, image_shape), image_shape, batch_size,
    )
    for make_model, image_shape in (
        (networks.convnn, DIGIT),
        (networks.simplecnn, PICTURE),
        (networks.resnet, PICTURE),
    )
    for batch_size in (1, 16, 256)
}  # fmt: skip

ROWS = {
    "softmax.train.b100": training(networks.softmax_regression, partial(sgd, lr=0.05), 100, (784,), DENSE),
    "mlp512.train.b200": training(networks.mlp512, partial(adam, lr=5e-4), 200, (784,), DENSE),
    "net.train.b64": training(networks.net, NET_SGD, 64),
    "net.pgd50.b1000": attack(networks.net, DIGIT, **PGD_50),
    "convnn.train.b128": training(networks.convnn, partial(adam, lr=1e-3), 128),
    "convnn.certify.n10000": Row(certification, FORWARD),
    "simplecnn.train.b32": training(networks.simplecnn, DOCUMENT_4_ADAM, 32, **PICTURES),
    "resnet.train.b32": training(networks.resnet, DOCUMENT_4_ADAM, 32, **PICTURES),
    "wide.train.b64": training(networks.wide, partial(adam, lr=1e-3), 64),
    **{name: inference(*row) for name, row in INFERENCE.items()},
    "simplecnn.fgsm.b20": attack(normalized(networks.simplecnn), PICTURE, **FGSM),
    "simplecnn.pgd40.b20": attack(normalized(networks.simplecnn), PICTURE, **PGD_40),
    "resnet.pgd40.b20": attack(normalized(networks.resnet), PICTURE, **PGD_40),
}
if AUTOATTACKS:
    ROWS["digits.autoattack.b100"] = Row(
        lambda mode: autoattack_variants(mode, **AUTOATTACK), ("eager", "channels_last")
    )


def main():
    parser = argparse.ArgumentParser(description="Times one benchmark row in PyTorch and prints one JSON line.")
    parser.add_argument("--list", action="store_true", help="print each row's name and modes, and stop")
    parser.add_argument("--row", choices=sorted(ROWS))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--mode", choices=FORWARD, help="only this mode (default: all of the row)")
    parser.add_argument("--seconds", type=float, default=3.0, help="how long to measure, after the warm-up")
    parser.add_argument("--serve", action="store_true", help="measure for each number of seconds on standard input")
    options = parser.parse_args()
    if options.list:
        for name, row in ROWS.items():
            print(name, *row.modes)
        return
    if options.row is None:
        parser.error("--row is missing; --list names the rows")
    row = ROWS[options.row]
    modes = [mode for mode in row.modes if options.mode in (None, mode)]
    if not modes:
        parser.error(f"{options.row} has the modes {', '.join(row.modes)}, not {options.mode}")
    torch.set_num_threads(options.threads)

    def described(mode):
        for variant in row.variants(mode):
            yield variant._replace(label=f"{mode}, {variant.label}")

    def answer(label):
        peer = f"PyTorch {torch.__version__.split('+')[0]} {label}"
        return {"name": options.row, "threads": options.threads, "variant": label, "peer": peer}

    variants = itertools.chain.from_iterable(map(described, modes))
    serve(variants, answer, None if options.serve else options.seconds)


if __name__ == "__main__":
    main()
