"""Prints the table of the benchmarks."""
import math
import statistics

import targets


def number(value, width, digits):
    return f"{value:{width}.{digits}f}" if value is not None else f"{'-':>{width}}"


def verdict(met, target, ratio, peer=""):
    """For example `met` or `MISSED 4 (62 %)`, where the percentage is how much of the target was reached."""
    if met is None:
        return ""
    return f"met{peer}" if met else f"MISSED{peer} {target:g} ({ratio / target:.0%})"


def print_rows(rows):
    """The workloads: our time, the peers', the ratios, and what misses its target."""
    if not rows:
        return
    width = max(len(row["name"]) for row in rows)
    head = f"\n{'row':{width}}  threads    ours ms    peer ms   ratio    onnx ms   ratio  target"
    print(head, f"{'':26}  peer", sep="")
    for row in rows:
        words = [verdict(row["met"], row["target"], row["ratio"])]
        if "onnx_met" in row:
            words.append(verdict(row["onnx_met"], row["onnx_target"], row["onnx_ratio"], " onnx"))
        print(
            f"{row['name']:{width}}  {row['threads']:7} {row['ours_ms']:10.3f} {number(row['peer_ms'], 10, 3)}"
            f" {number(row['ratio'], 7, 2)} {number(row.get('onnx_ms'), 10, 3)} {number(row.get('onnx_ratio'), 7, 2)}"
            f"  {', '.join(filter(None, words)):32}  {row['peer'] or 'none (PyTorch was not found)'}"
        )
    ratios = [row["ratio"] for row in rows if row["ratio"] is not None]
    if ratios:
        mean = math.exp(statistics.fmean(map(math.log, ratios)))
        word = verdict(mean >= targets.MEAN_RATIO, targets.MEAN_RATIO, mean)
        print(f"Geometric mean of {len(ratios)} ratios to PyTorch: {mean:.2f}, {word} (above 1: ours is faster)")
    verdicts = [met for row in rows for met in (row["met"], row.get("onnx_met")) if met is not None]
    print(f"{sum(verdicts)} of {len(verdicts)} targets are met.")


def print_plans(rows):
    """Sparse and 8-bit plans beside the dense plan in floats, and what misses its target."""
    if not rows:
        return
    width = max(len(row["name"]) for row in rows)
    print(f"\n{'plan':{width}}  threads         ms     95 %   dense ms     95 %  factor  target")
    for row in rows:
        print(
            f"{row['name']:{width}}  {row['threads']:7} {row['plan_ms']:10.3f} {row['plan_p95_ms']:8.3f}"
            f" {row['dense_ms']:10.3f} {row['dense_p95_ms']:8.3f} {row['speedup']:7.2f}"
            f"  {verdict(row['met'], row['target'], row['speedup'])}{beside_onnx(row)}"
        )


def beside_onnx(row):
    """ONNX Runtime's 8-bit time over ours, where it was measured."""
    if row.get("onnx_ratio") is None:
        return ""
    words = verdict(row.get("onnx_met"), row.get("onnx_target"), row["onnx_ratio"])
    return f"; ONNX Runtime's {row['onnx_ms']:.3f} ms, ratio {row['onnx_ratio']:.2f}  {words}"


def print_kernels(rows):
    """The kernels: their speed, the machine's peak, and what misses its target."""
    if not rows:
        return
    width = max(len(row["name"]) for row in rows)
    print(f"\n{'kernel':{width}}  threads  path      GFLOP/s    peak   share  direct  factor  target")
    for row in rows:
        direct_share = row.get("direct_share", row["share"])
        words = []
        if row["target"] and direct_share < row["target"]:
            words.append(f"MISSED {row['target']:.0%} of peak")
        if row.get("factor", 0) < row.get("factor_target", 0):
            words.append(f"MISSED factor {row['factor_target']:g}")
        if row["met"]:
            words.append("met")
        print(
            f"{row['name']:{width}}  {row['threads']:7}  {row['path']:8} {row['gflops']:8.1f} {row['peak_gflops']:7.1f}"
            f" {row['share']:7.0%} {direct_share:7.0%} {number(row.get('factor'), 7, 2)}  {', '.join(words)}"
        )
    verdicts = [row["met"] for row in rows if row["met"] is not None]
    print(f"{sum(verdicts)} of {len(verdicts)} kernel rows meet their targets.")
