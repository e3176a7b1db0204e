#include "adapters/source/csv.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <utility>

#include "adapters/source/field_text.h"
#include "adapters/source/line_source.h"
#include "adapters/source/timestamp.h"
#include "engine/event/printable_text.h"
#include "engine/rule/finding.h"
#include "engine/text.h"

namespace stockade {
namespace {

using OptionalField = std::optional<FieldId>;

struct Alias {
  std::string_view name;  // lower case, without spaces, dashes and underscores
  FieldId field;
};
constexpr std::array<Alias, 42> kColumnAliases = {{
    {"timestamp", FieldId::kTimestamp},
    {"time", FieldId::kTimestamp},
    {"datetime", FieldId::kTimestamp},
    {"date", FieldId::kTimestamp},
    {"logintimestamp", FieldId::kTimestamp},
    {"eventtime", FieldId::kTimestamp},
    {"published", FieldId::kTimestamp},
    {"ip", FieldId::kSourceIp},
    {"ipaddress", FieldId::kSourceIp},
    {"sourceip", FieldId::kSourceIp},
    {"srcip", FieldId::kSourceIp},
    {"clientip", FieldId::kSourceIp},
    {"remoteip", FieldId::kSourceIp},
    {"remoteaddr", FieldId::kSourceIp},
    {"sourceipaddress", FieldId::kSourceIp},
    {"user", FieldId::kUserName},
    {"username", FieldId::kUserName},
    {"userid", FieldId::kUserName},
    {"account", FieldId::kUserName},
    {"login", FieldId::kUserName},
    {"email", FieldId::kUserName},
    {"loginsuccessful", FieldId::kEventOutcome},
    {"success", FieldId::kEventOutcome},
    {"outcome", FieldId::kEventOutcome},
    {"result", FieldId::kEventOutcome},
    {"loginresult", FieldId::kEventOutcome},
    {"status", FieldId::kEventOutcome},
    {"reason", FieldId::kEventReason},
    {"failurereason", FieldId::kEventReason},
    {"useragent", FieldId::kUserAgent},
    {"useragentstring", FieldId::kUserAgent},
    {"asn", FieldId::kSourceAsn},
    {"asnumber", FieldId::kSourceAsn},
    {"country", FieldId::kSourceCountry},
    {"countrycode", FieldId::kSourceCountry},
    {"path", FieldId::kUrlPath},
    {"url", FieldId::kUrlPath},
    {"deviceid", FieldId::kDevice},
    {"channel", FieldId::kChannel},
    {"ja3", FieldId::kJa3},
    {"ja4", FieldId::kJa4},
    {"requestid", FieldId::kRequestId},
}};

std::string Plain(std::string_view name) {
  std::string plain;
  for (const char c : name) {
    if (c == ' ' || c == '-' || c == '_') continue;
    plain += c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  }
  return plain;
}

char DetectDelimiter(std::string_view header) noexcept {
  char best = ',';
  ptrdiff_t most = 0;
  for (const char c : {',', ';', '\t', '|'}) {
    const ptrdiff_t count = std::count(header.begin(), header.end(), c);
    if (count > most) {
      most = count;
      best = c;
    }
  }
  return best;
}

// A header, understood.
struct Header {
  std::string line;
  char delimiter = ',';
  std::vector<std::vector<FieldId>> columns;  // the fields that each serves
  int fields = 0;
  bool has_time = false;
  std::string missing;  // a column that options name and the header does not have, as a message; empty: none

  bool usable() const noexcept { return has_time && fields >= 2; }
};

std::string NoColumn(const std::string& field, const std::string& column,
                     const std::vector<std::string_view>& names) {
  std::string list;
  for (const std::string_view name : names) Append(&list, list.empty() ? "" : ", ", PrintableText(name));
  return Concat("input.csv.columns: ", field, ": no column is called ", Quoted(column),
                DidYouMean(Nearest(column, names)), "; the columns are: ", list);
}

Header ReadHeader(std::string_view line, const SourceOptions& options) {
  Header header;
  header.line = std::string(line);
  header.delimiter = options.delimiter != 0 ? options.delimiter : DetectDelimiter(line);
  TextArena arena;
  std::vector<std::string_view> names;
  bool open = false;
  if (!SplitCsvRow(line, header.delimiter, &arena, &names, &open) || open) return header;
  header.columns.resize(names.size());
  std::vector<FieldId> taken;
  const auto take = [&](size_t column, FieldId field) {
    if (std::find(taken.begin(), taken.end(), field) != taken.end()) return;
    taken.push_back(field);
    header.columns[column].push_back(field);
    ++header.fields;
    header.has_time = header.has_time || field == FieldId::kTimestamp;
  };
  const auto find = [&](std::string_view name) -> OptionalField {
    if (const auto known = FindKnownField(name)) return known;
    return options.fields != nullptr ? options.fields->Find(name) : std::nullopt;
  };
  for (const auto& [field, column] : options.columns) {
    const auto at = std::find(names.begin(), names.end(), std::string_view(column));
    const OptionalField id = find(field);
    if (at != names.end() && id.has_value()) take(static_cast<size_t>(at - names.begin()), *id);
    if (at == names.end() && header.missing.empty()) header.missing = NoColumn(field, column, names);
    if (id.has_value()) taken.push_back(*id);  // from that column or from none
  }
  for (size_t i = 0; i < names.size(); ++i) {
    if (const OptionalField id = find(names[i])) take(i, *id);
  }
  for (size_t i = 0; i < names.size(); ++i) {
    const std::string plain = Plain(names[i]);
    for (const Alias& alias : kColumnAliases) {
      if (alias.name == plain) take(i, alias.field);
    }
  }
  for (std::vector<FieldId>& column : header.columns)
    if (column.empty() && options.fields != nullptr && options.fields->keeps_unnamed())
      column.push_back(kUnnamedField);
  return header;
}

class CsvSource final : public LineSource {
 public:
  CsvSource(std::unique_ptr<ByteReader> bytes, Header header, bool header_in_input,
            const SourceOptions& options)
      : LineSource(std::move(bytes)),
        header_(std::move(header)),
        header_due_(header_in_input),
        words_(LowerCaseWords(options.outcome_words)),
        zone_(options.time_zone),
        hash_key_(options.hash_key) {}

