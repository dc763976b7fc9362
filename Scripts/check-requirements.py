#!/usr/bin/env python3
"""Checks that every ticked line of Docs/Requirements.md names something that shows it.

A ticked line ends with `(shown by: REFERENCE; REFERENCE)`. A reference is a test, `SuiteName/testName`, or a file
below `Docs/`, written from the top of the repository. The number of items of each document must be the one in
the table at the top, so that none gets lost.
"""
import collections
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LIST = ROOT / "Docs/Requirements.md"

ITEM = re.compile(r"^- \[(?P<tick>.)\] \*\*(?P<name>D(?P<document>\d+)\.\d+)\*\*")
SHOWN_BY = re.compile(r"\(shown by: (?P<references>[^()]+)\)$")
TABLE_ROW = re.compile(r"^\| (?P<document>\d+) \|.*\| (?P<count>\d+) \(")
TEST = re.compile(r"@Test\b")
FUNCTION = re.compile(r"\bfunc\s+(?:`(?P<raw>[^`]+)`|(?P<name>\w+))")
TYPE = re.compile(r"^(?P<indent> *)(?:@\w+(?:\(.*?\))? +)*(?:(?:public|internal|private|fileprivate|final) +)*"
                  r"(?:struct|class|enum|actor|extension) +(?P<name>\w+)", re.MULTILINE)


def indentation(text, position):
    line = text.rfind("\n", 0, position) + 1
    return len(text[line:position]) - len(text[line:position].lstrip(" "))


def tests_of(text):
    """`Suite/test` for each test function of a source file."""
    types = [(match.start(), len(match["indent"]), match["name"]) for match in TYPE.finditer(text)]
    for attribute in TEST.finditer(text):
        function = FUNCTION.search(text, attribute.end())
        depth = indentation(text, attribute.start())
        around = [name for start, indent, name in types if start < attribute.start() and indent < depth]
        if function and around:
            yield f"{around[-1]}/{function['raw'] or function['name']}"


def all_tests():
    files = [*ROOT.glob("Packages/*/Tests/**/*.swift"), *ROOT.glob("Tests/**/*.swift")]
    return {test for file in files for test in tests_of(file.read_text(encoding="utf-8"))}


def exists(reference, tests):
    if reference.startswith("Docs/"):
        file = (ROOT / reference).resolve()
        return file.is_file() and (ROOT / "Docs") in file.parents
    return reference in tests


def complaints(text, tests):
    expected, counted = {}, collections.Counter()
    for number, line in enumerate(text.splitlines(), 1):
        row = TABLE_ROW.match(line)
        if row:
            expected[row["document"]] = int(row["count"])
        item = ITEM.match(line)
        if not item:
            if re.match(r"^- \[.?\]", line):
                yield f"{number}: a list item without a name such as **D0.1**"
            continue
        counted[item["document"]] += 1
        if item["tick"] == " ":
            continue
        if item["tick"] not in "xX":
            yield f"{number}: {item['name']}: the tick is neither blank nor x"
            continue
        shown_by = SHOWN_BY.search(line.rstrip())
        if not shown_by:
            yield f"{number}: {item['name']} is ticked but does not end with (shown by: ...)"
            continue
        for reference in shown_by["references"].split(";"):
            if not exists(reference.strip(), tests):
                yield f"{number}: {item['name']}: there is no test or file {reference.strip()}"
    for document, count in expected.items():
        if counted[document] != count:
            yield f"1: document {document} has {counted[document]} items, its table row says {count}"


def main():
    found = list(complaints(LIST.read_text(encoding="utf-8"), all_tests()))
    for line in found:
        print(f"{LIST.relative_to(ROOT)}:{line}")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
