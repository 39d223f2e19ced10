// reclm encode: texts → vectors, by an encoder on this machine.

#include <filesystem>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "command.hpp"
#include "interrupt.hpp"
#include "language_model.hpp"
#include "reclm/core/atomic_file.hpp"
#include "reclm/core/parallel.hpp"
#include "reclm/data/delimited.hpp"
#include "reclm/data/fingerprint.hpp"
#include "reclm/data/jsonl.hpp"
#include "reclm/data/npy.hpp"
#include "reclm/lm/encoder.hpp"
#include "terminal.hpp"

namespace reclm::cli {

namespace {

namespace fs = std::filesystem;

struct EncodeOptions {
  CommonOptions common;
  ModelOptions model;
  std::string input, out, id, text, pooling = "mean";
  Index longest = 256;
  bool keep_length = false;
};

struct Texts {
  std::vector<std::string> ids, texts;
};

/// Ids and texts of JSON lines, or of a table (.item, .user, .tsv, .csv).
Texts read_texts(const EncodeOptions& options) {
  Texts read;
  const fs::path path = options.input;
  if (path.extension() == ".jsonl") {
    for_each_json_line(path, [&](const JsonRecord& record) {
      read.ids.push_back(record.id(options.id.empty() ? "id" : options.id.c_str()));
      if (read.ids.back().empty()) read.ids.back() = std::to_string(record.line());
      std::string text;
      for (const std::string& key : split_list("--text", options.text.empty() ? "text" : options.text))
        text += (text.empty() ? "" : " ") + record.text(key.c_str());
      read.texts.push_back(std::move(text));
    });
    return read;
  }
  const bool typed = path.extension() != ".csv" && path.extension() != ".tsv";
  TableReader table(path, typed                        ? TableFormat::atomic()
                          : path.extension() == ".csv" ? TableFormat::csv()
                                                       : TableFormat::tsv());
  const Index id = options.id.empty() ? 0 : table.require(options.id);
  std::vector<Index> columns;
  if (options.text.empty()) {
    for (Index c = 0; c < static_cast<Index>(table.columns().size()); ++c) {
      const TableColumn& column = table.columns()[static_cast<std::size_t>(c)];
      const bool number = column.type == ColumnType::real || column.type == ColumnType::real_seq;
      if (c != id && !number) columns.push_back(c);
    }
    if (columns.empty())
      throw DataError(path.string(), 1, "there is no column of text beside the ids", "name columns by --text");
  } else {
    for (const std::string& name : split_list("--text", options.text)) columns.push_back(table.require(name));
  }
  while (table.next()) {
    read.ids.emplace_back(table.field(id));
    std::string text;
    for (const Index column : columns)
      if (!table.field(column).empty()) text += (text.empty() ? "" : " ") + std::string(table.field(column));
    read.texts.push_back(std::move(text));
  }
  return read;
}

/// Texts of a part of the work; finished parts are files, by which a run that was stopped goes on.
constexpr std::size_t kPart = 2048;

/// What a part's vectors depend on.
std::string part_key(const EncodeOptions& options, std::span<const std::string> texts) {
  Fingerprint key;
  const auto add = [&](const std::string& word) { key.add(std::span<const char>(word)); };
  std::error_code ignored;
  add(options.model.path + "|" + options.model.precision + "|" + options.pooling + "|" +
      std::to_string(options.longest) + "|" + std::to_string(options.keep_length));
  add(std::to_string(fs::is_regular_file(options.model.path) ? fs::file_size(options.model.path, ignored) : 0));
  for (const std::string& text : texts) add(text);
  return key.text();
}

ExitCode run(const EncodeOptions& options, const std::string& resume) {
  const ThreadLimit limit(options.common.threads);
  const Texts all = open_model([&] { return read_texts(options); });
  if (all.texts.empty()) throw BadInput(options.input + ": there is no text. Remedy: name a file with at least one");
  const lm::Tokenizer tokenizer = open_model([&] { return lm::load_tokenizer(options.model.path); });
  const lm::Encoder<> encoder =
      open_model([&] { return lm::Encoder<>(*lm::open_weights(options.model.path), precision_of(options.model)); });
  const auto longest = static_cast<std::size_t>(std::min(options.longest, encoder.config().context));
  const lm::EncodeOptions how{
      .pooling = options.pooling == "mean" ? lm::EncodeOptions::Pooling::mean : lm::EncodeOptions::Pooling::first_token,
      .normalise = !options.keep_length};

  const fs::path out = options.out, folder = options.out + ".parts";
  fs::create_directories(folder);
  ProgressDisplay display(options.common.quiet);
  const Observer observer = display.observer();
  const InterruptGuard guard;
  Matrix<float> vectors(static_cast<Index>(all.texts.size()), encoder.config().width);
  Index cut_texts = 0;
  for (std::size_t begin = 0; begin < all.texts.size(); begin += kPart) {
    const auto part = std::span(all.texts).subspan(begin, std::min(kPart, all.texts.size() - begin));
    const fs::path file = folder / (part_key(options, part) + ".npy");
    Matrix<float> made;
    if (fs::exists(file)) {
      made = read_npy(file);
      if (made.rows() != static_cast<Index>(part.size()) || made.cols() != vectors.cols())
        throw BadInput(file.string() + ": it holds other vectors than it should. Remedy: remove the folder " +
                       folder.string());
    } else {
      std::vector<std::vector<lm::TokenId>> tokens(part.size());
      parallel_for(static_cast<Index>(part.size()), 64, [&](Index i) {
        tokens[static_cast<std::size_t>(i)] = tokenizer.encode(part[static_cast<std::size_t>(i)]);
      });
      for (auto& text : tokens)
        if (text.size() > longest) {  // what the model wants at the end stays there
          text[longest - 1] = text.back();
          text.resize(longest);
          ++cut_texts;
        }
      bool stopped = false;
      made = encoder.encode(tokens, how, [&](const Progress& progress) {
        Progress whole = progress;
        whole.step += static_cast<Index>(begin);
        whole.total = static_cast<Index>(all.texts.size());
        stopped = !observer(whole);
        return !stopped;
      });
      if (stopped) {
        std::cerr << "Interrupted after " << begin << " of " << all.texts.size() << " texts. Go on by\n  " << resume
                  << std::endl;
        return exit_interrupted;
      }
      write_npy(file, made);
    }
    std::copy_n(made.data(), made.size(), vectors.row(static_cast<Index>(begin)).data());
  }
  display.finish();
  std::string ids;
  for (const std::string& id : all.ids) ids += id + "\n";
  const fs::path ids_file = fs::path(out).replace_extension(".ids");
  write_npy(out, vectors);
  write_file(ids_file, ids);
  fs::remove_all(folder);
  if (options.common.json) {
    const nlohmann::ordered_json summary{{"texts", all.texts.size()},
                                         {"width", vectors.cols()},
                                         {"cut", cut_texts},
                                         {"vectors", out.string()},
                                         {"ids", ids_file.string()}};
    std::cout << summary.dump(1) << "\n";
  } else {
    std::cout << all.texts.size() << " texts, " << vectors.cols() << " wide: " << out.string() << ", "
              << ids_file.string() << "\n";
    if (cut_texts > 0) std::cout << cut_texts << " texts were cut to " << longest << " tokens\n";
  }
  return exit_ok;
}

}  // namespace

void add_encode(CLI::App& app, Invocation& call) {
  const auto options = std::make_shared<EncodeOptions>();
  CLI::App* const command = add_command(
      app, "encode", "Turns texts into vectors by an encoder (MiniLM and others of the BERT family).",
      "Reads JSON lines (id, text) or a table (.item, .user: its text columns joined), writes OUT.npy, a row\n"
      "a text, and OUT.ids beside it, as data folders take them. What is finished is kept in OUT.npy.parts\n"
      "until the end: the same command goes on where it was stopped.",
      "  reclm encode --model all-MiniLM-L6-v2 --input movies/movies.item --out movies/item_text.npy\n"
      "  reclm encode --model all-MiniLM-L6-v2 --input profiles.jsonl --text profile --id user_id \\\n"
      "    --out movies/user_profile.npy");
  add_model_options(*command, options->model);
  command->add_option("--input", options->input, "texts: .jsonl, .item, .user, .tsv or .csv")
      ->required()
      ->option_text("FILE REQUIRED");
  command->add_option("--out", options->out, "the vectors, a .npy file")
      ->required()
      ->check([](const std::string& name) {
        return fs::path(name).extension() == ".npy" ? std::string() : "--out: the name must end in .npy";
      })
      ->option_text("FILE REQUIRED");
  command->add_option("--id", options->id, "field or column of the ids (id; the first column)")->option_text("NAME");
  command->add_option("--text", options->text, "fields or columns of the text, joined (text; all text columns)")
      ->option_text("LIST");
  command->add_option("--max-tokens", options->longest, "longer texts are cut")
      ->check(CLI::Range(2, 1 << 20))
      ->option_text("N=256");
  command->add_option("--pooling", options->pooling, "how tokens become a vector: mean, first")
      ->check(CLI::IsMember({"mean", "first"}))
      ->option_text("KIND=mean");
  command->add_flag("--keep-length", options->keep_length, "vectors as they are, not of length 1");
  add_common_options(*command, options->common);
  command->callback(
      [&call, options] { call.run = [options, line = command_line(call)] { return run(*options, line); }; });
}

}  // namespace reclm::cli
