"""Training steps in PyTorch: gather a shuffled batch, forward, cross-entropy, backward, update."""
from typing import NamedTuple

import torch
from torch.nn import functional

from timing import Variant, fastest

IMPLEMENTATIONS = {"single": {"foreach": False}, "foreach": {"foreach": True}, "fused": {"fused": True}}


class Samples(NamedTuple):
    """Images in one tensor, as floats and, where the data set has bytes, as bytes, with labels and an order."""

    floats: torch.Tensor
    bytes: torch.Tensor | None
    labels: torch.Tensor
    order: torch.Tensor


def samples(count, image_shape, has_bytes, channels_last):
    """Random images. With `channels_last` they are stored height, width, channels, and a batch's axes are swapped in
    its strides, without a copy."""
    torch.manual_seed(0)
    if channels_last:
        channels, height, width = image_shape
        image_shape = (height, width, channels)
    stored = torch.randint(0, 256, (count, *image_shape), dtype=torch.uint8)
    floats = stored.to(torch.float32).div_(255)
    return Samples(floats, stored if has_bytes else None, torch.randint(0, 10, (count,)), torch.randperm(count))


def sgd(parameters, **settings):
    return torch.optim.SGD(parameters, **settings)


def adam(parameters, **settings):
    return torch.optim.Adam(parameters, **settings)


def training_variants(mode, make_model, make_optimizer, batch_size, image_shape=(784,), count=60_000, has_bytes=True):
    """The step for each implementation of the optimizer, then with the fastest of them for the other storage.

    `mode` is eager, channels_last, compile or compile_channels_last.
    """
    channels_last = mode.endswith("channels_last")
    data = samples(count, image_shape, has_bytes, channels_last)
    model = make_model()
    if channels_last:
        model = model.to(memory_format=torch.channels_last)
    model.train()

    def loss_of(x, y):
        return functional.cross_entropy(model(x), y)

    if mode.startswith("compile"):
        loss_of = torch.compile(loss_of, dynamic=False)

    def float_batch(chosen):
        return data.floats.index_select(0, chosen)

    def byte_batch(chosen):
        return data.bytes.index_select(0, chosen).to(torch.float32).div_(255)

    def variant(implementation, storage):
        optimizer = make_optimizer(model.parameters(), **IMPLEMENTATIONS[implementation])
        batch = byte_batch if storage == "bytes" else float_batch
        position = 0

        def step():
            nonlocal position
            chosen = data.order[position : position + batch_size]
            position = position + batch_size if position + 2 * batch_size <= count else 0
            x = batch(chosen)
            loss = loss_of(x.permute(0, 3, 1, 2) if channels_last else x, data.labels.index_select(0, chosen))
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()

        return Variant(f"{type(optimizer).__name__} {implementation} {storage}", step)

    best = fastest(variant(implementation, "floats") for implementation in IMPLEMENTATIONS)
    yield best
    if has_bytes:
        yield variant(best.label.split()[1], "bytes")
