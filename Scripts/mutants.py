#!/usr/bin/env python3
"""Breaks kernels and ops on purpose, one at a time, and demands that a test notices.

mutants.json lists the changes: `name` says what is then wrong, `file`, the exact `old` text (once in the file) and
the `new` one; `tests`, a regular expression for `swift test --filter`, where the file's own package has more tests
than needed. `package` names another package whose tests must notice.

The work tree is never touched: a copy in .build/mutants is changed, built and tested, with one build folder for
each package, so that a change costs the time of what depends on it. A change that no test notices, that does not
compile, or whose old text is gone makes this program fail.

Usage: mutants.py [WORDS]      (only mutants whose name or file contains WORDS)
       mutants.py --check      (only whether the list fits the sources)
"""
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
LIST = ROOT / "Scripts/mutants.json"
SCRATCH = ROOT / ".build/mutants"
COPY = SCRATCH / "source"

# A broken loop may never end; the unbroken tests of a package take seconds.
TEST_SECONDS = 600

RAN = re.compile(r"Test run with (\d+) tests?")
BUILT = "Build complete!"
NOTICED = re.compile(r"✘ Test (?!run with)(.+?) (?:recorded an issue|failed)")


def sync():
    """Brings the copy up to date. Unchanged files keep their time, so that they are not built again."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "Packages"],
        cwd=ROOT, capture_output=True, text=True, check=True)
    wanted = {name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()}
    for name in wanted:
        content = (ROOT / name).read_bytes()
        target = COPY / name
        if not target.is_file() or target.read_bytes() != content:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
    for file in COPY.rglob("*"):
        if file.is_file() and str(file.relative_to(COPY)) not in wanted:
            file.unlink()


def package_of(mutant):
    return mutant.get("package") or pathlib.PurePath(mutant["file"]).parts[1]


def end_session(leader):
    """Ends a process and all that it started; the test program has a process group of its own."""
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if os.getsid(int(folder.name)) == leader:
                os.kill(int(folder.name), signal.SIGKILL)
        except ProcessLookupError:
            continue


def swift_test(package, tests):
    """The exit status and output of a package's tests; None as the status when they take too long."""
    # A build folder shared by packages would run the tests of the one that was built in it first: SwiftPM keeps
    # the build plan.
    command = ["swift", "test", "--package-path", str(COPY / "Packages" / package),
               "--scratch-path", str(SCRATCH / package), "--disable-xctest", "-Xcc", "-O2"]
    if tests:
        command += ["--filter", tests]
    # The tests run in a session of their own, so that nothing is left running after a timeout.
    with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True,
            errors="replace", start_new_session=True) as process:
        try:
            output, _ = process.communicate(timeout=TEST_SECONDS)
        except subprocess.TimeoutExpired:
            end_session(process.pid)
            return None, process.communicate()[0]
    return process.returncode, output


def tail(output):
    return "\n".join("    " + line for line in output.strip().splitlines()[-15:])


def check_baseline(package, tests):
    """Ends the program unless these tests exist and pass on unchanged sources."""
    status, output = swift_test(package, tests)
    counts = [int(count) for count in RAN.findall(output)]
    if status != 0:
        sys.exit(f"{package}: the tests fail without any mutant:\n{tail(output)}")
    if sum(counts) == 0:
        sys.exit(f"{package}: no test matches {tests!r}")


def outcome_of(mutant):
    """Whether a test noticed, and by which sign."""
    file = COPY / mutant["file"]
    original = file.read_text(encoding="utf-8")
    file.write_text(original.replace(mutant["old"], mutant["new"]), encoding="utf-8")
    try:
        status, output = swift_test(package_of(mutant), mutant.get("tests"))
    finally:
        file.write_text(original, encoding="utf-8")
    if BUILT not in output:
        print(tail(output))
        return False, "DOES NOT COMPILE"
    if status == 0:
        return False, "SURVIVED"
    if status is None:
        return True, "killed: the tests never end"
    noticed = list(dict.fromkeys(NOTICED.findall(output)))
    if not noticed:
        return True, "killed: the tests crash"
    more = f" and {len(noticed) - 1} more" if len(noticed) > 1 else ""
    return True, f"killed by {noticed[0]}{more}"


def stale(mutants):
    for mutant in mutants:
        file = ROOT / mutant["file"]
        count = file.read_text(encoding="utf-8").count(mutant["old"]) if file.is_file() else 0
        if count != 1:
            yield f"{mutant['name']}: its old text occurs {count} times in {mutant['file']}, not once"


def main():
    only_checks = sys.argv[1:] == ["--check"]
    words = "" if only_checks else " ".join(sys.argv[1:])
    mutants = [m for m in json.loads(LIST.read_text(encoding="utf-8")) if words in m["name"] or words in m["file"]]
    if not mutants:
        sys.exit(f"No mutant has {words!r} in its name or file.")
    complaints = list(stale(mutants))
    if complaints:
        sys.exit("\n".join(["Scripts/mutants.json no longer fits the sources:", *complaints]))
    if only_checks:
        return
    SCRATCH.mkdir(parents=True, exist_ok=True)
    sync()

    mutants.sort(key=package_of)
    width = max(len(mutant["name"]) for mutant in mutants)
    checked, failed, start = set(), 0, time.monotonic()
    for mutant in mutants:
        baseline = (package_of(mutant), mutant.get("tests"))
        if baseline not in checked:
            check_baseline(*baseline)
            checked.add(baseline)
        noticed, outcome = outcome_of(mutant)
        failed += not noticed
        print(f"{mutant['name']:{width}}  {outcome}", flush=True)
    minutes = (time.monotonic() - start) / 60
    print(f"{len(mutants) - failed} of {len(mutants)} mutants killed, in {minutes:.1f} minutes")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
