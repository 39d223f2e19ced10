"""LoRA steps (r 8 on q and v, 4 × 256 tokens) of torch + peft and of reclm in turn, on the same core.

    lora.py MODEL.gguf PEER_LORA [--rounds 3] [--steps 3] [--weights stored,f32,bf16,stored-bf16]
            [--dtype float32|bfloat16] [--torch FOLDER] [--core 0]

MODEL.gguf is SmolLM2-135M-Instruct, PEER_LORA the program of that name (bench/peers/lora.cpp). --torch: the same model
as a Hugging Face folder, which transformers opens faster. A run's first step warms up and is left out. CPU seconds are printed beside wall seconds: on a busy machine only they can be compared.
Needs torch, transformers, peft, gguf.
"""
import argparse
import json
import os
import resource
import subprocess
import sys
import time
from statistics import median


def peer(options):
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.set_num_threads(1)
    torch.manual_seed(1)
    dtype = getattr(torch, options.dtype)
    if os.path.isdir(options.model):
        model = AutoModelForCausalLM.from_pretrained(options.model, dtype=dtype)
    else:
        folder, name = os.path.split(os.path.abspath(options.model))
        model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=name, dtype=dtype)
    model = get_peft_model(model, LoraConfig(r=8, lora_alpha=16, target_modules=["q_proj", "v_proj"],
                                             task_type="CAUSAL_LM"))
    model.train()
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-3, weight_decay=0)
    x = torch.tensor([[(s * 7919 + k * 104729) % 40000 for k in range(256)] for s in range(4)])
    result = {"step_seconds": [], "cpu_seconds": [], "losses": [], "tokens": x.numel()}
    for _ in range(options.steps + 1):
        start, cpu = time.perf_counter(), time.process_time()
        loss = model(input_ids=x, labels=x).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        result["step_seconds"].append(time.perf_counter() - start)
        result["cpu_seconds"].append(time.process_time() - cpu)
        result["losses"].append(loss.item())
    result["peak_rss_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(result))


def run(command, core):
    environment = os.environ | {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    done = subprocess.run(["taskset", "-c", core, *command], env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{command} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("program", nargs="?")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--weights", default="stored,f32")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--torch")
    parser.add_argument("--core", default="0")
    parser.add_argument("--peer", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peer:
        return peer(options)
    steps = str(options.steps + 1)
    commands = {"torch + peft " + options.dtype: [sys.executable, __file__, options.torch or options.model, "--peer",
                                                  "--steps", str(options.steps), "--dtype", options.dtype]}
    for weights in options.weights.split(","):
        commands["reclm, weights " + weights] = [options.program, options.model, "--weights", weights, "--steps", steps]
    results = {name: [] for name in commands}
    for _ in range(options.rounds):
        for name, command in commands.items():
            results[name].append(run(command, options.core))
    first = next(iter(commands))
    print("| engine | tokens/s, best / median | tokens per CPU second | peak RSS MB | loss of the first step |")
    print("| --- | --- | --- | --- | --- |")
    speed = {}
    for name, runs in results.items():
        rates = [r["tokens"] / s for r in runs for s in r["step_seconds"][1:]]
        cpu = [r["tokens"] / s for r in runs for s in r["cpu_seconds"][1:]]
        speed[name] = max(rates), median(cpu)
        memory = max(r["peak_rss_mb"] for r in runs)
        print(f"| {name} | {max(rates):.0f} / {median(rates):.0f} | {median(cpu):.0f} | {memory:.0f} | "
              f"{runs[0]['losses'][0]:.4f} |")
    for name in list(results)[1:]:
        print(f"{name}: {speed[name][0] / speed[first][0]:.2f} × the peer's best tokens/s, "
              f"{speed[name][1] / speed[first][1]:.2f} × its tokens per CPU second")


main()
