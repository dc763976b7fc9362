#!/usr/bin/env python3
"""Compares AutoAttack's parts with the authors' code by which samples stand, in results/attack-parity.json.

    parity.py CASE --norm linf --radius 0.2 --attacks apgd-ce square --seeds 1 2

CASE is a file that `rampart-bench --export` wrote: weights, images, and our logits of them. Each outcome is measured
once and kept; images may be measured in parts. The table shows how many samples stand on each side (for each seed), in
how many two outcomes part, and under "own" what parts two seeds of the authors': attacks that begin at random part
without any mistake. p is the exact test of McNemar: whether the samples that only one side fells speak for either.
`apgd-ce/input` and its like begin at the inputs on both sides.

The authors' code is `pip install git+https://github.com/fra31/auto-attack`, or a copy of it in PYTHONPATH.
"""
import argparse
import itertools
import json
import math
import pathlib
import subprocess
import sys
import time

import torch
from safetensors import safe_open

ROOT = pathlib.Path(__file__).resolve().parent.parent
OURS = ROOT / ".build/benchmarks/release/rampart-bench"
TABLE = ROOT / "results/attack-parity.json"
ATTACKS = ("apgd-ce", "apgd-dlr", "apgd-t", "fab", "fab-t", "square", "standard")

sys.path.insert(0, str(ROOT / "Benchmarks/peers"))
import networks  # noqa: E402

NETWORKS = {
    "digits": networks.digits,
    "simple_cnn": lambda: networks.Normalized(networks.simplecnn()),
    "resnet_small": lambda: networks.Normalized(networks.resnet()),
}


def read(path):
    """The network of a case in PyTorch, its images and labels."""
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
        model = NETWORKS[metadata["architecture"]]()
        buffers = [b for n, b in model.named_buffers() if n.split(".")[-1] in ("running_mean", "running_var")]
        for kind, own in (("parameters", list(model.parameters())), ("buffers", buffers)):
            names = metadata[kind].split()
            assert len(names) == len(own), f"{len(names)} {kind} in the file, {len(own)} in the network"
            for name, value in zip(names, own):
                value.data.copy_(file.get_tensor("network/" + name))
        model = model.eval().requires_grad_(False)
        images, labels = file.get_tensor("images"), file.get_tensor("labels").long()
        logits = file.get_tensor("logits")
    error = ((model(images) - logits).abs().max() / logits.abs().max()).item()
    assert error < 1e-4, f"logits differ by {error}"
    return model, images, labels


def ours(case, norm, radius, attack, seed, first, count, threads):
    name, *start = attack.split("/")
    command = [OURS, "--case", case, "--attack", name, "--norm", norm, "--radius", radius, "--seed", seed]
    command += ["--first", first, "--count", count, "--threads", threads] + (["--from-input"] if start else [])
    answer = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(answer.stdout)


def authors(model, images, labels, norm, radius, attack, seed):
    from autoattack import AutoAttack

    name, *start = attack.split("/")
    suite = AutoAttack(
        model, norm={"linf": "Linf", "l2": "L2"}[norm], eps=radius, seed=seed, version="standard", device="cpu",
        verbose=False,
    )  # fmt: skip
    if name != "standard":
        suite.attacks_to_run = [name]
    if start:
        for climb in (suite.apgd, suite.apgd_targeted):
            climb.attack_single_run = lambda x, y, run=climb.attack_single_run: run(x, y, x_init=x)
    begin = time.monotonic()
    changed = suite.run_standard_evaluation(images, labels, bs=250)
    seconds = time.monotonic() - begin
    stands = torch.cat([model(part).argmax(1) for part in changed.split(250)]) == labels
    return {"standing": "".join(str(int(bit)) for bit in stands), "seconds": seconds}


def parted(a, b):
    """In how many samples two outcomes part, and the two-sided p of the exact test whether either side is favoured."""
    only = [sum(x > y for x, y in zip(a, b)), sum(x < y for x, y in zip(a, b))]
    n, k = sum(only), min(only)
    tail = sum(math.comb(n, i) for i in range(k + 1)) / 2**n
    return n, min(1, 2 * tail)


