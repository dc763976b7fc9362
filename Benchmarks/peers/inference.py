"""Forward passes without gradients in PyTorch: inference, and the counts of randomized smoothing."""
from functools import partial

import torch
from torch.fx.experimental import optimization

from timing import Variant


def forwards(mode, model, example):
    """Ways to compute the logits in this mode, each with its name. Compiled code is called through C++: Python's way
    in is slower for small batches and no faster for large ones."""
    if mode == "jit":
        with torch.no_grad():
            frozen = torch.jit.freeze(torch.jit.trace(model, example))
            yield "frozen", frozen
            yield "optimized", torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(model, example)))
        return
    if mode.startswith("compile"):
        yield "frozen", torch.compile(model, dynamic=False, options={"freezing": True, "cpp_wrapper": True})
        return
    yield "plain", model
    yield "folded", optimization.fuse(model)


def inference_variants(mode, model, image_shape, batch_size):
    """The logits of one batch. `mode` is jit or as for training."""
    torch.manual_seed(0)
    memory_format = torch.channels_last if mode.endswith("channels_last") else torch.contiguous_format
    x = torch.rand(batch_size, *image_shape).contiguous(memory_format=memory_format)
    model = model.to(memory_format=memory_format)
    for name, forward in forwards(mode, model, x):

        def step(forward=forward):
            with torch.inference_mode():
                return forward(x)

        yield Variant(name, step)


def certification_variants(mode, model, image_shape, count, sigma, batches):
    """The classes of `count` noisy copies of one image, counted; the noise is drawn anew each time."""
    torch.manual_seed(0)
    memory_format = torch.channels_last if mode.endswith("channels_last") else torch.contiguous_format
    image = torch.rand(1, *image_shape)
    model = model.to(memory_format=memory_format)
    for batch in batches:
        x = torch.empty(batch, *image_shape).contiguous(memory_format=memory_format)

        def drawn(forward, x=x):
            x.normal_(0, sigma)
            return torch.bincount(forward(x.add_(image).clamp_(0, 1)).argmax(1), minlength=10)

        for name, forward in forwards(mode, model, x):
            yield counting(f"{name}, batches of {batch}", partial(drawn, forward), count // batch)


def counting(label, count_batch, batches):
    """The sum of the counts of so many batches."""

    def step():
        with torch.inference_mode():
            total = torch.zeros(10, dtype=torch.int64)
            for _ in range(batches):
                total += count_batch()
            return total

    return Variant(label, step)
