// SPDX-License-Identifier: Apache-2.0
#include "formats/avro_value.h"

#include <fmt/format.h>

#include <bit>
#include <limits>

#include "base/endian.h"
#include "base/varint.h"

namespace firn::formats {

// What the decoder does at one place of the writer's schema. `target` of a record's step is the position in the reader's record, -1: skip.
struct AvroResolution::Node {
  struct Step {
    std::shared_ptr<const Node> node;
    int target = -1;
  };
  AvroKind kind = AvroKind::kNull;
  bool keep = true;               // false: the bytes are passed over
  bool refuses_null = false;      // a null where the reader's schema has no null
  size_t field_count = 0;         // of the reader's record
  int64_t fixed_size = 0;
  int64_t symbol_count = 0;
  std::vector<Step> steps;        // record: the writer's fields in order; union: branches; array, map: one
  size_t min_size_bytes = 0;      // the fewest bytes a datum can take
};

// Builds nodes from a pair of schemas.
class AvroResolver {
 public:
  using Node = AvroResolution::Node;
  using NodePtr = std::shared_ptr<const Node>;

  static Result<NodePtr> Resolve(const AvroSchema& writer, const AvroSchema* reader, const std::string& place) {
    // A reader's union stands for its one branch that is not null; whether it has a null matters to the writer's null only.
    const bool takes_null = reader == nullptr || reader->kind == AvroKind::kNull || reader->IsOptional();
    return Resolve(writer, reader, place, takes_null);
  }

 private:
  static Result<NodePtr> Resolve(const AvroSchema& writer, const AvroSchema* reader, const std::string& place, bool takes_null) {
    if (reader != nullptr && reader->kind == AvroKind::kUnion) reader = BranchFor(writer, *reader);
    if (reader != nullptr && reader->kind == AvroKind::kNull) reader = nullptr;  // asked for as nothing: passed over
    auto node = std::make_shared<Node>();
    node->kind = writer.kind;
    node->keep = reader != nullptr;
    node->refuses_null = writer.kind == AvroKind::kNull && !takes_null;
    if (writer.kind == AvroKind::kUnion) return ResolveUnion(writer, reader, place, std::move(node), takes_null);
    if (reader != nullptr && !Fits(writer.kind, reader->kind)) {
      return Error(ErrorCode::kDecodeError, fmt::format("Avro: {} is {} where {} is expected", place.empty() ? "the datum" : place,
                                                        AvroKindText(writer.kind), AvroKindText(reader->kind)));
    }
    switch (writer.kind) {
      case AvroKind::kRecord: return ResolveRecord(writer, reader, place, std::move(node));
      case AvroKind::kArray:
      case AvroKind::kMap: {
        FIRN_TRY(NodePtr element,
                 Resolve(*writer.element, reader == nullptr ? nullptr : reader->element.get(), place + "[]"));
        node->steps.push_back({std::move(element), 0});
        node->min_size_bytes = 1;
        break;
      }
      case AvroKind::kFixed:
        node->fixed_size = writer.fixed_size;
        node->min_size_bytes = static_cast<size_t>(writer.fixed_size);
        break;
      case AvroKind::kEnum:
        node->symbol_count = static_cast<int64_t>(writer.symbols.size());
        node->min_size_bytes = 1;
        break;
      case AvroKind::kNull: break;
      case AvroKind::kFloat: node->min_size_bytes = 4; break;
      case AvroKind::kDouble: node->min_size_bytes = 8; break;
      default: node->min_size_bytes = 1;
    }
    return NodePtr(std::move(node));
  }

  static bool IsBytes(AvroKind kind) { return kind == AvroKind::kBytes || kind == AvroKind::kString || kind == AvroKind::kFixed; }
  static bool IsInteger(AvroKind kind) { return kind == AvroKind::kInt || kind == AvroKind::kLong || kind == AvroKind::kEnum; }
  static bool IsReal(AvroKind kind) { return kind == AvroKind::kFloat || kind == AvroKind::kDouble; }
  static bool Fits(AvroKind writer, AvroKind reader) {
    return writer == reader || writer == AvroKind::kNull || (IsBytes(writer) && IsBytes(reader)) ||
           (IsInteger(writer) && IsInteger(reader)) || (IsReal(writer) && IsReal(reader));
  }

  static const AvroSchema* BranchFor(const AvroSchema& writer, const AvroSchema& reader) {
    const AvroSchema* first = nullptr;
    for (const AvroSchemaPtr& branch : reader.branches) {
      if (branch->kind == AvroKind::kNull) continue;
      if (first == nullptr) first = branch.get();
      if (Fits(writer.kind, branch->kind)) return branch.get();
    }
    return first == nullptr ? reader.branches[0].get() : first;
  }

