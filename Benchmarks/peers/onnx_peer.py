#!/usr/bin/env python3
"""ONNX Runtime's side of the inference rows: the same network as PyTorch's row, exported from there.

CPU, floats, all graph optimizations, as many threads inside an operation as the row has. Prints what pytorch_peer.py
prints. Input and output lie in buffers that are bound once, which spares the copies of a plain call.
"""
import argparse
import pathlib
import tempfile
import warnings

import onnxruntime
import torch

from pytorch_peer import INFERENCE
from timing import Variant, serve


def session(model, example, threads, spinning):
    """The model, exported with a fixed batch size and loaded with all optimizations."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.add_session_config_entry("session.intra_op.allow_spinning", "1" if spinning else "0")
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = str(pathlib.Path(folder) / "model.onnx")
        torch.onnx.export(model, (example,), path, dynamo=False, input_names=["x"], output_names=["logits"])
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def variants(make_model, image_shape, batch_size, threads):
    """The logits of one batch; the threads wait for work spinning or asleep."""
    torch.manual_seed(0)
    x = torch.rand(batch_size, *image_shape)
    model = make_model()
    expected = model(x)
    for spinning in (True, False) if threads > 1 else (True,):
        loaded = session(model, x, threads, spinning)
        logits = torch.empty_like(expected)
        binding = loaded.io_binding()
        for bind, name, tensor in ((binding.bind_input, "x", x), (binding.bind_output, "logits", logits)):
            bind(name, "cpu", 0, "float32", tuple(tensor.shape), tensor.data_ptr())
        loaded.run_with_iobinding(binding)
        torch.testing.assert_close(logits, expected, rtol=1e-3, atol=1e-4)

        def step(loaded=loaded, binding=binding, kept=(x, logits)):  # the binding itself keeps no buffer alive
            loaded.run_with_iobinding(binding)

        yield Variant("spinning" if spinning else "sleeping", step)


def main():
    parser = argparse.ArgumentParser(description="Times one inference row in ONNX Runtime and prints one JSON line.")
    parser.add_argument("--list", action="store_true", help="print each row's name and stop")
    parser.add_argument("--row", choices=sorted(INFERENCE))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=3.0, help="how long to measure, after the warm-up")
    parser.add_argument("--serve", action="store_true", help="measure for each number of seconds on standard input")
    options = parser.parse_args()
    if options.list:
        print(*INFERENCE, sep="\n")
        return
    if options.row is None:
        parser.error("--row is missing; --list names the rows")

    def describe(label):
        peer = f"ONNX Runtime {onnxruntime.__version__}, {label}"
        return {"name": options.row, "threads": options.threads, "variant": label, "peer": peer}

    found = variants(*INFERENCE[options.row], options.threads)
    serve(found, describe, None if options.serve else options.seconds)


if __name__ == "__main__":
    main()
