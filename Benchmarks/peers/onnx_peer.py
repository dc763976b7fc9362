#!/usr/bin/env python3
"""ONNX Runtime's side of the inference rows: the same network as PyTorch's row, exported from there.

CPU, all graph optimizations, as many threads inside an operation as the row has. Prints what pytorch_peer.py prints.
Input and output lie in buffers that are bound once, which spares the copies of a plain call. Rows of 8-bit plans are
quantised statically: signed weights per channel, unsigned activations, calibrated on the row's images; of both formats the
faster one counts.
"""
import argparse
import itertools
import logging
import pathlib
import tempfile
import warnings

import onnxruntime
import torch
from onnxruntime import quantization
from onnxruntime.quantization.shape_inference import quant_pre_process

from pytorch_peer import INFERENCE
from timing import Variant, serve

# The rows of 8-bit plans: the inference rows of the same network and batch.
INT8 = {
    f"plan.{network}.int8.b{batch_size}": INFERENCE[f"{network}.infer.b{batch_size}"]
    for network in ("simplecnn", "resnet")
    for batch_size in (1, 16)
}
ROWS = INFERENCE | INT8


class Calibration(quantization.CalibrationDataReader):
    """A few batches, once."""

    def __init__(self, batches):
        self.batches = iter(batches)

    def get_next(self):
        batch = next(self.batches, None)
        return None if batch is None else {"x": batch.numpy()}


def quantized(path, images, form):
    """The path of the same model in 8 bits."""
    prepared, result = path + ".prepared", path + ".int8"
    quant_pre_process(path, prepared)
    quantization.quantize_static(
        prepared, result, Calibration(images), quant_format=form, per_channel=True,
        activation_type=quantization.QuantType.QUInt8, weight_type=quantization.QuantType.QInt8,
    )  # fmt: skip
    return result


def session(model, example, threads, spinning, form=None):
    """The model, exported with a fixed batch size and loaded with all optimizations; in 8 bits when there is a format."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.add_session_config_entry("session.intra_op.allow_spinning", "1" if spinning else "0")
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = str(pathlib.Path(folder) / "model.onnx")
        torch.onnx.export(model, (example,), path, dynamo=False, input_names=["x"], output_names=["logits"])
        if form is not None:
            path = quantized(path, [torch.rand_like(example) for _ in range(8)], form)
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def variants(make_model, image_shape, batch_size, threads, forms=(None,)):
    """The logits of one batch; the threads wait for work spinning or asleep."""
    torch.manual_seed(0)
    x = torch.rand(batch_size, *image_shape)
    model = make_model()
    expected = model(x)
    for form, spinning in itertools.product(forms, (True, False) if threads > 1 else (True,)):
        loaded = session(model, x, threads, spinning, form)
        logits = torch.empty_like(expected)
        binding = loaded.io_binding()
        for bind, name, tensor in ((binding.bind_input, "x", x), (binding.bind_output, "logits", logits)):
            bind(name, "cpu", 0, "float32", tuple(tensor.shape), tensor.data_ptr())
        loaded.run_with_iobinding(binding)
        if form is None:
            torch.testing.assert_close(logits, expected, rtol=1e-3, atol=1e-4)
        else:
            error = ((logits - expected).norm() / expected.norm()).item()
            assert 0 < error < 0.3, f"8-bit logits differ by {error}"

        def step(loaded=loaded, binding=binding, kept=(x, logits)):  # the binding itself keeps no buffer alive
            loaded.run_with_iobinding(binding)

        label = "spinning" if spinning else "sleeping"
        yield Variant(label if form is None else f"{form.name}, {label}", step)


def main():
    parser = argparse.ArgumentParser(description="Times one inference row in ONNX Runtime and prints one JSON line.")
    parser.add_argument("--list", action="store_true", help="print each row's name and stop")
    parser.add_argument("--row", choices=sorted(ROWS))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=3.0, help="how long to measure, after the warm-up")
    parser.add_argument("--serve", action="store_true", help="measure for each number of seconds on standard input")
    options = parser.parse_args()
    logging.disable(logging.WARNING)  # quantisation's advice
    if options.list:
        print(*ROWS, sep="\n")
        return
    if options.row is None:
        parser.error("--row is missing; --list names the rows")

    def describe(label):
        peer = f"ONNX Runtime {onnxruntime.__version__}, {label}"
        return {"name": options.row, "threads": options.threads, "variant": label, "peer": peer}

    forms = (quantization.QuantFormat.QDQ, quantization.QuantFormat.QOperator)
    found = variants(*ROWS[options.row], options.threads, forms if options.row in INT8 else (None,))
    serve(found, describe, None if options.serve else options.seconds)


if __name__ == "__main__":
    main()
