#pragma once
/// @file tuning_chapter.hpp
/// What RecLM's stages did to a language model, as chapters of a report.

#include <algorithm>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "reclm/eval/report_chapter.hpp"
#include "reclm/eval/written_profiles.hpp"
#include "reclm/instruct/pipeline.hpp"

namespace reclm {

namespace detail {

inline constexpr double kNotMeasured = std::numeric_limits<double>::quiet_NaN();

inline Series counted_series(std::string name, const std::vector<double>& values) {
  Series series{std::move(name), {}, values};
  for (std::size_t k = 0; k < values.size(); ++k) series.x.push_back(static_cast<double>(k + 1));
  return series;
}

/// Means of consecutive stretches, so that a curve of single steps can be read.
inline Series smoothed_series(std::string name, const std::vector<double>& values, std::size_t points = 60) {
  const std::size_t each = std::max<std::size_t>(1, (values.size() + points - 1) / points);
  Series series{std::move(name), {}, {}};
  for (std::size_t begin = 0; begin < values.size(); begin += each) {
    const std::size_t end = std::min(values.size(), begin + each);
    double total = 0;
    for (std::size_t k = begin; k < end; ++k) total += values[k];
    series.x.push_back(static_cast<double>(end));
    series.y.push_back(total / static_cast<double>(end - begin));
  }
  return series;
}

inline ChapterTable loss_table(const instruct::TuningReport& report) {
  ChapterTable table{"Loss",
                     "Mean loss of a token of the right answers, on users and items that no stage learned from.",
                     {{"before", 3}, {"after", 3}, {"steps", 0}},
                     {}};
  for (const char* stage : {"sft", "collaborative", "items"}) {
    const auto after = report.loss_after.find(stage);
    if (after == report.loss_after.end()) continue;
    table.rows.push_back(
        {stage, {report.loss_before.at(stage), after->second, static_cast<double>(report.finetunes.at(stage).steps)}});
  }
  return table;
}

inline ChapterTable question_table(const instruct::TuningReport& report) {
  ChapterTable table{"Yes or No",
                     "Would a held-out user choose this item, which a neighbour has? Before and after the stage "
                     "collaborative; the area under the curve is .5 "
                     "for a guess, 1 for a seer.",
                     {{"questions", 0}, {"accuracy", 1, true}, {"AUC", 3}},
                     {}};
  const auto row = [&](const char* when, const instruct::QuestionReport& q) {
    table.rows.push_back({when, {static_cast<double>(q.questions), q.accuracy, q.auc}});
  };
  row("before", report.questions_before);
  row("after", report.questions_after);
  return table;
}

inline ChapterTable reward_table(const instruct::PairAccuracy& found) {
  ChapterTable table{"Reward model",
                     "How often the better of two answers about a held-out user gets the higher score, by what is "
                     "wrong with the other one.",
                     {{"pairs", 0}, {"found", 1, true}},
                     {}};
  table.rows.push_back({"all", {static_cast<double>(found.count), found.all}});
  for (std::size_t k = 0; k < instruct::kRejections; ++k)
    table.rows.push_back({std::string(instruct::rejection_name(static_cast<instruct::Rejection>(k))),
                          {static_cast<double>(found.pairs[k]), found.by_kind[k]}});
  return table;
}

inline ChapterTable weight_table(const instruct::WeightChoice& choice) {
  ChapterTable table{"Weights of the reward's terms",
                     "By which ppo was guided. Held-out items may change them: the best other weights foresaw these "
                     "better by the gain below, and where that is under three standard errors, the weights stay.",
                     {{"weight", 2}},
                     {}};
  for (std::size_t k = 0; k < instruct::kRewardTerms; ++k)
    table.rows.push_back({std::string(instruct::name_of(static_cast<instruct::RewardTerm>(k))), {choice.weights[k]}});
  table.rows.push_back({"gain of the best others", {choice.gain}});
  table.rows.push_back({"its standard error", {choice.error}});
  return table;
}

inline std::vector<ChapterChart> tuning_charts(const instruct::TuningReport& report) {
  std::vector<ChapterChart> charts;
  ChapterChart losses{"Loss in training", "epoch", {}};
  for (const char* stage : {"sft", "collaborative", "items"})
    if (const auto found = report.finetunes.find(stage); found != report.finetunes.end())
      losses.lines.push_back(counted_series(stage, found->second.epoch_loss));
  if (!losses.lines.empty()) charts.push_back(std::move(losses));
  if (report.reward)
    charts.push_back({"Loss of the reward model", "step", {smoothed_series("reward", report.reward->losses)}});
  if (!report.ppo) return charts;
  const auto chart = [&](const char* title, double instruct::RlStats::*figure) {
    std::vector<double> values;
    for (const instruct::RlStats& stats : report.ppo->history) values.push_back(stats.*figure);
    charts.push_back({title, "step of ppo", {counted_series(title, values)}});
  };
  chart("Reward of an answer", &instruct::RlStats::reward);
  chart("KL to the start, nats an answer", &instruct::RlStats::kl);
  chart("Entropy, nats a token", &instruct::RlStats::entropy);
  chart("Share of clipped tokens", &instruct::RlStats::clip_fraction);
  chart("Tokens of an answer", &instruct::RlStats::length);
  chart("Loss of the critic", &instruct::RlStats::value_loss);
  return charts;
}

}  // namespace detail

/// Losses, Yes-or-No answers, the reward's accuracy and the curves of all stages that ran.
inline ReportChapter tuning_chapter(const instruct::TuningReport& report) {
  ReportChapter chapter{"How the model was tuned",
                        "sft learns a teacher's profiles from histories; collaborative reads neighbours beside the "
                        "user and says what the user would choose; reward learns to tell good profiles from bad ones; "
                        "ppo writes profiles and moves towards that reward and diversity; items learns whom an item "
                        "is for.",
                        {},
                        {},
                        {}};
  if (!report.loss_after.empty()) chapter.tables.push_back(detail::loss_table(report));
  if (report.loss_after.contains("collaborative")) chapter.tables.push_back(detail::question_table(report));
  if (report.reward && report.reward->held_out.count > 0)
    chapter.tables.push_back(detail::reward_table(report.reward->held_out));
  if (report.weights) chapter.tables.push_back(detail::weight_table(*report.weights));
  chapter.charts = detail::tuning_charts(report);
  return chapter;
}

/// What profiles are like after each stage: those drawn for the same held-out users, and those written for everybody;
/// with samples.
/// @param truth names of the user's interests where they are known; may be empty
/// @param name_of the users' ids
template <class NameOf>
ReportChapter profile_chapter(const instruct::TuningReport& report, const std::vector<WrittenProfiles>& written,
                              const std::function<std::vector<std::string>(Id)>& truth, const NameOf& name_of,
                              std::size_t samples = 6) {
  ReportChapter chapter{"Profiles",
                        "A profile names identities and interests. Valid: it follows the form. Right: the share of a "
                        "user's true interests that it names, where they are known. Distinct: different interests "
                        "named over interests named, less when everybody gets the same profile.",
                        {},
                        {},
                        {}};
  std::vector<ChapterColumn> figures{{"valid", 1, true}};
  if (truth) figures.insert(figures.end(), {{"right", 1, true}, {"of those named, true", 1, true}});
  figures.push_back({"distinct", 3});
  const auto measured = [&](double valid, double distinct, const instruct::ProfileReport* compared) {
    std::vector<double> row{valid};
    if (truth)
      row.insert(row.end(), {compared ? compared->accuracy : detail::kNotMeasured,
                             compared ? compared->precision : detail::kNotMeasured});
    row.push_back(distinct);
    return row;
  };
  if (!report.profiles.empty()) {
    ChapterTable drawn{
        "Drawn after each stage",
        "One answer for each of the same " + std::to_string(report.shown.size()) + " held-out users, taken as it came.",
        figures,
        {}};
    for (const instruct::ShownProfiles& shown : report.profiles)
      drawn.rows.push_back({shown.after, measured(shown.valid, shown.distinctness,
                                                  shown.against_truth ? &*shown.against_truth : nullptr)});
    chapter.tables.push_back(std::move(drawn));
  }
  if (!report.item_profiles.empty()) {
    ChapterTable drawn{"Drawn about items, before and after the stage items",
                       "One answer for each of the same " + std::to_string(report.shown_items.size()) +
                           " items that the stage did not learn, taken as it came.",
                       {{"valid", 1, true}, {"distinct", 3}},
                       {}};
    for (const instruct::ShownProfiles& shown : report.item_profiles)
      drawn.rows.push_back({shown.after, {shown.valid, shown.distinctness}});
    chapter.tables.push_back(std::move(drawn));
  }
  // What was tuned elsewhere held nobody out here.
  const bool tuned_here = !report.held_out.empty();
  std::vector<Id> whose = report.held_out;
  if (!tuned_here && !written.empty())
    for (std::size_t user = 0; user < written.front().users.size(); ++user)
      if (std::ranges::any_of(written, [&](const auto& source) { return !source.users[user].empty(); }))
        whose.push_back(static_cast<Id>(user));
  ChapterTable stores{"Written for the recommenders",
                      "What broke the form was asked again. Valid: of all answers. Right, true and distinct: of the "
                      "profiles of " +
                          std::to_string(whose.size()) + (tuned_here ? " held-out users" : " users") +
                          "; without a profile nothing is right.",
                      {{"users", 0}, {"items", 0}, {"answers", 0}, {"rejected", 0}, {"failed", 0}},
                      {}};
  stores.columns.insert(stores.columns.end(), figures.begin(), figures.end());
  for (const WrittenProfiles& source : written) {
    std::vector<std::string> texts;
    std::vector<std::vector<std::string>> true_interests;
    for (const Id user : whose) {
      texts.push_back(source.users[static_cast<std::size_t>(user)]);
      true_interests.push_back(truth ? truth(user) : std::vector<std::string>{});
    }
    const instruct::ProfileReport compared = instruct::compare_profiles(texts, true_interests);
    const auto there = [](const std::vector<std::string>& of) {
      return static_cast<double>(of.size()) - static_cast<double>(std::count(of.begin(), of.end(), std::string()));
    };
    const auto& u = source.user_counts;
    const auto& i = source.item_counts;
    const auto answers = static_cast<double>(u.answers + i.answers),
               rejected = static_cast<double>(u.rejected + i.rejected);
    const bool counted = answers > 0;
    std::vector<double> row{there(source.users), there(source.items), counted ? answers : detail::kNotMeasured,
                            counted ? rejected : detail::kNotMeasured,
                            counted ? static_cast<double>(u.failed + i.failed) : detail::kNotMeasured};
    const auto rest =
        measured(counted ? 1 - rejected / answers : detail::kNotMeasured, compared.distinct_interests, &compared);
    row.insert(row.end(), rest.begin(), rest.end());
    stores.rows.push_back({source.name, std::move(row)});
  }
  if (!stores.rows.empty()) chapter.tables.push_back(std::move(stores));
  for (std::size_t k = 0; k < std::min(samples, report.shown.size()); ++k) {
    const Id user = report.shown[k];
    ChapterSample sample{"User " + std::string(name_of(user)), {}};
    if (truth) {
      std::string names;
      for (const std::string& name : truth(user)) names += (names.empty() ? "" : ", ") + name;
      sample.texts.emplace_back("true interests", names);
    }
    for (const instruct::ShownProfiles& shown : report.profiles)
      if (k < shown.texts.size()) sample.texts.emplace_back(shown.after, shown.texts[k]);
    chapter.samples.push_back(std::move(sample));
  }
  return chapter;
}

}  // namespace reclm
