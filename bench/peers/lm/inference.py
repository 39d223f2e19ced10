"""Prefill, decoding and encoding by llama.cpp, transformers, sentence-transformers and ONNX Runtime and by reclm in
turn, on the same core.

    inference.py PEER_INFERENCE [--gguf FILE]... [--torch FOLDER] [--encoder FOLDER] [--only prefill,decode,40,200]
                 [--peers NAME,...] [--rounds 3] [--core 0] [--check]

PEER_INFERENCE is the program of that name (bench/peers/inference.cpp), FILE a SmolLM2-135M-Instruct (float32 files are
compared with transformers too, in float32 and in bf16), FOLDER a MiniLM. --torch: SmolLM2 as a Hugging Face folder,
which transformers opens faster than GGUF. reclm runs with weights as stored, and by products in bf16 ("reclm bf16",
"reclm stored-bf16") where PEER_INFERENCE was built with oneDNN and the processor has them.
CPU seconds are compared: on a busy machine wall seconds say nothing.
--check: greedy tokens and logits of 20 prompts beside transformers', vectors beside sentence-transformers'; for files of
blocks, what reclm's products in bf16 and llama.cpp's in 8 bits change of the logits that reclm computes from them in
float32.
Peers that are not installed are left out: llama-cpp-python, torch + transformers + gguf, sentence-transformers,
onnxruntime (with onnx and onnxscript, which export the graph; 32 sentences at a time, and one).
"""
import argparse
import contextlib
import json
import os
import subprocess
import sys
import time
from statistics import median


def token(k, s, vocabulary):
    return (s * 7919 + k * 104729 + 11) % (vocabulary - 1000) + 500


def timed(body, repeats=3):
    """CPU seconds of each repeat, the first left out."""
    seconds = []
    for _ in range(repeats + 1):
        start = time.process_time()
        body()
        seconds.append(time.process_time() - start)
    return seconds[1:]


def llama_cpp(model, what, batch, count):
    import llama_cpp as cpp
    cpp.llama_backend_init()
    weights = cpp.llama_model_load_from_file(model.encode(), cpp.llama_model_default_params())
    settings = cpp.llama_context_default_params()
    settings.n_ctx, settings.n_batch, settings.n_seq_max, settings.kv_unified = (count + 32) * batch, 2048, batch, True
    settings.n_threads = settings.n_threads_batch = 1
    context = cpp.llama_init_from_model(weights, settings)
    memory = cpp.llama_get_memory(context)

    def decode(rows):
        chunk = cpp.llama_batch_init(len(rows), 0, 1)
        chunk.n_tokens = len(rows)
        for i, (word, position, sequence, wanted) in enumerate(rows):
            chunk.token[i], chunk.pos[i], chunk.n_seq_id[i], chunk.logits[i] = word, position, 1, wanted
            chunk.seq_id[i][0] = sequence
        assert cpp.llama_decode(context, chunk) == 0
        cpp.llama_synchronize(context)
        cpp.llama_batch_free(chunk)

    def prompts(length):
        cpp.llama_memory_clear(memory, True)
        decode([(token(k, s, 49152), k, s, k == length - 1) for s in range(batch) for k in range(length)])

    if what == "prefill":
        return timed(lambda: prompts(count))
    seconds = []
    for _ in range(4):
        prompts(16)
        start = time.process_time()
        for i in range(count):
            decode([(700 + i, 16 + i, s, True) for s in range(batch)])
        seconds.append(time.process_time() - start)
    return seconds[1:]


def open_torch(model, dtype="float32"):
    import torch
    from transformers import AutoModelForCausalLM
    torch.set_num_threads(1)
    dtype = getattr(torch, dtype)
    if os.path.isdir(model):
        return AutoModelForCausalLM.from_pretrained(model, dtype=dtype).eval()
    folder, name = os.path.split(os.path.abspath(model))
    return AutoModelForCausalLM.from_pretrained(folder, gguf_file=name, dtype=dtype).eval()