  static Result<NodePtr> ResolveUnion(const AvroSchema& writer, const AvroSchema* reader, const std::string& place,
                                      std::shared_ptr<Node> node, bool takes_null) {
    node->min_size_bytes = 1;
    for (const AvroSchemaPtr& branch : writer.branches) {
      FIRN_TRY(NodePtr resolved, Resolve(*branch, reader, place, takes_null));
      node->steps.push_back({std::move(resolved), 0});
    }
    return NodePtr(std::move(node));
  }

  static int FindField(const AvroSchema& reader, const AvroField& field) {
    for (size_t i = 0; i < reader.fields.size(); ++i) {
      const AvroField& candidate = reader.fields[i];
      if (field.field_id != kNoFieldId && candidate.field_id != kNoFieldId) {
        if (candidate.field_id == field.field_id) return static_cast<int>(i);
      } else if (candidate.name == field.name) {
        return static_cast<int>(i);
      }
    }
    return -1;
  }

  static Result<NodePtr> ResolveRecord(const AvroSchema& writer, const AvroSchema* reader, const std::string& place,
                                       std::shared_ptr<Node> node) {
    std::vector<bool> found(reader == nullptr ? 0 : reader->fields.size(), false);
    node->field_count = found.size();
    for (const AvroField& field : writer.fields) {
      const int target = reader == nullptr ? -1 : FindField(*reader, field);
      const bool is_taken = target >= 0 && !found[target];
      if (is_taken) found[target] = true;
      const AvroSchema* wanted = is_taken ? reader->fields[target].schema.get() : nullptr;
      FIRN_TRY(NodePtr resolved, Resolve(*field.schema, wanted, place.empty() ? field.name : place + "." + field.name));
      node->min_size_bytes += resolved->min_size_bytes;
      node->steps.push_back({std::move(resolved), is_taken ? target : -1});
    }
    for (size_t i = 0; i < found.size(); ++i) {
      const AvroField& field = reader->fields[i];
      if (found[i] || field.schema->IsOptional()) continue;
      return Error(ErrorCode::kDecodeError, fmt::format("Avro: the required field `{}` (id {}) is missing in {}", field.name,
                                                        field.field_id, place.empty() ? "the file's schema" : place));
    }
    return NodePtr(std::move(node));
  }
};

// Runs nodes over bytes.
class AvroDecoder {
 public:
  using Node = AvroResolution::Node;

  explicit AvroDecoder(std::string_view in) : in_(in) {}
  std::string_view rest() const { return in_; }

  Status Decode(const Node& node, AvroValue* out) {
    if (++values_ > kMaxAvroValuesPerDatum) {
      return Error(ErrorCode::kLimitExceeded, fmt::format("Avro: a datum has more than {} values", kMaxAvroValuesPerDatum));
    }
    switch (node.kind) {
      case AvroKind::kNull:
        if (node.refuses_null) return Bad("null in a required field");
        return Ok();
      case AvroKind::kBoolean: {
        FIRN_TRY(std::string_view bytes, Take(1));
        if (node.keep) *out = AvroValue(bytes[0] != 0);
        return Ok();
      }
      case AvroKind::kInt:
      case AvroKind::kLong:
      case AvroKind::kEnum: return DecodeInteger(node, out);
      case AvroKind::kFloat: {
        FIRN_TRY(std::string_view bytes, Take(4));
        if (node.keep) *out = AvroValue(static_cast<double>(std::bit_cast<float>(base::LoadLittle<uint32_t>(bytes.data()))));
        return Ok();
      }
      case AvroKind::kDouble: {
        FIRN_TRY(std::string_view bytes, Take(8));
        if (node.keep) *out = AvroValue(std::bit_cast<double>(base::LoadLittle<uint64_t>(bytes.data())));
        return Ok();
      }
      case AvroKind::kBytes:
      case AvroKind::kString: {
        FIRN_TRY(int64_t size, ReadLong());
        return DecodeBytes(node, size, out);
      }
      case AvroKind::kFixed: return DecodeBytes(node, node.fixed_size, out);
      case AvroKind::kRecord: return DecodeRecord(node, out);
      case AvroKind::kUnion: {
        FIRN_TRY(int64_t branch, ReadLong());
        if (branch < 0 || branch >= static_cast<int64_t>(node.steps.size())) return Bad(fmt::format("union branch {}", branch));
        return Decode(*node.steps[branch].node, out);
      }
      case AvroKind::kArray:
      case AvroKind::kMap: return DecodeItems(node, out);
    }
    FIRN_UNREACHABLE("kind {}", static_cast<int>(node.kind));
  }