  std::string header() const override { return header_.line; }

 private:
  void ReadLine(const Line& line, Batch* batch) override;
  ReadError ReadRow(Batch* batch, LoginEvent* event, size_t* column, FieldId* wrong);

  const Header header_;
  bool header_due_;  // the next line is the header
  const std::map<std::string, Outcome> words_;
  const LocalZone zone_;
  const HashKey hash_key_;
  std::vector<std::string_view> columns_;
  std::vector<ExtraField> extra_;
  uint64_t put_back_line_ = 0;
  int put_back_times_ = 0;
};

void CsvSource::ReadLine(const Line& line, Batch* batch) {
  if (std::exchange(header_due_, false)) return;
  std::string_view row = line.text;
  bool open = false;
  bool good = SplitCsvRow(row, header_.delimiter, &batch->text, &columns_, &open);
  Line next;
  Line second;
  for (int lines = 1; good && open; ++lines) {
    const bool too_big = lines == kRowLinesMax || row.size() > kLineBytesMax;
    const bool more = !too_big && bytes().NextLine(&next) && !next.too_long;
    if (more) {
      if (lines == 1) second = next;
      row =
          std::string_view(row.data(), static_cast<size_t>(next.text.data() + next.text.size() - row.data()));
      good = SplitCsvRow(row, header_.delimiter, &batch->text, &columns_, &open);
      continue;
    }
    if (!too_big && !next.too_long && !bytes().at_end()) {
      // The block ends inside the row: it comes again, with more behind it.
      put_back_times_ = put_back_line_ == line.number ? put_back_times_ + 1 : 0;
      put_back_line_ = line.number;
      if (put_back_times_ < kRowLinesMax) {
        bytes().PutBack(line);
        return;
      }
    }
    break;
  }
  Record* const record = AddRecord(line, batch);
  if (!good || open) {
    // One line is lost, and reading goes on behind it.
    if (second.number != 0) bytes().Rewind(second);
    Fail(record, ReadError::kBadQuoting, row.size());
    return;
  }
  if (columns_.size() != header_.columns.size()) {
    Fail(record, ReadError::kWrongColumns, columns_.size());
    return;
  }
  size_t column = 0;
  FieldId wrong = FieldId::kFirstUnknown;
  const ReadError error = ReadRow(batch, &record->event, &column, &wrong);
  if (error != ReadError::kNone) {
    const char* const place = columns_[column].data();
    const bool inside = place >= row.data() && place <= row.data() + row.size();
    Fail(record, error, inside ? static_cast<size_t>(place - row.data()) : 0, wrong);
  }
}

// An error is the fault of `column` and of the field `wrong` in it.
ReadError CsvSource::ReadRow(Batch* batch, LoginEvent* event, size_t* column, FieldId* wrong) {
  std::string_view outcome;
  std::string_view reason;
  bool has_time = false;
  extra_.clear();
  for (size_t i = 0; i < columns_.size(); ++i) {
    std::string_view text = columns_[i];
    const std::vector<FieldId>& fields = header_.columns[i];
    if (std::find(fields.begin(), fields.end(), FieldId::kPasswordId) != fields.end()) [[unlikely]] {
      text = ToPasswordId(text, hash_key_, &batch->text);
    }
    for (const FieldId field : fields) {
      *column = i;
      *wrong = field;
      if (field >= FieldId::kFirstUnknown) {
        FieldValue value{FieldValue::Kind::kText, 0, text};
        const char* const end = text.data() + text.size();
        const auto [stopped, failed] = std::from_chars(text.data(), end, value.number);
        if (failed == std::errc() && stopped == end && !text.empty()) value.kind = FieldValue::Kind::kNumber;
        extra_.push_back(ExtraField{field, value});
        continue;
      }
      if (text.empty() && field != FieldId::kUserName) continue;
      if (field == FieldId::kTimestamp) {
        auto time = ParseIso8601(text, zone_);
        if (!time.has_value()) time = ParseEpoch(text);
        if (!time.has_value()) return ReadError::kBadTimestamp;
        event->attempt.time_ns = *time;
        has_time = true;
      } else if (field == FieldId::kEventOutcome) {
        outcome = text;
      } else if (field == FieldId::kEventReason) {
        reason = text;
      } else if (const ReadError error = SetField(field, text, event); error != ReadError::kNone) {
        return error;
      }
    }
  }
  if (!has_time) return ReadError::kNoTimestamp;
  const auto resolved = ResolveOutcome(outcome, reason, words_);
  *wrong = FieldId::kEventOutcome;
  if (!resolved.has_value()) return ReadError::kBadValue;
  event->aftermath.outcome = *resolved;
  event->attempt.extra = batch->extra.Copy(extra_);
  return ReadError::kNone;
}

// The first line that is not blank.
std::string_view FirstLine(std::string_view text) noexcept {
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.find_first_not_of(" \t") != std::string_view::npos) return line;
  }
  return {};
}

}  // namespace

