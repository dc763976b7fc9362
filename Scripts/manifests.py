"""Reads package manifests through SwiftPM, for the checks that compare them."""
import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def dump(folder):
    """A manifest as SwiftPM understands it; ends the program with SwiftPM's own message when it does not."""
    # A scratch folder of its own: the check must not wait for a build that is under way.
    command = ["swift", "package", "--package-path", folder, "--scratch-path", ROOT / ".build/manifests"]
    result = subprocess.run([*map(str, command), "dump-package"], capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(f"{folder.relative_to(ROOT)}/Package.swift cannot be read:\n{result.stderr.strip()}")
    return json.loads(result.stdout)


def module_packages():
    """The folders `Packages/*`, sorted."""
    return sorted(folder for folder in (ROOT / "Packages").iterdir() if folder.is_dir())


def targets_by_name(manifest):
    return {target["name"]: target for target in manifest["targets"]}


def target_path(target):
    """A target's folder relative to its manifest: as written, or where SwiftPM looks by itself."""
    return target.get("path") or ("Tests/" if target["type"] == "test" else "Sources/") + target["name"]


def dependency_names(target):
    """The names of the targets and products that a target depends on, sorted."""
    return sorted(next(iter(dependency.values()))[0] for dependency in target["dependencies"])
