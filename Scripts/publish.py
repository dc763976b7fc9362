#!/usr/bin/env python3
"""Copies full runs' metrics.json and CSV tables from results/ to Docs/Results/, where they are committed.

Usage: publish.py [PROGRAM...]      (default: every folder of results/ with a metrics.json)
"""
import json
import pathlib
import shutil
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
RESULTS = ROOT / "results"
PUBLISHED = ROOT / "Docs/Results"


def publish(program):
    """Publishes one program's results; returns what is wrong, or None."""
    folder = RESULTS / program
    metrics = folder / "metrics.json"
    if not metrics.is_file():
        return f"results/{program}/metrics.json is missing; `make reproduce DOC={program}` makes it"
    try:
        summary = json.loads(metrics.read_text(encoding="utf-8"))
        profile = summary.get("profile")
    except (ValueError, AttributeError) as error:
        return f"results/{program}/metrics.json is damaged: {error}"
    if profile != "full":
        return f"results/{program} is from the profile {profile!r}; only full runs are published"
    # only what this run wrote: an earlier run's tables may still lie in the folder
    files = [metrics, *(folder / name for name in summary.get("files", []) if name.endswith(".csv"))]
    target = PUBLISHED / program
    shutil.rmtree(target, ignore_errors=True)  # tables that a new version no longer writes must not stay
    for file in files:
        copy = target / file.relative_to(folder)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
    print(f"Docs/Results/{program}: {len(files)} files")
    return None


def main():
    programs = sys.argv[1:] or sorted(file.parent.name for file in RESULTS.glob("*/metrics.json"))
    if not programs:
        sys.exit("There are no results to publish; `make reproduce` makes them.")
    errors = [error for error in map(publish, programs) if error]
    for error in errors:
        print(error, file=sys.stderr)
    sys.exit(1 if errors else 0)


if __name__ == "__main__":
    main()