 private:
  Error Bad(const std::string& what) const {
    return Error(ErrorCode::kCorruption, fmt::format("Avro: impossible {} with {} bytes left", what, in_.size()));
  }

  Result<std::string_view> Take(int64_t size) {
    if (size < 0 || static_cast<uint64_t>(size) > in_.size()) return Bad(fmt::format("length {}", size));
    std::string_view bytes = in_.substr(0, static_cast<size_t>(size));
    in_.remove_prefix(static_cast<size_t>(size));
    return bytes;
  }

  Result<int64_t> ReadLong() {
    int64_t value = 0;
    if (!base::ReadVarint(&in_, &value)) return Bad("integer");
    return value;
  }

  Status DecodeInteger(const Node& node, AvroValue* out) {
    FIRN_TRY(int64_t value, ReadLong());
    if (node.kind == AvroKind::kEnum && (value < 0 || value >= node.symbol_count)) return Bad(fmt::format("symbol {}", value));
    if (node.kind == AvroKind::kInt &&
        (value < std::numeric_limits<int32_t>::min() || value > std::numeric_limits<int32_t>::max())) {
      return Bad(fmt::format("int {}", value));
    }
    if (node.keep) *out = AvroValue(value);
    return Ok();
  }

  Status DecodeBytes(const Node& node, int64_t size, AvroValue* out) {
    FIRN_TRY(std::string_view bytes, Take(size));
    if (node.keep) *out = AvroValue(std::string(bytes));
    return Ok();
  }

  Status DecodeRecord(const Node& node, AvroValue* out) {
    AvroValue::Items fields(node.keep ? node.field_count : 0);
    AvroValue skipped;
    for (const Node::Step& step : node.steps) {
      FIRN_RETURN_IF_ERROR(Decode(*step.node, step.target >= 0 ? &fields[step.target] : &skipped));
    }
    if (node.keep) *out = AvroValue(std::move(fields));
    return Ok();
  }

  Status DecodeItems(const Node& node, AvroValue* out) {
    AvroValue::Items items;
    while (true) {
      FIRN_TRY(int64_t count, ReadLong());
      if (count == 0) break;
      if (count < 0) {
        if (count == std::numeric_limits<int64_t>::min()) return Bad("item count");
        count = -count;
        FIRN_TRY(int64_t size, ReadLong());
        if (size < 0 || static_cast<uint64_t>(size) > in_.size()) return Bad(fmt::format("block size {}", size));
      }
      if (count > kMaxAvroValuesPerDatum || CountNeedsMoreThanIsLeft(node, count)) return Bad(fmt::format("item count {}", count));
      for (int64_t i = 0; i < count; ++i) FIRN_RETURN_IF_ERROR(DecodeItem(node, &items));
    }
    if (node.keep) *out = AvroValue(std::move(items));
    return Ok();
  }

  bool CountNeedsMoreThanIsLeft(const Node& node, int64_t count) const {
    const size_t item_bytes = node.steps[0].node->min_size_bytes + (node.kind == AvroKind::kMap ? 1 : 0);
    return item_bytes > 0 && static_cast<uint64_t>(count) > in_.size() / item_bytes;
  }

  Status DecodeItem(const Node& node, AvroValue::Items* items) {
    AvroValue item;
    if (node.kind == AvroKind::kArray) {
      FIRN_RETURN_IF_ERROR(Decode(*node.steps[0].node, &item));
    } else {
      FIRN_TRY(int64_t size, ReadLong());
      FIRN_TRY(std::string_view key, Take(size));
      AvroValue value;
      FIRN_RETURN_IF_ERROR(Decode(*node.steps[0].node, &value));
      if (node.keep) item = AvroValue(AvroValue::Items{AvroValue(std::string(key)), std::move(value)});
    }
    if (node.keep) items->push_back(std::move(item));
    return Ok();
  }

