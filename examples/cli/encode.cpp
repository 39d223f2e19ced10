// reclm encode: texts → vectors, by an encoder on this machine.

#include <filesystem>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "command.hpp"
#include "encoder_model.hpp"
#include "interrupt.hpp"
#include "reclm/core/atomic_file.hpp"
#include "reclm/core/parallel.hpp"
#include "reclm/data/delimited.hpp"
#include "reclm/data/id_map.hpp"
#include "reclm/data/jsonl.hpp"
#include "reclm/data/npy.hpp"
#include "terminal.hpp"

namespace reclm::cli {

namespace {

namespace fs = std::filesystem;

struct EncodeOptions {
  CommonOptions common;
  EncoderOptions encoder;
  std::string input, out, id, text;
};

/// What is turned into vectors, and how many records were not.
struct Texts {
  IdMap ids;
  std::vector<std::string> texts;
  Index without_id = 0, rejected = 0;
  Index replaced = 0;  ///< by a later one of the same id
};

/// Ids become lines of a file.
bool fits_a_line(std::string_view id) { return id.find_first_of("\r\n") == std::string_view::npos; }
constexpr const char* kBrokenId = "the id holds a line break, and a file of ids has one a line";

/// Of JSON lines. A store's rejected answers are passed over; of several texts of one id the last one counts.
Texts read_json_texts(const EncodeOptions& options) {
  Texts read;
  const std::vector<std::string> fields = split_list("--text", options.text.empty() ? "text" : options.text);
  for_each_json_line(options.input, [&](const JsonRecord& record) {
    std::string id = record.id(options.id.empty() ? "id" : options.id.c_str());
    if (id.empty() && !options.id.empty()) {
      ++read.without_id;
      return;
    }
    if (id.empty()) id = std::to_string(record.line());
    if (!fits_a_line(id)) record.fail(kBrokenId, "name it otherwise");
    if (record.has("rejected") && !record.has(fields.front().c_str())) {
      ++read.rejected;
      return;
    }
    std::string text;
    for (const std::string& field : fields) text += (text.empty() ? "" : " ") + record.text(field.c_str());
    const auto place = static_cast<std::size_t>(read.ids.insert(id));
    if (place < read.texts.size())
      ++read.replaced;
    else
      read.texts.emplace_back();
    read.texts[place] = std::move(text);
  });
  return read;
}

/// Of JSON lines, or of a table (.item, .user, .tsv, .csv).
Texts read_texts(const EncodeOptions& options) {
  const fs::path path = options.input;
  if (path.extension() == ".jsonl") return read_json_texts(options);
  Texts read;
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
    const std::string_view name = table.field(id);
    if (name.empty()) table.fail("the id is empty", "write an id or remove the record");
    if (!fits_a_line(name)) table.fail(kBrokenId, "name it otherwise");
    if (read.ids.insert(name) != static_cast<Id>(read.texts.size()))
      table.fail("the id \"" + TableReader::shortened(name) + "\" appears twice", "keep one record for each id");
    std::string text;
    for (const Index column : columns)
      if (!table.field(column).empty()) text += (text.empty() ? "" : " ") + std::string(table.field(column));
    read.texts.push_back(std::move(text));
  }
  return read;
}

ExitCode run(const EncodeOptions& options, const std::string& resume) {
  const ThreadLimit limit(options.common.threads);
  const Texts all = open_input([&] { return read_texts(options); });
  if (all.texts.empty())
    throw BadInput(options.input + ": there is no text" +
                   (all.without_id > 0 ? " with the id \"" + options.id + "\"" : std::string()) +
                   ". Remedy: name a file with at least one");
  const fs::path out = options.out, folder = options.out + ".parts";
  ProgressDisplay display(options.common.quiet);
  const InterruptGuard guard;
  const auto [vectors, cut_texts, done] = encode_texts(options.encoder, all.texts, folder, display.observer());
  if (done < static_cast<Index>(all.texts.size())) {
    std::cerr << "Interrupted after " << done << " of " << all.texts.size() << " texts. Go on by\n  " << resume
              << std::endl;
    return exit_interrupted;
  }
  display.finish();
  std::string ids;
  for (Id row = 0; row < all.ids.size(); ++row) ids += std::string(all.ids.name(row)) + "\n";
  const fs::path ids_file = fs::path(out).replace_extension(".ids");
  write_npy(out, vectors);
  write_file(ids_file, ids);
  fs::remove_all(folder);
  if (options.common.json) {
    const nlohmann::ordered_json summary{{"texts", all.texts.size()}, {"width", vectors.cols()},
                                         {"cut", cut_texts},          {"without_id", all.without_id},
                                         {"rejected", all.rejected},  {"replaced", all.replaced},
                                         {"vectors", out.string()},   {"ids", ids_file.string()}};
    std::cout << summary.dump(1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << "\n";
  } else {
    std::cout << all.texts.size() << " texts, " << vectors.cols() << " wide: " << out.string() << ", "
              << ids_file.string() << "\n";
    if (cut_texts > 0) std::cout << cut_texts << " texts were cut to what the model reads, or --max-tokens\n";
    if (all.without_id > 0) std::cout << "left out, without \"" << options.id << "\": " << all.without_id << "\n";
    if (all.rejected > 0) std::cout << "left out, rejected answers: " << all.rejected << "\n";
    if (all.replaced > 0) std::cout << "replaced by a later text of the same id: " << all.replaced << "\n";
  }
  return exit_ok;
}

}  // namespace

void add_encode(CLI::App& app, Invocation& call) {
  const auto options = std::make_shared<EncodeOptions>();
  CLI::App* const command = add_command(
      app, "encode", "Turns texts into vectors by an encoder (MiniLM and others of the BERT family).",
      "Reads JSON lines (id, text) or a table (.item, .user: its text columns joined), writes OUT.npy, a row\n"
      "a text, and OUT.ids beside it, as data folders take them. Of a file of profiles, --id user_id takes those\n"
      "of users alone and --id item_id those of items; rejected answers are left out, and of several profiles of\n"
      "one id the last one counts. What is finished is kept in OUT.npy.parts until the end: the same command\n"
      "goes on where it was stopped.",
      "  reclm encode --model all-MiniLM-L6-v2 --input movies/movies.item --out movies/item_text.npy\n"
      "  reclm encode --model all-MiniLM-L6-v2 --input profiles.jsonl --text profile --id user_id \\\n"
      "    --out movies/user_profile.npy");
  add_model_options(*command, options->encoder.model);
  command->add_option("--input", options->input, "texts: .jsonl, .item, .user, .tsv or .csv")
      ->required()
      ->option_text("FILE REQUIRED");
  command->add_option("--out", options->out, "the vectors, a .npy file")
      ->required()
      ->check([](const std::string& name) {
        return fs::path(name).extension() == ".npy" ? std::string() : "--out: the name must end in .npy";
      })
      ->option_text("FILE REQUIRED");
  command
      ->add_option("--id", options->id, "field or column of the ids (id, or else the line's number; the\nfirst column)")
      ->option_text("NAME");
  command->add_option("--text", options->text, "fields or columns of the text, joined (text; all text columns)")
      ->option_text("LIST");
  command->add_option("--max-tokens", options->encoder.longest, "longer texts are cut")
      ->check(CLI::Range(2, 1 << 20))
      ->option_text("N=256");
  command->add_option("--pooling", options->encoder.pooling, "how tokens become a vector: mean, first")
      ->check(CLI::IsMember({"mean", "first"}))
      ->option_text("KIND=mean");
  command->add_flag("--keep-length", options->encoder.keep_length, "vectors as they are, not of length 1");
  add_common_options(*command, options->common);
  command->callback(
      [&call, options] { call.run = [options, line = command_line(call)] { return run(*options, line); }; });
}

}  // namespace reclm::cli
