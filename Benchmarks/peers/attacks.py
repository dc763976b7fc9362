"""Attacks in PyTorch: gradients with respect to the images alone, the update in place; and AutoAttack."""
import importlib.util
import pathlib

import numpy as np
import torch
from torch.fx.experimental import optimization
from torch.nn import functional

import networks
from timing import Variant

FIXTURE = pathlib.Path(__file__).resolve().parents[2] / "Packages/Attacks/Tests/AttacksTests/Fixtures/autoattack.npz"
AUTOATTACKS = [name for name in ("autoattack", "torchattacks") if importlib.util.find_spec(name)]


def gradient_steps(model, compiled):
    """Ways to make one step: each maps images, their bounds and labels to the images moved by the sign of the loss's
    gradient and clamped to the bounds."""

    def loss_of(x, labels):
        return functional.cross_entropy(model(x), labels, reduction="sum")

    def slope_and_move(loss_of):
        def move(x, low, high, labels, step_size):
            x.requires_grad_(True)
            (slope,) = torch.autograd.grad(loss_of(x, labels), x)
            x = x.detach()
            return torch.clamp(x.add_(slope.sign_(), alpha=step_size), low, high, out=x)

        return move

    if not compiled:
        yield "autograd", slope_and_move(loss_of)
        return
    yield "compiled loss", slope_and_move(torch.compile(loss_of, dynamic=False))

    def whole(x, low, high, labels, step_size):
        slope = torch.func.grad(loss_of)(x, labels)
        return torch.clamp(x + step_size * slope.sign(), low, high)

    whole = torch.compile(whole, dynamic=False, options={"freezing": True})

    def without_recording(*arguments):
        with torch.no_grad():  # lets the compiler take the parameters as constants
            return whole(*arguments)

    yield "compiled step", without_recording


def attack_variants(mode, model, image_shape, count, radius, step_size, steps, random_start, chunks):
    """Projected gradient in the L-infinity ball, in chunks of so many images; `mode` as for training. `model` is in
    evaluation mode, its parameters take no gradients."""
    torch.manual_seed(0)
    channels_last = mode.endswith("channels_last")
    memory_format = torch.channels_last if channels_last else torch.contiguous_format
    images = torch.rand(count, *image_shape).contiguous(memory_format=memory_format)
    labels = torch.randint(0, 10, (count,))
    models = {"": model}
    if not mode.startswith("compile"):
        models[" folded"] = optimization.fuse(model)  # convolution and batch norm become one
    for suffix, network in models.items():
        network = network.to(memory_format=memory_format)
        for name, move in gradient_steps(network, mode.startswith("compile")):
            for chunk in chunks:

                def attack(move=move, chunk=chunk, steps=steps):
                    results = []
                    for x, y in zip(images.split(chunk), labels.split(chunk)):
                        low, high = (x - radius).clamp_(0, 1), (x + radius).clamp_(0, 1)
                        moved = x + torch.empty_like(x).uniform_(-radius, radius) if random_start else x.clone()
                        if random_start:
                            moved.clamp_(0, 1)
                        for _ in range(steps):
                            moved = move(moved, low, high, y, step_size)
                        results.append(moved)
                    return torch.cat(results)

                trial = (lambda attack=attack: attack(steps=2)) if steps > 2 else None
                yield Variant(f"{name}{suffix} chunks of {chunk}", attack, trial)


def autoattack_variants(mode, count, radius, chunks):
    """AutoAttack's standard list in the L-infinity ball, by its authors' code (`pip install
    git+https://github.com/fra31/auto-attack`) and by torchattacks, on the network and the images of this project's
    tests."""
    memory_format = torch.channels_last if mode == "channels_last" else torch.contiguous_format
    arrays = np.load(FIXTURE)
    model = networks.digits().eval().requires_grad_(False).to(memory_format=memory_format)
    model.load_state_dict({name: torch.tensor(arrays["network/" + name]) for name in model.state_dict()})
    images = torch.tensor(arrays["images"][:count]).float().div(255).contiguous(memory_format=memory_format)
    labels = torch.tensor(arrays["labels"][:count]).long()
    for library in AUTOATTACKS:
        for chunk in chunks:

            def attack(library=library, chunk=chunk, count=count):
                x, y = images[:count], labels[:count]
                if library == "autoattack":
                    from autoattack import AutoAttack

                    suite = AutoAttack(
                        model, norm="Linf", eps=radius, seed=1, version="standard", device="cpu", verbose=False
                    )
                    return suite.run_standard_evaluation(x, y, bs=chunk)
                from torchattacks import AutoAttack

                suite = AutoAttack(model, norm="Linf", eps=radius, version="standard", n_classes=10, seed=1)
                return torch.cat([suite(*part) for part in zip(x.split(chunk), y.split(chunk))])

            yield Variant(f"{library} chunks of {chunk}", attack, lambda attack=attack: attack(count=10))
