#!/usr/bin/env python3
"""Checks that modules import only downwards.

The compiler does not do it in the root package, where every module is within reach of every other one: there an
undeclared import may compile by accident. Three rules: a module depends only on modules that MAY_IMPORT allows
(directly or through another one); a module's source file imports only what its target declares, or the toolchain's
own modules (tests and programs may also import what lies below that); C modules are imported `internal`, which keeps
them out of the public API.
"""
import re
import sys

from manifests import ROOT, dependency_names, dump, target_path, targets_by_name

# The arrows of Docs/Architecture.md.
MAY_IMPORT = {
    "CKernels": [],
    "TensorCore": ["CKernels"],
    "ImageCodecs": ["TensorCore"],
    "AutoDiffLite": ["TensorCore"],
    "NNLayers": ["AutoDiffLite"],
    "Datasets": ["TensorCore", "ImageCodecs"],
    "Attacks": ["NNLayers"],
    "Defenses": ["Attacks", "ImageCodecs"],
    "Compression": ["NNLayers", "Attacks"],
    "Interpretability": ["NNLayers"],
    "Reporting": ["TensorCore", "ImageCodecs"],
}
TOOLCHAIN = {"Foundation", "Glibc", "Darwin", "Musl", "Synchronization", "Dispatch", "Swift"}
TESTING = {"Testing"}

IMPORT = re.compile(
    r"^\s*(?P<attributes>(?:@\w+\s+)*)(?P<access>internal |private |fileprivate |public |package )?import "
    r"(?:(?:struct|class|enum|protocol|func|var|let|typealias) )?(?P<module>\w+)",
    re.MULTILINE)


def reachable(names, arrows):
    """These names and all that can be reached from them; `arrows` gives the names below one."""
    found = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += arrows(name)
    return found


def check_target(target, targets):
    declared = set(dependency_names(target))
    system = {name for name, other in targets.items() if other["type"] == "system"}
    name, kind = target["name"], target["type"]
    if kind == "regular" and target_path(target).startswith("Packages/"):
        if name not in MAY_IMPORT:
            yield f"Package.swift: {name} has no line in MAY_IMPORT of Scripts/check-layers.py"
        else:
            for wrong in sorted(declared - system - reachable(MAY_IMPORT[name], MAY_IMPORT.get)):
                yield f"Package.swift: {name} depends on {wrong}, which is not below it"
    allowed = declared | TOOLCHAIN
    if kind != "regular":
        allowed |= reachable(declared, lambda other: dependency_names(targets[other])) - system
    if kind == "test":
        allowed |= TESTING
    for file in sorted((ROOT / target_path(target)).rglob("*.swift")):
        text = file.read_text(encoding="utf-8")
        for found in IMPORT.finditer(text):
            module = found["module"]
            line = text.count("\n", 0, found.start("module")) + 1
            where = f"{file.relative_to(ROOT)}:{line}"
            if module not in allowed:
                yield f"{where}: imports {module}, which {name} does not declare"
            elif kind == "regular" and (module in system or module == "CKernels"):
                if found["access"] not in ("internal ", "private ", "fileprivate "):
                    yield f"{where}: a C module is imported with `internal import {module}`"


def main():
    targets = targets_by_name(dump(ROOT))
    complaints = [line for target in targets.values() for line in check_target(target, targets)]
    for line in complaints:
        print(line)
    sys.exit(1 if complaints else 0)


if __name__ == "__main__":
    main()
