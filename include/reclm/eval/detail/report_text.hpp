#pragma once
/// @file report_text.hpp
/// Numbers and escaped text for the reports; independent of the process's locale.

#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>

#include "reclm/core/config.hpp"
#include "reclm/eval/report_chapter.hpp"

namespace reclm::detail {

/// `value` with `digits` decimals; "" for NaN.
inline std::string fixed(double value, int digits) {
  if (std::isnan(value)) return {};
  std::array<char, 512> buffer{};
  const auto end =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::fixed, digits).ptr;
  std::string text(buffer.data(), end);
  // A rounded-away minus says nothing.
  if (text.size() > 1 && text.front() == '-' && text.find_first_not_of("-0.") == std::string::npos) text.erase(0, 1);
  return text;
}

/// The shortest text that reads back to the same double; "" for NaN.
inline std::string exact(double value) {
  if (std::isnan(value)) return {};
  std::array<char, 64> buffer{};
  return {buffer.data(), std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr};
}

/// "95%", "99.9%": a share without the digits that multiplying by 100 adds.
inline std::string exact_percent(double share) { return exact(std::round(1e11 * share) / 1e9) + "%"; }

/// A figure of a chapter's table: "0.532", "53.2%", "–" where nothing was measured.
inline std::string chapter_figure(const ChapterTable& table, const ChapterRow& row, std::size_t column) {
  if (column >= row.figures.size() || !std::isfinite(row.figures[column])) return "–";
  const ChapterColumn& how = table.columns[column];
  return how.percent ? fixed(100 * row.figures[column], how.digits) + "%" : fixed(row.figures[column], how.digits);
}

/// "12 345 678" with narrow no-break spaces.
inline std::string grouped(Index value) {
  std::string digits = std::to_string(value);
  const std::size_t first = digits.front() == '-' ? 1 : 0;
  for (std::size_t place = digits.size(); place > first + 3;) digits.insert(place -= 3, "\u202f");
  return digits;
}

/// "< 0.001" or three decimals.
inline std::string p_text(double p) {
  if (std::isnan(p)) return {};
  return p < 0.001 ? "< 0.001" : fixed(p, 3);
}

/// "+0.0123" or "-0.0123", the minus as a true minus sign.
inline std::string signed_text(double value, int digits) {
  const std::string text = fixed(std::fabs(value), digits);
  if (text.empty()) return text;
  if (text.find_first_not_of("0.") == std::string::npos) return text;
  return (value < 0 ? "\u2212" : "+") + text;
}

inline bool starts_with(std::string_view text, std::string_view start) { return text.substr(0, start.size()) == start; }

/// "warm_recall@20" → "Warm recall@20"; "ndcg@20" → "NDCG@20"; "h_ndcg@20" → "H NDCG@20".
inline std::string metric_title(std::string_view name) {
  const auto kind = [](std::string_view rest, bool capital) {
    const auto at = rest.find('@');
    const std::string_view word = rest.substr(0, at);
    const std::string_view cutoff = at == std::string_view::npos ? std::string_view() : rest.substr(at);
    std::string title;
    if (word == "ndcg" || word == "mrr" || word == "map")
      for (const char c : word) title += static_cast<char>(c - 'a' + 'A');
    else if (word == "hit_rate")
      title = capital ? "Hit rate" : "hit rate";
    else
      title = word;
    if (capital && !title.empty() && title.front() >= 'a' && title.front() <= 'z')
      title.front() = static_cast<char>(title.front() - 'a' + 'A');
    return title + std::string(cutoff);
  };
  if (starts_with(name, "warm_")) return "Warm " + kind(name.substr(5), false);
  if (starts_with(name, "cold_")) return "Cold " + kind(name.substr(5), false);
  if (starts_with(name, "h_")) return "H " + kind(name.substr(2), false);
  return kind(name, true);
}

/// True for metrics of which more is better; coverage, Gini and novelty describe rather than grade.
inline bool is_graded(std::string_view metric) {
  return !starts_with(metric, "coverage@") && !starts_with(metric, "gini@") && !starts_with(metric, "novelty@");
}

/// Decimals that a metric is read with.
inline int digits_of(std::string_view metric) {
  if (starts_with(metric, "novelty@")) return 2;
  return is_graded(metric) ? 4 : 3;
}

/// For element content and quoted attributes.
inline std::string html_escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      case '\'':
        result += "&#39;";
        break;
      default:
        // Control characters have no place in a page.
        if (static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\t') result += c;
    }
  }
  return result;
}

/// For running text and table cells: no character keeps a Markdown or HTML meaning, and line ends become spaces.
inline std::string markdown_escaped(std::string_view text) {
  constexpr std::string_view special = "\\`*_{}[]()<>#+-!|~&";
  std::string result;
  for (const char c : text) {
    if (c == '\n' || c == '\r' || c == '\t') {
      result += ' ';
    } else if (static_cast<unsigned char>(c) >= 0x20) {
      if (special.find(c) != std::string_view::npos) result += '\\';
      result += c;
    }
  }
  return result;
}

/// One CSV field (RFC 4180): quoted when it holds a comma, a quote or a line end.
inline std::string csv_field(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"') result += '"';
    result += c;
  }
  return result + '"';
}

/// Columns that a terminal needs for UTF-8 text without wide or combining characters.
inline std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  for (const char c : text) width += (static_cast<unsigned char>(c) & 0xC0u) != 0x80u ? 1 : 0;
  return width;
}

}  // namespace reclm::detail
