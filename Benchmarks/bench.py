#!/usr/bin/env python3
"""Times this project's rows and its peers' in alternation, and keeps the table in results/bench.json.

Each row runs for 1 and 2 threads. Ours and the peers take turns for several rounds, so that a machine that slows down
or speeds up does it to all; medians over the rounds are compared. Of PyTorch's modes (eager, channels last,
torch.compile and so on) the first round finds the fastest, which then runs in every round. ONNX Runtime is a second
peer of the inference rows. Kernel rows have no peer: they stand beside the machine's peak.

PyTorch is optional, and so is ONNX Runtime. They are looked for in $RAMPART_PYTHON, then .venv/bin/python, then
python3.
"""
import argparse
import fnmatch
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time

import targets
from report import print_kernels, print_rows

ROOT = pathlib.Path(__file__).resolve().parent.parent
OURS = ROOT / ".build/benchmarks/release/rampart-bench"
PYTORCH = ROOT / "Benchmarks/peers/pytorch_peer.py"
ONNX = ROOT / "Benchmarks/peers/onnx_peer.py"
TABLE = ROOT / "results/bench.json"
FEWEST_ROUNDS = 3


def run(*command):
    """A program's standard output; its own message and the end of this program when it fails."""
    result = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, text=True)
    if result.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} failed with status {result.returncode}")
    return result.stdout


def last_line_of_json(text):
    return json.loads(text.strip().splitlines()[-1])


class Peer:
    """A peer's program, started and warmed up once, that measures whenever it is asked."""

    def __init__(self, *command):
        self.command = [str(word) for word in (*command, "--serve")]
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def measure(self, seconds):
        self.process.stdin.write(f"{seconds}\n")
        self.process.stdin.flush()
        while line := self.process.stdout.readline():
            if line.startswith("{"):
                return json.loads(line)
        sys.exit(f"{' '.join(self.command)} ended without an answer, with status {self.process.wait()}")

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def find_python():
    """The Python that can import torch, or None."""
    for candidate in (os.environ.get("RAMPART_PYTHON"), ROOT / ".venv/bin/python", shutil.which("python3")):
        if candidate and shutil.which(candidate):
            probe = subprocess.run([str(candidate), "-c", "import torch"], capture_output=True)
            if probe.returncode == 0:
                return str(candidate)
    return None


def pytorch_modes(python):
    """The rows that PyTorch has, each with its modes."""
    if python is None:
        return {}
    lines = run(python, PYTORCH, "--list").splitlines()
    return {words[0]: words[1:] for words in map(str.split, lines)}


def onnx_rows(python):
    """The rows that ONNX Runtime has; none where it is not installed."""
    if python is None:
        return set()
    probe = subprocess.run([python, ONNX, "--list"], capture_output=True, text=True)
    return set(probe.stdout.split()) if probe.returncode == 0 else set()


def fastest_mode(python, name, threads, modes):
    """PyTorch's program in its fastest mode for a row, left running, with its first answer; None without modes."""
    best = None
    for mode in modes:
        peer = Peer(python, PYTORCH, "--row", name, "--threads", threads, "--mode", mode)
        first = peer.measure(0.3)
        print(f"  {first['peer']}: {first['median_ms']:.3f} ms", flush=True)
        if best and best[1]["median_ms"] <= first["median_ms"]:
            peer.close()
            continue
        if best:
            best[0].close()
        best = (peer, first)
    return best


def measure(name, threads, modes, has_onnx, python, options):
    """One row of the table."""

    def ours():
        answer = run(OURS, "--row", name, "--threads", threads, "--seconds", options.seconds)
        return last_line_of_json(answer)["median_ms"]

    peers, times = {}, {"ours": []}
    if best := fastest_mode(python, name, threads, modes):
        peers["peer"], label = best[0], best[1]["peer"]
    if has_onnx:
        peers["onnx"] = Peer(python, ONNX, "--row", name, "--threads", threads)
        print(f"  {peers['onnx'].measure(0.1)['peer']}", flush=True)
    end = time.monotonic() + options.limit
    while len(times["ours"]) < FEWEST_ROUNDS or len(times["ours"]) < options.rounds and time.monotonic() < end:
        times["ours"].append(ours())
        for key, peer in peers.items():
            times.setdefault(key, []).append(peer.measure(options.seconds)["median_ms"])
    for peer in peers.values():
        peer.close()
    medians = {key: statistics.median(values) for key, values in times.items()}
    row = {"name": name, "threads": threads, "ours_ms": round(medians["ours"], 5), "peer": label if best else None}
    for key in ("peer", "onnx") if has_onnx else ("peer",):
        value = medians.get(key)
        row[f"{key}_ms"] = round(value, 5) if value else None
        ratio = "ratio" if key == "peer" else "onnx_ratio"
        row[ratio] = round(value / medians["ours"], 3) if value else None
    return targets.judged(row)


def kernels(threads, pattern):
    """The rows of all kernels whose names fit the pattern."""
    lines = run(OURS, "--kernels", pattern, "--threads", threads).splitlines()
    return [targets.judged_kernel(json.loads(line)) for line in lines]


def load():
    return json.loads(TABLE.read_text(encoding="utf-8")) if TABLE.is_file() else []


def save(*new):
    """Puts rows into the table, in place of older ones of the same name and thread count."""
    rows = {(row["name"], row["threads"]): row for row in [*load(), *new]}
    TABLE.parent.mkdir(parents=True, exist_ok=True)
    partial = TABLE.with_suffix(".partial")
    ordered = [rows[key] for key in sorted(rows)]
    partial.write_text(json.dumps(ordered, indent=2) + "\n", encoding="utf-8")
    partial.replace(TABLE)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", default="*", help="which rows, a shell pattern (default: all)")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=5, help="rounds after PyTorch's fastest mode is known")
    parser.add_argument("--seconds", type=float, default=0.5, help="how long each measurement of a round takes")
    parser.add_argument(
        "--limit", type=float, default=15, help=f"no new round of a row after so many seconds and {FEWEST_ROUNDS} rounds"
    )
    options = parser.parse_args()

    names = [name for name in run(OURS, "--list").split() if fnmatch.fnmatchcase(name, options.rows)]
    kernel_names = [name for name in run(OURS, "--list-kernels").split() if fnmatch.fnmatchcase(name, options.rows)]
    if not names and not kernel_names:
        sys.exit(f"No row is called {options.rows}; `{OURS.relative_to(ROOT)} --list` and `--list-kernels` name them.")
    if kernel_names:
        for threads in options.threads:
            save(*kernels(threads, options.rows))
    if names:
        python = find_python()
        if python is None:
            print("PyTorch was not found; set RAMPART_PYTHON to a Python that can import torch to compare with it.")
        modes, with_onnx = pytorch_modes(python), onnx_rows(python)
        for name in names:
            for threads in options.threads:
                print(f"{name}, {threads} thread{'s' if threads > 1 else ''}", flush=True)
                save(measure(name, threads, modes.get(name, []), name in with_onnx, python, options))
    rows = load()
    print_kernels([targets.judged_kernel(row) for row in rows if "gflops" in row])
    print_rows([targets.judged(row) for row in rows if "ours_ms" in row])
    print(f"Written: {TABLE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
