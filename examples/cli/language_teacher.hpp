#pragma once
// What teachers of one's own making need.

#include <filesystem>
#include <initializer_list>
#include <string>

#include "language_model.hpp"
#include "reclm/instruct/grammar.hpp"

namespace reclm::cli {

/// As in language_model.hpp. @param rules what counts as a profile
AnyTeacher consensus_teacher(AnyTeacher teacher, Index count, const instruct::GrammarRules& rules);

/// What is in those files of a folder, as text: one of the same name may have been trained again. Files that are
/// missing are left to whoever opens them.
std::string files_print(const std::filesystem::path& folder, std::initializer_list<const char*> names);

}  // namespace reclm::cli