bool SplitCsvRow(std::string_view row, char delimiter, TextArena* arena,
                 std::vector<std::string_view>* columns, bool* open) {
  columns->clear();
  *open = false;
  const char* p = row.data();
  const char* const end = p + row.size();
  while (true) {
    if (p != end && *p == '"') {
      const char* const begin = ++p;
      bool doubled = false;
      while (true) {
        p = static_cast<const char*>(std::memchr(p, '"', static_cast<size_t>(end - p)));
        if (p == nullptr) {
          *open = true;
          return true;
        }
        if (p + 1 == end || p[1] != '"') break;
        doubled = true;
        p += 2;
      }
      std::string_view text(begin, static_cast<size_t>(p - begin));
      if (doubled) {
        char* const out = arena->Allocate(text.size());
        size_t size = 0;
        for (size_t i = 0; i < text.size(); ++i) {
          out[size++] = text[i];
          if (text[i] == '"') ++i;
        }
        text = std::string_view(out, size);
      }
      columns->push_back(text);
      ++p;
      if (p != end && *p != delimiter) return false;
    } else {
      const auto* found =
          p == end ? nullptr
                   : static_cast<const char*>(std::memchr(p, delimiter, static_cast<size_t>(end - p)));
      if (found == nullptr) found = end;
      columns->emplace_back(p, static_cast<size_t>(found - p));
      p = found;
    }
    if (p == end) return true;
    ++p;
  }
}

absl::StatusOr<std::unique_ptr<Source>> MakeCsvSource(std::unique_ptr<ByteReader> bytes,
                                                      const SourceOptions& options) {
  ASSIGN_OR_RETURN(const std::string_view begin, bytes->Peek(kDetectBytes));
  const std::string_view first = FirstLine(begin);
  Header header = ReadHeader(first, options);
  const bool in_input = header.usable() || options.csv_header.empty();
  if (!in_input) header = ReadHeader(options.csv_header, options);
  if (!header.missing.empty() && !first.empty())
    return absl::InvalidArgumentError(Concat(bytes->name(), ":1: ", header.missing));
  if (!header.has_time && !first.empty()) {
    return absl::InvalidArgumentError(
        Concat(bytes->name(), ":1: no column is known to be the time (@timestamp); the columns are: ",
               PrintableText(header.line), "; map one with input.csv.columns"));
  }
  return std::make_unique<CsvSource>(std::move(bytes), std::move(header), in_input, options);
}

Recognition RecognizeCsv(std::span<const std::string_view> lines, const SourceOptions& options) {
  Recognition found;
  if (lines.empty()) return found;
  Header header = ReadHeader(lines.front(), options);
  const bool in_input = header.usable();
  if (!in_input && !options.csv_header.empty()) header = ReadHeader(options.csv_header, options);
  if (!header.usable()) return found;
  TextArena arena;
  std::vector<std::string_view> columns;
  for (const std::string_view line : lines) {
    bool open = false;
    // A line inside a quoted column cannot be told from outside; it speaks neither for nor against.
    if (!SplitCsvRow(line, header.delimiter, &arena, &columns, &open) || open ||
        columns.size() == header.columns.size()) {
      ++found.matched;
    }
  }
  found.why = in_input ? Concat("begin with a header of ", header.columns.size(), " columns, ", header.fields,
                                " of them known")
                       : Concat("have the ", header.columns.size(), " columns of the input before");
  return found;
}

}  // namespace stockade