def transformers(model, what, batch, count, dtype="float32"):
    import torch
    network = open_torch(model, dtype)
    length = count if what == "prefill" else 16
    prompt = torch.tensor([[token(k, s, 49152) for k in range(length)] for s in range(batch)])
    with torch.inference_mode():
        if what == "prefill":
            return timed(lambda: network(prompt, logits_to_keep=1))
        seconds = []
        for _ in range(4):
            out = network(prompt, logits_to_keep=1, use_cache=True)
            start = time.process_time()
            for _ in range(count):
                out = network(out.logits[:, -1].argmax(-1, keepdim=True), past_key_values=out.past_key_values)
            seconds.append(time.process_time() - start)
        return seconds[1:]


def transformers_bf16(model, what, batch, count):
    return transformers(model, what, batch, count, "bfloat16")


def transformers_encoder(model, what, batch, count, dtype="float32"):
    import torch
    from transformers import AutoModel
    torch.set_num_threads(1)
    network = AutoModel.from_pretrained(model, dtype=getattr(torch, dtype)).eval()
    size = network.config.vocab_size
    texts = torch.tensor([[token(k, s, size) for k in range(count)] for s in range(batch)])

    def encode():
        for part in texts.split(32):
            torch.nn.functional.normalize(network(part).last_hidden_state.mean(1))

    with torch.inference_mode():
        return timed(encode)


def transformers_encoder_bf16(model, what, batch, count):
    return transformers_encoder(model, what, batch, count, "bfloat16")


def open_sentence_transformer(model):
    import torch
    from sentence_transformers import SentenceTransformer
    torch.set_num_threads(1)
    return SentenceTransformer(model, device="cpu").eval()


def sentence_vectors(network, part):
    """Of texts that are tokens already, [texts, length]."""
    return network({"input_ids": part, "attention_mask": part.new_ones(part.shape)})["sentence_embedding"]


def sentence_transformers(model, what, batch, count):
    import torch
    network = open_sentence_transformer(model)
    size = network[0].auto_model.config.vocab_size
    texts = torch.tensor([[token(k, s, size) for k in range(count)] for s in range(batch)])
    with torch.inference_mode():
        return timed(lambda: [sentence_vectors(network, part) for part in texts.split(32)])


