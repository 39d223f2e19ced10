#include "training.hpp"

#include <array>
#include <charconv>

namespace reclm::cli {

namespace {

constexpr std::array kMetricKinds{MetricKind::recall, MetricKind::ndcg,      MetricKind::hit_rate,
                                  MetricKind::mrr,    MetricKind::precision, MetricKind::map};

MetricKind parse_metric(const std::string& name) {
  std::string known;
  for (const MetricKind kind : kMetricKinds) {
    if (name == metric_kind_name(kind)) return kind;
    known += (known.empty() ? "" : ", ") + std::string(metric_kind_name(kind));
  }
  throw ConfigError("--metrics: there is no metric \"" + name + "\". Remedy: choose from " + known);
}

Index parse_cutoff(const std::string& text) {
  Index cutoff = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), cutoff);
  if (error != std::errc() || end != text.data() + text.size() || cutoff < 1 || cutoff > 100000)
    throw ConfigError("--k: \"" + text + "\" is no number from 1 to 100,000. Remedy: write a list such as 20,40");
  return cutoff;
}

}  // namespace

MetricOptions metrics_of(const TrainingOptions& options) {
  MetricOptions metrics;
  metrics.kinds.clear();
  metrics.cutoffs.clear();
  for (const std::string& name : split_list("--metrics", options.metrics)) metrics.kinds.push_back(parse_metric(name));
  for (const std::string& text : split_list("--k", options.cutoffs)) metrics.cutoffs.push_back(parse_cutoff(text));
  return metrics;
}

std::string first_metric(const MetricOptions& metrics) {
  return metric_name(metrics.kinds.front(), metrics.cutoffs.front());
}

TrainOptions train_options_of(const TrainingOptions& options) {
  TrainOptions train;
  train.epochs = options.epochs;
  train.batch_size = options.batch_size;
  train.learning_rate = options.learning_rate;
  train.evaluate_every = options.evaluate_every;
  train.patience = options.patience;
  return train;
}

}  // namespace reclm::cli