  std::string_view in_;
  int64_t values_ = 0;
};

Result<AvroResolution> AvroResolution::Make(const AvroSchemaPtr& writer, const AvroSchemaPtr& reader) {
  AvroResolution resolution;
  FIRN_TRY(resolution.root_, AvroResolver::Resolve(*writer, reader.get(), ""));
  return resolution;
}

Result<AvroValue> AvroResolution::Decode(std::string_view* in) const {
  AvroDecoder decoder(*in);
  AvroValue value;
  FIRN_RETURN_IF_ERROR(decoder.Decode(*root_, &value));
  FIRN_ASSERT(decoder.rest().size() + root_->min_size_bytes <= in->size(), "{} bytes are left of {}, and the datum takes {} at least", decoder.rest().size(), in->size(), root_->min_size_bytes);
  *in = decoder.rest();
  return value;
}

namespace {

Error Misfit(const AvroSchema& schema) {
  return Error(ErrorCode::kInvalidArgument, fmt::format("Avro: the value does not fit {}{}{}", AvroKindText(schema.kind),
                                                        schema.name.empty() ? "" : " ", schema.name));
}

bool FitsBranch(const AvroSchema& schema, const AvroValue& value) {
  switch (schema.kind) {
    case AvroKind::kNull: return value.is_null();
    case AvroKind::kBoolean: return value.if_boolean() != nullptr;
    case AvroKind::kInt:
    case AvroKind::kLong:
    case AvroKind::kEnum: return value.if_integer() != nullptr;
    case AvroKind::kFloat:
    case AvroKind::kDouble: return value.if_double() != nullptr;
    case AvroKind::kBytes:
    case AvroKind::kString:
    case AvroKind::kFixed: return value.if_bytes() != nullptr;
    default: return value.if_items() != nullptr;
  }
}

Status EncodeUnion(const AvroSchema& schema, const AvroValue& value, std::string* out) {
  for (size_t i = 0; i < schema.branches.size(); ++i) {
    if (!FitsBranch(*schema.branches[i], value)) continue;
    base::AppendVarint(out, static_cast<int64_t>(i));
    return EncodeAvro(*schema.branches[i], value, out);
  }
  return Misfit(schema);
}

Status EncodeItems(const AvroSchema& schema, const AvroValue::Items& items, std::string* out) {
  if (!items.empty()) base::AppendVarint(out, static_cast<int64_t>(items.size()));
  for (const AvroValue& item : items) {
    if (schema.kind == AvroKind::kArray) {
      FIRN_RETURN_IF_ERROR(EncodeAvro(*schema.element, item, out));
      continue;
    }
    const AvroValue::Items* entry = item.if_items();
    const std::string* key = entry == nullptr || entry->size() != 2 ? nullptr : (*entry)[0].if_bytes();
    if (key == nullptr) return Misfit(schema);
    base::AppendVarint(out, static_cast<int64_t>(key->size()));
    out->append(*key);
    FIRN_RETURN_IF_ERROR(EncodeAvro(*schema.element, (*entry)[1], out));
  }
  base::AppendVarint(out, 0);
  return Ok();
}

template <typename T>
void AppendLittle(T value, std::string* out) {
  char bytes[sizeof(T)];
  base::StoreLittle(bytes, value);
  out->append(bytes, sizeof(T));
}

Status EncodeBytes(const AvroSchema& schema, const std::string& bytes, std::string* out) {
  if (schema.kind != AvroKind::kFixed) base::AppendVarint(out, static_cast<int64_t>(bytes.size()));
  if (schema.kind == AvroKind::kFixed && static_cast<int64_t>(bytes.size()) != schema.fixed_size) return Misfit(schema);
  out->append(bytes);
  return Ok();
}

Status EncodeRecord(const AvroSchema& schema, const AvroValue::Items& fields, std::string* out) {
  if (fields.size() != schema.fields.size()) return Misfit(schema);
  for (size_t i = 0; i < fields.size(); ++i) {
    if (Status status = EncodeAvro(*schema.fields[i].schema, fields[i], out); !status.ok()) {
      return std::move(status).error().Context(fmt::format("writing field `{}`", schema.fields[i].name));
    }
  }
  return Ok();
}

}  // namespace

Status EncodeAvro(const AvroSchema& schema, const AvroValue& value, std::string* out) {
  if (schema.kind == AvroKind::kUnion) return EncodeUnion(schema, value, out);
  if (!FitsBranch(schema, value)) return Misfit(schema);
  switch (schema.kind) {
    case AvroKind::kNull: return Ok();
    case AvroKind::kBoolean: out->push_back(*value.if_boolean() ? 1 : 0); return Ok();
    case AvroKind::kInt:
    case AvroKind::kLong:
    case AvroKind::kEnum: base::AppendVarint(out, *value.if_integer()); return Ok();
    case AvroKind::kFloat: AppendLittle(std::bit_cast<uint32_t>(static_cast<float>(*value.if_double())), out); return Ok();
    case AvroKind::kDouble: AppendLittle(std::bit_cast<uint64_t>(*value.if_double()), out); return Ok();
    case AvroKind::kBytes:
    case AvroKind::kString:
    case AvroKind::kFixed: return EncodeBytes(schema, *value.if_bytes(), out);
    case AvroKind::kRecord: return EncodeRecord(schema, *value.if_items(), out);
    default: return EncodeItems(schema, *value.if_items(), out);
  }
}

}  // namespace firn::formats
