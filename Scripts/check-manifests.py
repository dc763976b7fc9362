#!/usr/bin/env python3
"""Compares the root Package.swift with each Packages/*/Package.swift.

The root names every target again, because users by git URL and `swift test` see only the root. What both name
must agree: products, and each target's kind, path, dependencies, resources and settings.
"""
import json
import sys

from manifests import ROOT, dependency_names, dump, module_packages, target_path, targets_by_name


def described(value):
    return json.dumps(value, sort_keys=True) if value not in (None, [], "") else "none"


def facts(target, prefix=""):
    """All that is said of a target, in a form that does not depend on which manifest says it."""
    known = {key: value for key, value in target.items() if key not in ("name", "dependencies", "path")}
    known["dependencies"] = dependency_names(target)
    known["path"] = prefix + target_path(target)
    return known


def products(manifest):
    return {product["name"]: (product["type"], sorted(product["targets"])) for product in manifest["products"]}


def compare_package(folder, root):
    """The differences between one sub-package and the root, a line each, and the sub-package's products."""
    where = f"{folder.relative_to(ROOT)}/Package.swift"
    if not (folder / "Package.swift").is_file():
        return [f"{where} is missing"], {}
    package = dump(folder)
    prefix = f"{folder.relative_to(ROOT)}/"
    ours, theirs = targets_by_name(package), targets_by_name(root)
    differences = []
    for name, target in ours.items():
        if name not in theirs:
            differences.append(f"{where}: target {name} is not in the root Package.swift")
            continue
        here, there = facts(target, prefix), facts(theirs[name])
        for key in sorted(here.keys() | there.keys()):
            if here.get(key) != there.get(key):
                differences.append(
                    f"{where}: target {name}: {key} is {described(here.get(key))}, "
                    f"in the root {described(there.get(key))}")
    for name, target in theirs.items():
        if target_path(target).startswith(prefix) and name not in ours:
            differences.append(f"{where}: target {name} is missing; the root has it at {target_path(target)}")
    for name, product in products(package).items():
        found = products(root).get(name)
        if found != product:
            differences.append(f"{where}: product {name} is {described(product)}, in the root {described(found)}")
    for key in ("swiftLanguageVersions", "cLanguageStandard", "cxxLanguageStandard", "toolsVersion"):
        if package.get(key) != root.get(key):
            differences.append(
                f"{where}: {key} is {described(package.get(key))}, in the root {described(root.get(key))}")
    return differences, products(package)


def main():
    root = dump(ROOT)
    differences = []
    named = {}
    for folder in module_packages():
        found, its_products = compare_package(folder, root)
        differences += found
        named.update(its_products)
    for name, (_, product_targets) in products(root).items():
        packaged = [t for t in product_targets if target_path(targets_by_name(root)[t]).startswith("Packages/")]
        if packaged and name not in named:
            differences.append(f"Package.swift: product {name} is in no Packages/*/Package.swift")
    if root["dependencies"]:
        differences.append("Package.swift: has package dependencies; users by version could not resolve them")
    for line in differences:
        print(line)
    sys.exit(1 if differences else 0)


if __name__ == "__main__":
    main()