def onnxruntime(model, what, batch, count, step=32):
    """`step` sentences at a time. The graph is torch's export; a graph that computes other states is refused."""
    import numpy
    import onnxruntime as ort
    import torch
    from transformers import AutoModel
    network = AutoModel.from_pretrained(model, dtype=torch.float32, attn_implementation="eager").eval()
    size = network.config.vocab_size
    texts = numpy.array([[token(k, s, size) for k in range(count)] for s in range(batch)])
    ones = numpy.ones_like(texts)
    file = f"/tmp/reclm-encoder-{os.getpid()}.onnx"

    class States(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.network = network

        def forward(self, ids, mask):
            return self.network(input_ids=ids, attention_mask=mask).last_hidden_state

    axes = {0: torch.export.Dim("batch", min=1, max=4096), 1: torch.export.Dim("length", min=2, max=512)}
    with contextlib.redirect_stdout(sys.stderr):
        torch.onnx.export(States(), (torch.tensor(texts[:2]), torch.tensor(ones[:2])), file, dynamo=True,
                          input_names=["input_ids", "attention_mask"], output_names=["states"],
                          dynamic_shapes=(axes, axes), external_data=False)
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = ort.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    os.remove(file)

    def states(part):
        return session.run(["states"], {"input_ids": texts[part], "attention_mask": ones[part]})[0]

    with torch.inference_mode():
        expected = network(torch.tensor(texts[:2])).last_hidden_state.numpy()
    difference = numpy.abs(states(slice(0, 2)) - expected).max()
    if difference > 1e-3:
        sys.exit(f"the exported graph differs from the model by {difference:.2g}")

    def encode():
        for begin in range(0, batch, step):
            states(slice(begin, begin + step))

    return timed(encode)


def onnxruntime_single(model, what, batch, count):
    return onnxruntime(model, what, batch, count, 1)


PEERS = {f.__name__: f for f in (llama_cpp, transformers, transformers_bf16, transformers_encoder,
                                 transformers_encoder_bf16, sentence_transformers, onnxruntime, onnxruntime_single)}


def run(command, core, text=None):
    environment = os.environ | {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    return subprocess.run(["taskset", "-c", core, *command], env=environment, capture_output=True, text=True, input=text)


def compare(options, peers, precisions, model, what, batch, count, unit):
    seconds = {}
    for _ in range(options.rounds):
        for name in peers:
            if options.peers and name not in options.peers.split(","):
                continue
            opened = options.torch if options.torch and name in ("transformers", "transformers_bf16") else model
            done = run([sys.executable, __file__, "--peer", name, opened, what, str(batch), str(count)], options.core)
            if done.returncode == 0:
                seconds.setdefault(name, []).extend(json.loads(done.stdout.splitlines()[-1]))
            else:
                print(f"  ({name} is left out: {done.stderr.strip().splitlines()[-1][:100]})", file=sys.stderr)
        for precision in precisions:
            done = run([options.program, what, model, "--batch", str(batch), "--tokens", str(count), "--precision",
                        precision], options.core)
            if done.returncode:
                sys.exit(done.stderr)
            name = "reclm" if precision == "stored" else "reclm " + precision
            seconds.setdefault(name, []).extend(json.loads(done.stdout.splitlines()[-1])["cpu_seconds"])
    work = batch if what == "encode" else batch * count
    best = {name: min(values) for name, values in seconds.items()}
    ours = [name for name in best if name.startswith("reclm")]
    for name, values in seconds.items():
        ratios = "" if name in ours else "   " + ", ".join(f"{mine} {best[name] / best[mine]:.2f} ×" for mine in ours)
        print(f"{os.path.basename(model)[:32]:32} {what:8} batch {batch:3} {name:25} {work / best[name]:8.1f} / "
              f"{work / median(values):8.1f} {unit}{ratios}", flush=True)


def llama_logits(model, texts):
    import llama_cpp as cpp
    import numpy
    network = cpp.Llama(model, n_ctx=512, n_threads=1, n_threads_batch=1, logits_all=False, verbose=False)
    rows = []
    for text in texts:
        network.reset()
        network.eval(text)
        rows.append(numpy.ctypeslib.as_array(cpp.llama_get_logits_ith(network.ctx, -1), (network.n_vocab(),)).copy())
    return numpy.stack(rows)


PROMPTS = [[token(k, s, 49152) for k in range(12 + s)] for s in range(20)]


def lines(texts):
    return "".join(" ".join(map(str, t)) + "\n" for t in texts)


def greedy(options, model, precision):
    """64 tokens behind each of PROMPTS."""
    done = run([options.program, "greedy", model, "--precision", precision], options.core, lines(PROMPTS))
    return [[int(word) for word in line.split()] for line in done.stdout.splitlines()]


def our_logits(options, model, precision, texts):
    """Behind each text, [texts, vocabulary]."""
    import numpy
    done = subprocess.run(["taskset", "-c", options.core, options.program, "logits", model, "--precision", precision],
                          input=lines(texts).encode(), capture_output=True)
    return numpy.frombuffer(done.stdout, numpy.float32).reshape(len(texts), -1).astype(float)


def check_blocks(options, model):
    """Logits behind 20 prompts of random tokens, and behind them with 64 greedy tokens."""
    import numpy
    ours = {precision: greedy(options, model, precision) for precision in ("stored", "stored-bf16")}
    same = sum(a == b for a, b in zip(*ours.values()))
    texts = PROMPTS + [p + text for p, text in zip(PROMPTS, ours["stored"])]

    def log_p(z):
        z = z - z.max(1, keepdims=True)
        return z - numpy.log(numpy.exp(z).sum(1, keepdims=True))

    exact = our_logits(options, model, "stored", texts)
    print(f"{os.path.basename(model)}: greedy texts of 64 tokens that bf16 products leave as they are: {same} of 20")
    for name, z in (("reclm, bf16 products", our_logits(options, model, "stored-bf16", texts)),
                    ("llama.cpp", llama_logits(model, texts).astype(float))):
        kl = (numpy.exp(log_p(exact)) * (log_p(exact) - log_p(z))).sum(1)
        best = (exact.argmax(1) == z.argmax(1)).sum()
        apart = numpy.sqrt(((z - exact) ** 2).mean())
        print(f"  {name} beside float32: logits differ by {apart:.4f} (root mean square; "
              f"largest {numpy.abs(z - exact).max():.3f}, their deviation is {exact.std():.2f}), KL {kl.mean():.2e} "
              f"(largest {kl.max():.2e}), same favourite {best} of {len(texts)}")


def check(options):
    import torch
    for model in options.gguf:
        if os.path.getsize(model) < 500e6:
            check_blocks(options, model)
    for model in [m for m in options.gguf if os.path.getsize(m) >= 500e6][:1]:
        network = open_torch(options.torch or model)
        mine, expected = greedy(options, model, "stored"), []
        for prompt in PROMPTS:
            text = network.generate(torch.tensor([prompt]), max_new_tokens=64, do_sample=False, eos_token_id=None,
                                    pad_token_id=0)
            expected.append(text[0, len(prompt):].tolist())
        same = sum(a == b for a, b in zip(mine, expected))
        print(f"greedy texts of 64 tokens equal to transformers': {same} of {len(PROMPTS)}")
        texts = PROMPTS + [p + text for p, text in zip(PROMPTS, expected)]
        with torch.inference_mode():
            theirs = torch.stack([network(torch.tensor([t]), logits_to_keep=1).logits[0, -1] for t in texts]).double()
        apart = abs(our_logits(options, model, "stored", texts) - theirs.numpy()).max()
        print(f"logits behind {len(texts)} texts differ from transformers' by at most {apart:.2e}")
    if options.encoder:
        network = open_sentence_transformer(options.encoder)
        size = network[0].auto_model.config.vocab_size
        texts = [[token(k, s, size) for k in range(3 + 11 * s)] for s in range(20)]
        with torch.inference_mode():
            expected = [sentence_vectors(network, torch.tensor([text]))[0].double() for text in texts]
        for precision in ("stored", "bf16"):
            got = run([options.program, "vectors", options.encoder, "--precision", precision], options.core,
                      lines(texts)).stdout.splitlines()
            mine = [torch.tensor([float(x) for x in line.split()], dtype=torch.float64) for line in got]
            worst = min(torch.nn.functional.cosine_similarity(a, b, 0).item() for a, b in zip(expected, mine))
            print(f"{precision}: smallest cosine of {len(texts)} vectors with sentence-transformers': {worst:.8f}")


def main():
    if sys.argv[1:2] == ["--peer"]:
        _, _, name, model, what, batch, count = sys.argv
        print(json.dumps(PEERS[name](model, what, int(batch), int(count))))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--gguf", action="append", default=[])
    parser.add_argument("--torch")
    parser.add_argument("--encoder")
    parser.add_argument("--only", default="prefill,decode,40,200")
    parser.add_argument("--peers")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--core", default="0")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    if options.check:
        check(options)
        return
    only = options.only.split(",")
    for model in options.gguf:
        full = os.path.getsize(model) > 500e6
        peers = ["llama_cpp"] + (["transformers", "transformers_bf16"] if full else [])
        for what, batch, count in (("prefill", 1, 256), ("decode", 1, 64), ("decode", 8, 64)):
            if what in only:
                compare(options, peers, ["stored", "bf16" if full else "stored-bf16"], model, what, batch, count,
                        "tokens/s")
    if options.encoder:
        for count in (40, 200):
            if str(count) not in only:
                continue
            print(f"{count} tokens a sentence:")
            compare(options, ["transformers_encoder", "sentence_transformers", "onnxruntime", "onnxruntime_single",
                              "transformers_encoder_bf16"], ["stored", "bf16"], options.encoder, "encode", 64, count,
                    "sentences/s")


if __name__ == "__main__":
    main()
