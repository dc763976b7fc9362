#!/usr/bin/env python3
"""Times this project's rows and PyTorch's in alternation, and keeps the table in results/bench.json.

Each row runs for 1 and 2 threads. Ours and the peer take turns for several rounds, so that a machine that slows
down or speeds up does it to both; medians over the rounds are compared. Of the peer's modes (eager, torch.compile,
channels last where it makes sense) the first round finds the fastest, which then runs in every round.

PyTorch is optional. It is looked for in $RAMPART_PYTHON, then .venv/bin/python, then python3.
"""
import argparse
import fnmatch
import json
import math
import os
import pathlib
import shutil
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
OURS = ROOT / ".build/benchmarks/release/rampart-bench"
PEER = ROOT / "Benchmarks/peers/pytorch_peer.py"
TABLE = ROOT / "results/bench.json"


def run(*command):
    """A program's standard output; its own message and the end of this program when it fails."""
    result = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, text=True)
    if result.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} failed with status {result.returncode}")
    return result.stdout


def last_line_of_json(text):
    return json.loads(text.strip().splitlines()[-1])


def find_python():
    """The Python that can import torch, or None."""
    for candidate in (os.environ.get("RAMPART_PYTHON"), ROOT / ".venv/bin/python", shutil.which("python3")):
        if candidate and shutil.which(candidate):
            probe = subprocess.run([str(candidate), "-c", "import torch"], capture_output=True)
            if probe.returncode == 0:
                return str(candidate)
    return None


def peer_modes(python):
    """The rows that PyTorch has, each with its modes."""
    if python is None:
        return {}
    lines = run(python, PEER, "--list").splitlines()
    return {words[0]: words[1:] for words in map(str.split, lines)}


def measure(name, threads, modes, python, rounds, seconds):
    """One row of the table."""

    def ours():
        return last_line_of_json(run(OURS, "--row", name, "--threads", threads, "--seconds", seconds))["median_ms"]

    def peer(mode, variant=None):
        command = [python, PEER, "--row", name, "--threads", threads, "--mode", mode, "--seconds", seconds]
        return last_line_of_json(run(*command, *(["--variant", variant] if variant else [])))

    own_times, peer_times = [ours()], []
    first = {mode: peer(mode) for mode in modes}
    for mode, result in first.items():
        print(f"  {result['peer']}: {result['median_ms']:.3f} ms", flush=True)
    best = min(first, key=lambda mode: first[mode]["median_ms"], default=None)
    for _ in range(rounds):
        own_times.append(ours())
        if best:
            peer_times.append(peer(best, first[best]["variant"])["median_ms"])
    own = statistics.median(own_times)
    other = statistics.median(peer_times) if best else None
    return {
        "name": name,
        "threads": threads,
        "ours_ms": round(own, 5),
        "peer": first[best]["peer"] if best else None,
        "peer_ms": round(other, 5) if best else None,
        "ratio": round(other / own, 3) if best else None,
    }


def load():
    return json.loads(TABLE.read_text(encoding="utf-8")) if TABLE.is_file() else []


def save(new):
    """Puts one row into the table, in place of an older one of the same name and thread count."""
    rows = {(row["name"], row["threads"]): row for row in [*load(), new]}
    TABLE.parent.mkdir(parents=True, exist_ok=True)
    partial = TABLE.with_suffix(".partial")
    ordered = [rows[key] for key in sorted(rows)]
    partial.write_text(json.dumps(ordered, indent=2) + "\n", encoding="utf-8")
    partial.replace(TABLE)


def print_table(rows):
    width = max(len(row["name"]) for row in rows)
    print(f"\n{'row':{width}}  threads   ours ms   peer ms   ratio  peer")
    for row in rows:
        compared = row["ratio"] is not None
        peer_ms = f"{row['peer_ms']:9.3f}" if compared else f"{'-':>9}"
        ratio = f"{row['ratio']:7.2f}" if compared else f"{'-':>7}"
        peer = row["peer"] or "none (PyTorch was not found)"
        print(f"{row['name']:{width}}  {row['threads']:7}  {row['ours_ms']:8.3f} {peer_ms} {ratio}  {peer}")
    ratios = [row["ratio"] for row in rows if row["ratio"] is not None]
    if ratios:
        mean = math.exp(statistics.fmean(map(math.log, ratios)))
        print(f"Geometric mean of {len(ratios)} ratios: {mean:.2f} (above 1: ours is faster)")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", default="*", help="which rows, a shell pattern (default: all)")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=5, help="rounds after the first one")
    parser.add_argument("--seconds", type=float, default=1.0, help="how long each measurement of a round takes")
    options = parser.parse_args()

    names = [name for name in run(OURS, "--list").split() if fnmatch.fnmatchcase(name, options.rows)]
    if not names:
        sys.exit(f"No row is called {options.rows}; `{OURS.relative_to(ROOT)} --list` names them.")
    python = find_python()
    modes = peer_modes(python)
    if python is None:
        print("PyTorch was not found; set RAMPART_PYTHON to a Python that can import torch to compare with it.")
    for name in names:
        for threads in options.threads:
            print(f"{name}, {threads} thread{'s' if threads > 1 else ''}", flush=True)
            save(measure(name, threads, modes.get(name, []), python, options.rounds, options.seconds))
    print_table(load())
    print(f"Written: {TABLE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
