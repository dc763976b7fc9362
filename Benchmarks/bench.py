#!/usr/bin/env python3
"""Times this project's rows and its peers' in alternation, and keeps the table in results/bench.json.

Each row runs for 1 and 2 threads. Ours and the peers take turns for several rounds, so that a machine that slows down
or speeds up does it to all; medians over the rounds are compared. PyTorch's program first finds the fastest of its
modes (eager, channels last, torch.compile and so on), which then runs in every round. ONNX Runtime is a second peer of
the inference rows and, statically quantised, of 8-bit plans. Kernel rows have no peer: they stand beside the machine's
peak. Sparse and 8-bit plans are timed in turn with the dense plan in floats.

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
from report import print_kernels, print_plans, print_rows

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


def rows_of(python, peer):
    """The names of the rows that a peer has; none where its library is not installed."""
    if python is None:
        return set()
    probe = subprocess.run([python, peer, "--list"], capture_output=True, text=True)
    return {line.split()[0] for line in probe.stdout.splitlines()} if probe.returncode == 0 else set()


def measure(name, threads, programs, python, options):
    """One row of the table; `programs` are the peers' by the names "peer" and "onnx"."""

    def ours():
        answer = run(OURS, "--row", name, "--threads", threads, "--seconds", options.seconds)
        return last_line_of_json(answer)["median_ms"]

    peers, labels, times = {}, {}, {"ours": []}
    for key, program in programs.items():
        peers[key] = Peer(python, program, "--row", name, "--threads", threads)
        first = peers[key].measure(0)  # finds the fastest form
        labels[key] = first["peer"]
        print(f"  {first['peer']}: {first['median_ms']:.3f} ms", flush=True)
    end = time.monotonic() + options.limit
    while len(times["ours"]) < FEWEST_ROUNDS or len(times["ours"]) < options.rounds and time.monotonic() < end:
        times["ours"].append(ours())
        for key, peer in peers.items():
            times.setdefault(key, []).append(peer.measure(options.seconds)["median_ms"])
    for peer in peers.values():
        peer.close()
    medians = {key: statistics.median(values) for key, values in times.items()}
    row = {"name": name, "threads": threads, "ours_ms": round(medians["ours"], 5), "peer": labels.get("peer")}
    for key, ratio in (("peer", "ratio"), ("onnx", "onnx_ratio")):
        if key in peers or key == "peer":
            value = medians.get(key)
            row[f"{key}_ms"] = round(value, 5) if value else None
            row[ratio] = round(value / medians["ours"], 3) if value else None
    return targets.judged(row)


def kernels(threads, pattern):
    """The rows of all kernels whose names fit the pattern."""
    lines = run(OURS, "--kernels", pattern, "--threads", threads).splitlines()
    return [targets.judged_kernel(json.loads(line)) for line in lines]


def plans(threads, name, python, options):
    """The row of a sparse or 8-bit plan; of the latter beside ONNX Runtime's where that is installed."""

    def ours():
        return last_line_of_json(run(OURS, "--plans", name, "--threads", threads))

    if name not in rows_of(python, ONNX):
        return targets.judged_plan(ours())
    peer = Peer(python, ONNX, "--row", name, "--threads", threads)
    label = peer.measure(0)["peer"]
    rounds = [(ours(), peer.measure(options.seconds)["median_ms"]) for _ in range(FEWEST_ROUNDS)]
    peer.close()
    row = sorted((row for row, _ in rounds), key=lambda row: row["plan_ms"])[len(rounds) // 2]
    theirs = statistics.median(other for _, other in rounds)
    ratio = round(theirs / row["plan_ms"], 3)
    return targets.judged_plan(row | {"onnx": label, "onnx_ms": round(theirs, 5), "onnx_ratio": ratio})


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
    parser.add_argument("--rounds", type=int, default=5, help="most rounds of a row")
    parser.add_argument("--seconds", type=float, default=0.4, help="how long each measurement of a round takes")
    parser.add_argument(
        "--limit", type=float, default=10, help=f"seconds after which a row gets no more than {FEWEST_ROUNDS} rounds"
    )
    options = parser.parse_args()

    names = [name for name in run(OURS, "--list").split() if fnmatch.fnmatchcase(name, options.rows)]
    kernel_names = [name for name in run(OURS, "--list-kernels").split() if fnmatch.fnmatchcase(name, options.rows)]
    plan_names = [name for name in run(OURS, "--list-plans").split() if fnmatch.fnmatchcase(name, options.rows)]
    if not names and not kernel_names and not plan_names:
        program = OURS.relative_to(ROOT)
        sys.exit(f"No row is called {options.rows}; `{program} --list`, `--list-kernels` and `--list-plans` name them.")
    if kernel_names:
        for threads in options.threads:
            save(*kernels(threads, options.rows))
    python = find_python()
    for name in plan_names:
        for threads in options.threads:
            save(plans(threads, name, python, options))
    if names:
        if python is None:
            print("PyTorch was not found; set RAMPART_PYTHON to a Python that can import torch to compare with it.")
        rows = {"peer": rows_of(python, PYTORCH), "onnx": rows_of(python, ONNX)}
        programs = {"peer": PYTORCH, "onnx": ONNX}
        for name in names:
            for threads in options.threads:
                print(f"{name}, {threads} thread{'s' if threads > 1 else ''}", flush=True)
                present = {key: program for key, program in programs.items() if name in rows[key]}
                save(measure(name, threads, present, python, options))
    rows = load()
    print_kernels([targets.judged_kernel(row) for row in rows if "gflops" in row])
    print_plans([targets.judged_plan(row) for row in rows if "plan_ms" in row])
    print_rows([targets.judged(row) for row in rows if "ours_ms" in row])
    print(f"Written: {TABLE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
