"""What each row of the benchmarks is to reach, and the verdict on it."""
import fnmatch

# The peer's time divided by ours: the first pattern that fits a row's name holds.
RATIOS = (
    ("mlp512.*", 1.35),
    ("convnn.certify.*", 8),
    ("net.*", 4),
    ("convnn.*", 4),
    ("*", 2),
)

# The same for ONNX Runtime, which stands beside the inference rows.
ONNX_RATIOS = (
    ("convnn.infer.b1", 1.2),
    ("convnn.infer.*", 2),
    ("simplecnn.infer.b1", 1),
    ("simplecnn.infer.*", 1.2),
    ("resnet.infer.b1", 1.3),
    ("resnet.infer.*", 1.7),
)

# The geometric mean of all rows' ratios to PyTorch.
MEAN_RATIO = 3.5

# How many times faster than the direct convolution Winograd's is to be, for WINOGRAD_CHANNELS on both sides, maps of
# WINOGRAD_MAP pixels a side and more, and batches of WINOGRAD_BATCH and more.
WINOGRAD_FACTOR = 2.5
WINOGRAD_CHANNELS = range(64, 129)
WINOGRAD_MAP = 16
WINOGRAD_BATCH = 16


# How many times faster than the dense plan in floats sparse and 8-bit plans are to be.
PLAN_FACTORS = (
    ("*.sparse80.b16", 0.9),
    ("*.sparse90.b16", 1.5),
    ("*.sparse95.b16", 2.5),
    ("plan.resnet.int8.*", 1.3),
)

# ONNX Runtime's 8-bit time divided by ours.
PLAN_ONNX_RATIOS = (("plan.resnet.int8.*", 0.8),)


def first_fit(patterns, name):
    return next((target for pattern, target in patterns if fnmatch.fnmatchcase(name, pattern)), None)


def judged(row):
    """The row of a workload with its targets, and whether it meets them."""
    target, onnx_target = first_fit(RATIOS, row["name"]), first_fit(ONNX_RATIOS, row["name"])
    verdict = {"target": target, "met": row["ratio"] >= target if row["ratio"] is not None else None}
    if row.get("onnx_ratio") is not None and onnx_target is not None:
        verdict |= {"onnx_target": onnx_target, "onnx_met": row["onnx_ratio"] >= onnx_target}
    return row | verdict


def judged_plan(row):
    """The row of a sparse or 8-bit plan with its target, and whether it meets it."""
    target, onnx_target = first_fit(PLAN_FACTORS, row["name"]), first_fit(PLAN_ONNX_RATIOS, row["name"])
    verdict = {"target": target, "met": row["speedup"] >= target if target else None}
    if row.get("onnx_ratio") is not None and onnx_target is not None:
        verdict |= {"onnx_target": onnx_target, "onnx_met": row["onnx_ratio"] >= onnx_target}
    return row | verdict


def share_target(layer):
    """The share of the machine's peak that the direct convolution is to reach; None for single images, whose rows are
    mostly the packing of the weights, which an evaluation plan does once."""
    if layer["batch"] == 1:
        return None
    roomy = layer["stride"] == 1 and layer["kernel"] > 1 and min(layer["inputs"], layer["outputs"]) >= 16
    if layer["pass"] == "weight_gradient":
        return 0.8 if roomy else 0.6
    return 0.9 if roomy else 0.7


def judged_kernel(row):
    """The row of a kernel with its shares of the peak, its targets, and whether it meets them.

    `share` belongs to the path that the row measures, which for Winograd's may exceed 1; the target is for the direct
    path, which such a row measures too.
    """
    layer, peak = row["layer"], row["peak_gflops"]
    direct = row.get("direct_gflops", row["gflops"])
    row = row | {"share": round(row["gflops"] / peak, 3), "target": share_target(layer)}
    met = direct / peak >= row["target"] if row["target"] else None
    if row["path"] == "winograd":
        row |= {"direct_share": round(direct / peak, 3), "factor": round(row["gflops"] / direct, 2)}
        wide = layer["inputs"] in WINOGRAD_CHANNELS and layer["outputs"] in WINOGRAD_CHANNELS
        if wide and layer["map"] >= WINOGRAD_MAP and layer["batch"] >= WINOGRAD_BATCH:
            row["factor_target"] = WINOGRAD_FACTOR
            met = met and row["factor"] >= WINOGRAD_FACTOR
    return row | {"met": met}
