"""Seconds per training epoch and of one full ranking, the peer alone or in turn with another program.

    speed.py --data DIR --out speed.json [--ours 'CMD'] [--ours-rank 'CMD']

CMD is a command with {data} {backbone} {variant} {threads} {epochs} in it that prints, as its last line, JSON with
"epoch_seconds": [...] and "peak_rss_mb"; for --ours-rank "rank_seconds": [...]. Both sides run on the same cores, one
after the other, round after round. Each run's first epoch warms up and is left out.
"""
import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

HERE = Path(__file__).resolve().parent
# The default allocator returns large blocks to the system after every step, and faulting them in again costs the
# peer up to half of its time: let it keep them.
KEEP_MEMORY = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(1 << 40)}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--backbones", default="biasmf,ncf,lightgcn,sgl,simgcl")
    parser.add_argument("--variants", default="base,reclm")
    parser.add_argument("--threads", default="1,2", help="one run for each number of threads")
    parser.add_argument("--cores", default="0,1", help="cores to pin to; N threads use the last N of them")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=4, help="epochs a run, one more warms up")
    parser.add_argument("--contrastive-epochs", type=int, default=1, help="the same for sgl and simgcl")
    parser.add_argument("--spmm", default="coo,csr", help="of the graph backbones")
    parser.add_argument("--infonce", default="naive,tiled", help="of sgl and simgcl")
    parser.add_argument("--styles", default="plain,tuned", help="plain: as public code is written, default allocator; tuned: "
                        "fused Adam, the batch's users alone, and an allocator that keeps its memory")
    parser.add_argument("--ours", help="command template of the other program")
    parser.add_argument("--ours-rank", help="command template of its ranking")
    parser.add_argument("--out", required=True)
    return parser.parse_args()


def last_json(text):
    return json.loads(text.strip().splitlines()[-1])


