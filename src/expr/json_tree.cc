// SPDX-License-Identifier: Apache-2.0
#include "base/utf8.h"
#include "expr/json_tree.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <numeric>

namespace firn::expr {

namespace {

namespace ondemand = simdjson::ondemand;

void Check(simdjson::error_code problem) {
  if (problem != simdjson::SUCCESS) throw simdjson::simdjson_error(problem);
}

std::string_view Trimmed(std::string_view text) {
  const auto is_blank = [](char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; };
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

constexpr int kMaxDepth = 500;  // of arrays and objects in each other

Json Convert(ondemand::value value, int depth) {
  if (depth > kMaxDepth) Check(simdjson::DEPTH_ERROR);
  Json json;
  switch (value.type()) {
    case ondemand::json_type::null:
      if (!value.is_null()) Check(simdjson::N_ATOM_ERROR);
      break;
    case ondemand::json_type::boolean:
      json.kind = Json::Kind::kBoolean;
      json.truth = value.get_bool();
      break;
    case ondemand::json_type::number:
      json.kind = Json::Kind::kNumber;
      json.text = Trimmed(value.raw_json_token());
      break;
    case ondemand::json_type::string:
      json.kind = Json::Kind::kString;
      json.text = std::string_view(value.get_string());
      break;
    case ondemand::json_type::array:
      json.kind = Json::Kind::kArray;
      for (auto item : value.get_array()) json.items.push_back(Convert(item.value(), depth + 1));
      break;
    case ondemand::json_type::object:
      json.kind = Json::Kind::kObject;
      for (auto field : value.get_object()) {
        const std::string_view key = field.unescaped_key();
        json.keys.emplace_back(key);
        json.items.push_back(Convert(field.value(), depth + 1));
      }
      break;
  }
  return json;
}

bool IsNumber(std::string_view text) {
  double value = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string_view digits = text.starts_with('-') ? text.substr(1) : text;
  const bool has_leading_zero = digits.size() > 1 && digits[0] == '0' && digits[1] >= '0' && digits[1] <= '9';
  return end == text.data() + text.size() && status != std::errc::invalid_argument && !digits.empty() && digits[0] >= '0' && digits[0] <= '9' && !has_leading_zero && text.back() != '.';
}

}  // namespace

struct JsonParser::State {
  ondemand::parser parser;
  std::string padded;
};

JsonParser::JsonParser() : state_(std::make_unique<State>()) {}
JsonParser::~JsonParser() = default;

// simdjson's on-demand parser reports errors while it is walked; its exceptions end here.
std::optional<Json> JsonParser::Parse(std::string_view text) {
  text = Trimmed(text);
  if (text.empty()) return std::nullopt;
  state_->padded.assign(text);
  state_->padded.reserve(text.size() + simdjson::SIMDJSON_PADDING);
  const simdjson::padded_string_view padded(state_->padded.data(), text.size(), state_->padded.capacity());
  try {
    ondemand::document document = state_->parser.iterate(padded);
    Json json;
    if (document.is_scalar()) {  // a document that is a scalar is read by itself
      const auto type = document.type().value();
      if (type == ondemand::json_type::number) {
        json.kind = Json::Kind::kNumber;
        json.text = text;
        if (!IsNumber(text)) return std::nullopt;
        return json;
      }
      if (type == ondemand::json_type::string) {
        json.kind = Json::Kind::kString;
        json.text = std::string_view(document.get_string());
      } else if (type == ondemand::json_type::boolean) {
        json.kind = Json::Kind::kBoolean;
        json.truth = document.get_bool();
      } else if (!document.is_null()) {
        return std::nullopt;
      }
    } else {
      json = Convert(document.get_value(), 1);
    }
    if (document.current_location().error() != simdjson::OUT_OF_BOUNDS) return std::nullopt;  // something stands behind the value
    return json;
  } catch (const simdjson::simdjson_error&) {
    return std::nullopt;
  }
}

void AppendJsonString(std::string_view text, std::string* out) {
  out->push_back('"');
  for (char c : text) {
    switch (c) {
      case '"': out->append("\\\""); break;
      case '\\': out->append("\\\\"); break;
      case '\b': out->append("\\b"); break;
      case '\f': out->append("\\f"); break;
      case '\n': out->append("\\n"); break;
      case '\r': out->append("\\r"); break;
      case '\t': out->append("\\t"); break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          fmt::format_to(std::back_inserter(*out), "\\u{:04X}", static_cast<int>(c));
        } else {
          out->push_back(c);
        }
    }
  }
  out->push_back('"');
}

void AppendJson(const Json& json, bool sorts_keys, std::string* out) {
  switch (json.kind) {
    case Json::Kind::kNull: out->append("null"); return;
    case Json::Kind::kBoolean: out->append(json.truth ? "true" : "false"); return;
    case Json::Kind::kNumber: out->append(json.text); return;
    case Json::Kind::kString: AppendJsonString(json.text, out); return;
    case Json::Kind::kArray:
      out->push_back('[');
      for (size_t i = 0; i < json.items.size(); ++i) {
        if (i > 0) out->push_back(',');
        AppendJson(json.items[i], sorts_keys, out);
      }
      out->push_back(']');
      return;
    case Json::Kind::kObject: break;
  }
  std::vector<size_t> order(json.keys.size());
  std::iota(order.begin(), order.end(), 0);
  if (sorts_keys) std::stable_sort(order.begin(), order.end(), [&](size_t left, size_t right) { return json.keys[left] < json.keys[right]; });
  out->push_back('{');
  for (size_t i = 0; i < order.size(); ++i) {
    if (i > 0) out->push_back(',');
    AppendJsonString(json.keys[order[i]], out);
    out->push_back(':');
    AppendJson(json.items[order[i]], sorts_keys, out);
  }
  out->push_back('}');
}

Result<JsonPath> JsonPath::Parse(std::string_view text) {
  const auto bad = [&, whole = text](std::string_view what) {
    return Error(ErrorCode::kInvalidArgument, fmt::format("'{}' is no JSON path: {}", base::Excerpt(whole), what)).Hint("for example '$.a.b[0]' or 'lax $.items[*].name'");
  };
  const auto refused = [&, whole = text](std::string_view what) {
    return Error(ErrorCode::kNotSupported, fmt::format("{} in the JSON path '{}' is not supported", what, base::Excerpt(whole))).Hint("keys, indices and [*] are");
  };
  JsonPath path;
  std::string_view rest = Trimmed(text);
  if (rest.starts_with("lax ")) path.is_lax_ = true;
  if (path.is_lax_ || rest.starts_with("strict ")) rest = Trimmed(rest.substr(rest.find(' ')));
  if (!rest.starts_with('$')) return bad("it begins with $");
  rest.remove_prefix(1);
  while (!rest.empty()) {
    if (rest.starts_with("..")) return refused("'..'");
    Step step;
    if (rest[0] == '.') {
      const size_t end = std::min(rest.find_first_of(".[", 1), rest.size());
      step.key = rest.substr(1, end - 1);
      if (step.key.empty()) return bad("a key is missing behind '.'");
      if (step.key == "*") step.kind = Step::Kind::kAll;
      rest.remove_prefix(end);
    } else if (rest[0] == '[') {
      if (rest.size() > 1 && (rest[1] == '\'' || rest[1] == '"')) {
        const size_t close = rest.find(rest[1], 2);
        if (close == std::string_view::npos || close + 1 >= rest.size() || rest[close + 1] != ']') return bad("a quoted key is not closed");
        step.key = rest.substr(2, close - 2);
        rest.remove_prefix(close + 2);
      } else {
        const size_t close = rest.find(']');
        if (close == std::string_view::npos) return bad("']' is missing");
        const std::string_view inside = Trimmed(rest.substr(1, close - 1));
        if (inside.starts_with('?') || inside.starts_with('(')) return refused("a filter");
        if (inside.find_first_of(":,") != std::string_view::npos) return refused("a slice or list of indices");
        step.kind = inside == "*" ? Step::Kind::kAll : Step::Kind::kIndex;
        const auto [end, status] = std::from_chars(inside.data(), inside.data() + inside.size(), step.index);
        if (step.kind == Step::Kind::kIndex && (status != std::errc() || end != inside.data() + inside.size())) return bad("an index is a number");
        rest.remove_prefix(close + 1);
      }
    } else {
      return bad("a step begins with '.' or '['");
    }
    path.has_all_ |= step.kind == Step::Kind::kAll;
    path.steps_.push_back(std::move(step));
  }
  return path;
}

void JsonPath::FindFrom(const Json& json, const std::vector<Step>& steps, size_t at, std::vector<const Json*>* found) {
  if (at == steps.size()) {
    found->push_back(&json);
    return;
  }
  const Step& step = steps[at];
  if (step.kind == Step::Kind::kAll) {
    for (const Json& item : json.items) FindFrom(item, steps, at + 1, found);
  } else if (step.kind == Step::Kind::kKey && json.kind == Json::Kind::kObject) {
    for (size_t i = json.keys.size(); i-- > 0;) {  // of equal keys the last one counts
      if (json.keys[i] == step.key) return FindFrom(json.items[i], steps, at + 1, found);
    }
  } else if (step.kind == Step::Kind::kIndex && json.kind == Json::Kind::kArray) {
    const auto count = static_cast<int64_t>(json.items.size());
    const int64_t index = step.index < 0 ? count + step.index : step.index;
    if (index >= 0 && index < count) FindFrom(json.items[static_cast<size_t>(index)], steps, at + 1, found);
  }
}

std::optional<Json> JsonPath::Find(const Json& root) const {
  std::vector<const Json*> found;
  FindFrom(root, steps_, 0, &found);
  if (!has_all_) return found.empty() ? std::nullopt : std::optional<Json>(*found[0]);
  Json all;
  all.kind = Json::Kind::kArray;
  for (const Json* json : found) all.items.push_back(*json);
  return all;
}

}  // namespace firn::expr
