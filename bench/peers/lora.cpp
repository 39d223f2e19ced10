/// LoRA steps of a decoder as bench/peers/lm/lora.py makes them with torch and peft, for comparison by it.
///
///     peer_lora MODEL.gguf [--weights stored|f32|bf16|stored-bf16] [--threads 1] [--steps 4] [--samples 4]
///               [--length 256] [--recompute 0] [--out FOLDER]
///
/// Prints, as its last line, JSON with "step_seconds", "cpu_seconds", "losses", "tokens" a step and "peak_rss_mb".
/// --out: afterwards writes what bench/peers/lm/check_peft.py reads, FOLDER/adapter (PEFT's), FOLDER/merged (a Hugging
/// Face folder) and FOLDER/log_p.safetensors (the first sample's tokens and their log-probabilities).
#include <sys/resource.h>

#include <chrono>
#include <ctime>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "reclm/lm/training/finetune.hpp"
#include "reclm/lm/training/peft.hpp"
#include "reclm/lm/weights/gguf_weights.hpp"
#include "reclm/lm/weights/save_model.hpp"

namespace {

using namespace reclm;
using namespace reclm::lm;

double peak_megabytes() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

double cpu_now() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

std::string list(const std::vector<double>& values) {
  std::string text;
  for (const double value : values) text += (text.empty() ? "" : ", ") + std::to_string(value);
  return "[" + text + "]";
}

void write_folders(const std::filesystem::path& folder, const TrainableDecoder<>& model, const TrainingSample& sample) {
  write_peft(folder / "adapter", model.adapter(), {}, model.config().layers);
  const MemoryWeights merged = model.merged();
  std::vector<std::pair<std::string, StoredTensor>> tensors;
  for (const std::string& name : merged.names()) tensors.emplace_back(name, merged.get(name));
  save_model(folder / "merged", merged.config(), tensors);
  const PackedBatch batch = pack(std::span(&sample, 1));
  Tape<Cpu, float> tape(false);
  const Matrix<float> log_p =
      tape.value(model.log_probabilities(tape, model.forward(tape, batch), batch.targets)).to_host();
  const NamedTensor named[] = {NamedTensor::of("tokens", sample.tokens), NamedTensor::of("log_p", log_p)};
  write_safetensors(folder / "log_p.safetensors", named);
}

}  // namespace

int main(int argc, char** argv) try {
  std::map<std::string, std::string> options{
      {"--weights", "stored"}, {"--threads", "1"},   {"--steps", "4"}, {"--samples", "4"},
      {"--length", "256"},     {"--recompute", "0"}, {"--out", ""}};
  if (argc < 2) throw ConfigError("usage: peer_lora MODEL.gguf [options]");
  for (int k = 2; k + 1 < argc; k += 2) options[argv[k]] = argv[k + 1];
  const ThreadLimit limit(std::stoi(options["--threads"]));
  const GgufWeights weights{std::filesystem::path(argv[1])};
  const std::string kept = options["--weights"];
  TrainableDecoder<> model(weights,
                           {.bf16 = kept == "bf16", .bf16_products = kept == "stored-bf16", .decode = kept == "f32"},
                           LoraOptions{.rank = 8, .alpha = 16, .layers = {"q_proj", "v_proj"}});
  const Index samples = std::stoi(options["--samples"]), length = std::stoi(options["--length"]);
  std::vector<TrainingSample> data(static_cast<std::size_t>(samples));
  for (Index s = 0; s < samples; ++s)
    for (Index k = 0; k < length; ++k) {
      auto& sample = data[static_cast<std::size_t>(s)];
      sample.tokens.push_back(static_cast<TokenId>((s * 7919 + k * 104729) % 40000));
      sample.learn.push_back(1);
    }
  std::vector<double> seconds, cpu_seconds, losses;
  auto last = std::chrono::steady_clock::now();
  double cpu_last = cpu_now();
  finetune(model, std::span<const TrainingSample>(data),
           {.epochs = std::stoi(options["--steps"]),
            .batch_tokens = samples * length,
            .learning_rate = 1e-3,
            .warmup = 0,
            .final_rate = 1,
            .recompute = options["--recompute"] == "1",
            .observer = [&](const Progress& progress) {
              const auto now = std::chrono::steady_clock::now();
              seconds.push_back(std::chrono::duration<double>(now - last).count());
              cpu_seconds.push_back(cpu_now() - cpu_last);
              losses.push_back(progress.loss);
              last = now;
              cpu_last = cpu_now();
              return true;
            }});
  if (!options["--out"].empty()) write_folders(options["--out"], model, data.front());
  std::cout << "{\"step_seconds\": " << list(seconds) << ", \"cpu_seconds\": " << list(cpu_seconds)
            << ", \"losses\": " << list(losses) << ", \"tokens\": " << samples * length
            << ", \"peak_rss_mb\": " << peak_megabytes() << "}" << std::endl;
  return 0;
} catch (const std::exception& e) {
  std::cerr << "peer_lora: " << e.what() << std::endl;
  return 1;
}