class Runner:
    def __init__(self, options):
        self.options = options
        self.cores = options.cores.split(",")

    def run(self, command, threads, tuned):
        """Standard output of the command, pinned."""
        environment = os.environ | {"OMP_NUM_THREADS": str(threads)} | (KEEP_MEMORY if tuned else {})
        pinned = ["taskset", "-c", ",".join(self.cores[-threads:]), *command]
        done = subprocess.run(pinned, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if done.returncode:
            sys.exit(f"{shlex.join(pinned)} failed:\n{done.stderr[-2000:]}")
        return done.stdout

    def peer(self, backbone, variant, threads, epochs, style, spmm, infonce):
        with tempfile.NamedTemporaryFile(suffix=".json") as out:
            self.run([sys.executable, HERE / "train.py", "--data", self.options.data, "--backbone", backbone,
                      "--variant", variant, "--threads", str(threads), "--epochs", str(epochs), "--spmm", spmm,
                      "--infonce", infonce, "--style", style, "--out", out.name], threads, tuned=style == "tuned")
            return json.loads(Path(out.name).read_text())

    def ours(self, template, **values):
        command = template.format(data=shlex.quote(self.options.data), **values)
        return last_json(self.run(["bash", "-c", command], values["threads"], tuned=False))


def ways(backbone, options):
    """(style, spmm, infonce) of the peer that make a difference for this backbone. Plain code has torch's COO matrices and
    the whole matrix of negatives."""
    found = [("plain", "coo", "naive")] if "plain" in options.styles.split(",") else []
    if "tuned" in options.styles.split(","):
        spmm = options.spmm.split(",") if backbone in ("lightgcn", "sgl", "simgcl") else ["coo"]
        infonce = options.infonce.split(",") if backbone in ("sgl", "simgcl") else ["naive"]
        found += [("tuned", s, i) for s in spmm for i in infonce]
    return found


def name_of(style, spmm, infonce, backbone):
    parts = {"lightgcn": [spmm], "sgl": [spmm, infonce], "simgcl": [spmm, infonce]}.get(backbone, [])
    return " ".join(["torch", style, *(parts if style == "tuned" else [])])


def measure_training(runner, backbone, variant, threads):
    """{engine: {"epoch_seconds": [...], "peak_rss_mb": x}} with the engines in turn."""
    options = runner.options
    epochs = 1 + (options.contrastive_epochs if backbone in ("sgl", "simgcl") else options.epochs)
    found = {}

    def add(engine, result):
        entry = found.setdefault(engine, {"epoch_seconds": [], "peak_rss_mb": 0})
        entry["epoch_seconds"] += result["epoch_seconds"][1:]
        entry["peak_rss_mb"] = max(entry["peak_rss_mb"], round(result["peak_rss_mb"]))
        entry["import_rss_mb"] = round(result.get("import_rss_mb", 0))

    for _ in range(options.rounds):
        for way in ways(backbone, options):
            add(name_of(*way, backbone), runner.peer(backbone, variant, threads, epochs, *way))
            if options.ours:
                add("ours", runner.ours(options.ours, backbone=backbone, variant=variant, threads=threads, epochs=epochs))
    return dict(sorted(found.items(), key=lambda entry: entry[0] == "ours"))


def measure_ranking(runner, threads):
    options, found = runner.options, {}
    for _ in range(options.rounds):
        command = [sys.executable, HERE / "rank.py", "--data", options.data, "--threads", str(threads)]
        result = last_json(runner.run(command, threads, tuned=True))
        found.setdefault("torch, masked", []).extend(result["torch_seconds"])
        found.setdefault("FAISS IndexFlatIP, unmasked", []).extend(result["faiss_seconds"])
        if options.ours_rank:
            ours = runner.ours(options.ours_rank, backbone="lightgcn", variant="base", threads=threads, epochs=1)
            found.setdefault("ours", []).extend(ours["rank_seconds"])
    return found


def ratio(seconds, ours):
    return f"{seconds / ours:.1f}" if ours else ""


def memory(entry):
    return f"{entry['peak_rss_mb']}" + (f" ({entry['import_rss_mb']})" if entry["import_rss_mb"] else "")


def training_table(rows):
    lines = ["| model | threads | engine | s/epoch median (best) | peak RSS MB (of which importing torch) | times ours |",
             "| --- | --- | --- | --- | --- | --- |"]
    for row in rows:
        ours = median(row["engines"]["ours"]["epoch_seconds"]) if "ours" in row["engines"] else None
        for engine, entry in row["engines"].items():
            times = entry["epoch_seconds"]
            lines.append(f"| {row['backbone']} {row['variant']} | {row['threads']} | {engine} | {median(times):.3f} ({min(times):.3f}) | "
                         f"{memory(entry)} | {ratio(median(times), ours)} |")
    return "\n".join(lines)


def ranking_table(rows):
    lines = ["| ranking | threads | s median (best) | times ours |", "| --- | --- | --- | --- |"]
    for row in rows:
        ours = median(row["engines"]["ours"]) if "ours" in row["engines"] else None
        for engine, times in row["engines"].items():
            lines.append(f"| {engine} | {row['threads']} | {median(times):.3f} ({min(times):.3f}) | {ratio(median(times), ours)} |")
    return "\n".join(lines)


def main():
    options = arguments()
    runner = Runner(options)
    result = {"options": vars(options), "training": [], "ranking": []}

    def save():
        Path(options.out).write_text(json.dumps(result, indent=1), encoding="utf-8")

    for threads in map(int, options.threads.split(",")):
        result["ranking"].append({"threads": threads, "engines": measure_ranking(runner, threads)})
        for backbone in filter(None, options.backbones.split(",")):
            for variant in options.variants.split(","):
                engines = measure_training(runner, backbone, variant, threads)
                result["training"].append({"backbone": backbone, "variant": variant, "threads": threads, "engines": engines})
                print({engine: round(median(entry["epoch_seconds"]), 3) for engine, entry in engines.items()}, backbone, variant, threads,
                      file=sys.stderr, flush=True)
                save()
        save()
    print(training_table(result["training"]), ranking_table(result["ranking"]), sep="\n\n")


if __name__ == "__main__":
    main()