def joined(table, prefix):
    """Outcomes by attack, side and seed: the parts from the first image on, one after the other."""
    parts = {}
    for key, row in table.items():
        name, _, place = key.rpartition("#")
        if name.startswith(prefix + "|"):
            parts.setdefault(tuple(name.split("|")[2:]), []).append((int(place.split("+")[0]), row))
    whole = {}
    for name, rows in parts.items():
        standing, seconds = "", 0
        for first, row in sorted(rows, key=lambda part: part[0]):
            if first == len(standing):
                standing, seconds = standing + row["standing"], seconds + row["seconds"]
        whole[name] = {"standing": standing, "seconds": seconds}
    return whole


def show(table, prefix):
    print(prefix)
    print(f"{'attack':15s} {'images':>6s} {'authors':>9s} {'ours':>9s} {'parted':>9s} {'p':>9s} {'own':>5s} seconds")
    whole = joined(table, prefix)
    for attack in dict.fromkeys(attack for attack, _, _ in whole):
        rows = {side: [row for key, row in sorted(whole.items()) if key[:2] == (attack, side)]
                for side in ("authors", "ours")}  # fmt: skip
        count = min(len(row["standing"]) for side in rows.values() for row in side)
        stands = {side: [row["standing"][:count] for row in rows[side]] for side in rows}
        counts = {side: "/".join(str(s.count("1")) for s in stands[side]) for side in rows}
        pairs = [parted(a, b) for a in stands["authors"] for b in stands["ours"]]
        own = [parted(a, b)[0] for a, b in itertools.combinations(stands["authors"], 2)]
        seconds = [min((r["seconds"] for r in rows[side]), default=math.nan) for side in rows]
        print(
            f"{attack:15s} {count:6d} {counts['authors']:>9s} {counts['ours']:>9s} "
            f"{'/'.join(str(n) for n, _ in pairs):>9s} {'/'.join(f'{p:.2f}' for _, p in pairs):>9s} "
            f"{'/'.join(map(str, own)):>5s} {seconds[0]:.1f} / {seconds[1]:.1f}"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case", type=pathlib.Path)
    parser.add_argument("--norm", choices=("linf", "l2"), default="linf")
    parser.add_argument("--radius", type=float, required=True)
    parser.add_argument("--attacks", nargs="*", default=ATTACKS)
    parser.add_argument("--sides", nargs="*", choices=("ours", "authors"), default=("ours", "authors"))
    parser.add_argument("--seeds", nargs="*", type=int, default=(1, 2))
    parser.add_argument("--first", type=int, default=0, help="which image is the first; parts are put together")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    model, images, labels = read(options.case)
    places = slice(options.first, options.first + options.count)
    images, labels = images[places], labels[places]
    prefix = f"{options.case.stem}|{options.norm} {options.radius:.6f}"
    accuracy = (torch.cat([model(part).argmax(1) for part in images.split(250)]) == labels).sum()
    print(f"{accuracy} of {options.count} right before any attack", flush=True)

    def load():
        return json.loads(TABLE.read_text(encoding="utf-8")) if TABLE.is_file() else {}

    for attack, seed, side in itertools.product(options.attacks, options.seeds, options.sides):
        key = f"{prefix}|{attack}|{side}|{seed}#{options.first}+{options.count}"
        if key in load():
            continue
        if side == "ours":
            row = ours(
                options.case, options.norm, options.radius, attack, seed, options.first, options.count,
                options.threads,
            )  # fmt: skip
        else:
            row = authors(model, images, labels, options.norm, options.radius, attack, seed)
        print(key, row["standing"].count("1"), f"{row['seconds']:.1f} s", flush=True)
        TABLE.parent.mkdir(parents=True, exist_ok=True)
        TABLE.write_text(json.dumps(load() | {key: row}, indent=1) + "\n", encoding="utf-8")
    show(load(), prefix)


if __name__ == "__main__":
    main()
