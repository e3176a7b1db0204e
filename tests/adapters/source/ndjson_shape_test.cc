// A line of a shape that came before is read by that shape (line_shapes.h), and must give what it gives alone.
// Oracle: the line by itself, read by a source that has seen no other and so knows no shape.
#include <algorithm>
#include <catch2/catch.hpp>
#include <random>

#include "adapters/source/json_bytes.h"
#include "adapters/source/line_shapes.h"
#include "tests/adapters/source/read_all.h"

namespace stockade {
namespace {

using test::Format;
using test::ReadRecord;
using test::ReadText;

// Everything a record says but for where it stands.
std::string Everything(const ReadRecord& record) {
  std::string all = Concat(Name(record.error), " at ", record.offset);
  if (!record.ok()) return all;
  const Attempt& a = record.attempt();
  const Aftermath& after = record.event.event().aftermath;
  Append(&all, " ", a.time_ns, " ", a.source.ToString(), " AS", a.asn, " ", Name(a.certificate),
         a.certificate_present ? " shown" : "", " ", Name(after.outcome), " ", Name(after.challenge.human),
         " ", Name(after.challenge.identity));
  for (const std::string_view text : {a.account, a.user_agent, a.ja3, a.ja4, a.path, a.request_id, a.country,
                                      a.password_id, a.device, a.channel, a.header_order}) {
    Append(&all, text.data() == nullptr ? " absent" : " =", text);
  }
  for (const ExtraField& extra : a.extra) {
    Append(&all, " #", static_cast<int>(extra.id), ":", static_cast<int>(extra.value.kind), " ",
           extra.value.number, " ", extra.value.text);
  }
  return all;
}

// Reads the lines as one log and each alone; gives how many were readable.
int SameAsAlone(const std::vector<std::string>& lines, const SourceOptions& options) {
  std::string log;
  for (const std::string& line : lines) Append(&log, line, "\n");
  log.pop_back();  // the last line may lack its end
  const auto together = ReadText(log, options);
  REQUIRE(together.status.ok());
  REQUIRE(together.records.size() == lines.size());
  SourceCounters sum;
  int readable = 0;
  for (size_t i = 0; i < lines.size(); ++i) {
    const auto alone = ReadText(lines[i], options);
    REQUIRE(alone.records.size() == 1);
    INFO(lines[i]);
    REQUIRE(Everything(together.records[i]) == Everything(alone.records.front()));
    sum += alone.counters;
    readable += alone.records.front().ok() ? 1 : 0;
  }
  CHECK(together.counters.errors == sum.errors);
  return readable;
}

// Lines of a program that writes its keys in one order, mostly, and of one that does not.
class ShapedLines {
 public:
  explicit ShapedLines(unsigned seed) : random_(seed) {}

  std::string Make() {
    if (Chance(3)) std::shuffle(order_.begin(), order_.end(), random_);
    std::string line = "{";
    for (const char* const path : order_) {
      if (Chance(8)) continue;
      Add(path, &line);
      if (Chance(4)) Add(path, &line);  // a key that comes twice
    }
    line.back() = '}';
    if (Chance(3)) line += " ";
    if (Chance(5)) Break(&line);
    return line;
  }

 private:
  bool Chance(unsigned percent) { return random_() % 100 < percent; }
  template <size_t N>
  std::string OneOf(const char* const (&texts)[N]) {
    return texts[random_() % N];
  }

  // "a.b.c" as {"a":{"b":{"c":…}}}, {"a.b":{"c":…}} …, now and then with an escape in a key or with spaces.
  void Add(std::string_view path, std::string* line) {
    int open = 0;
    *line += '"';
    for (const char c : path) {
      if (c == '.' && !Chance(10)) {
        *line += "\":{\"";
        ++open;
      } else if (c == 'e' && Chance(1)) {
        *line += "\\u0065";
      } else {
        *line += c;
      }
    }
    Append(line, "\":", Chance(2) ? " " : "", Value(path), Chance(2) ? "\t" : "",
           std::string(static_cast<size_t>(open), '}'), ",");
  }

  std::string Value(std::string_view path) {
    if (Chance(2))
      return OneOf({"null", "true", "7", "-0.5e3", "[]", "{}", "[1,\"two\",{\"b\":null}]", "01", "[[2]]"});
    if (path == "@timestamp") {
      return Concat(
          R"("2024-05-01T10:1)", random_() % 3, ":", random_() % 7, random_() % 10,
          OneOf({"Z\"", ".5Z\"", ".123Z\"", ".123456789Z\"", ".1234567890Z\"", "+02:00\"", "\"", "z\""}));
    }
    if (path == "source.ip")
      return Concat("\"", random_() % 260, ".", random_() % 256, ".0.", random_() % 256, "\"");
    if (path == "source.as.number") return Chance(50) ? std::to_string(random_() % 100000) : "\"AS64500\"";
    if (path == "event.outcome") return OneOf({"\"success\"", "\"failure\"", "\"FAILURE\"", "\"other\""});
    if (path == "login.certificate") return OneOf({"\"valid\"", "\"missing\"", "\"not_yet_valid\""});
    if (path == "login.challenge") return OneOf({"\"passed\"", R"({"human":"failed","identity":"passed"})"});
    if (path == "login.password_id")
      return OneOf(
          {"\"0123456789abcdefABCDEF0123456789\"", "\"0123456789abcdeg\"", "\"\"", "\"pass\\u0041\""});
    return OneOf({"\"alice\"", "\"\"", "\"b\\u00e9a\"", "\"J\xc3\xb6rg\"", "\"\\ud800\"", "\"quote\\\"d\"",
                  "\"back\\\\\"", "\"a text of more than sixteen bytes\"", "\"15 bytes are it\"",
                  "\"16 bytes are it!\"", "12", "[\"x\",\"y\"]"});
  }

  void Break(std::string* line) {
    const size_t at = random_() % line->size();
    switch (random_() % 4) {
      case 0:
        line->erase(at, 1);
        break;
      case 1:
        (*line)[at] = OneOf({"\"", "\\", "{", "}", ",", "\xff", "\x01", "9", " "})[0];
        break;
      case 2:
        line->insert(at, OneOf({"\"", "\\", "]", ":", "\xc3", "\x1f", "}", "\\u00"}));
        break;
      default:
        line->resize(std::max<size_t>(at, 1));
        break;
    }
  }

  std::mt19937 random_;
  std::vector<const char*> order_ = {"@timestamp",
                                     "event.outcome",
                                     "source.ip",
                                     "source.as.number",
                                     "user.name",
                                     "user_agent.original",
                                     "event.category",
                                     "tls.client.ja4",
                                     "login.challenge",
                                     "login.password_id",
                                     "login.certificate",
                                     "login.device",
                                     "a.very.long.path.that.no.head.of.thirty.two.bytes.holds",
                                     "extra"};
};

TEST_CASE("a line amid others of its shape reads as it does alone", "[ndjson]") {
  FieldTable fields;
  for (const char* const name : {"event.category", "extra", "a.very", "event"}) fields.Intern(name);
  FieldTable all_kept = fields;
  all_kept.KeepUnnamed();
  for (unsigned seed = 1; seed <= 6; ++seed) {
    INFO("seed " << seed);
    SourceOptions options = Format("ndjson");
    if (seed % 2 == 0) options.fields = &fields;
    if (seed > 4) options.fields = &all_kept;
    if (seed % 3 == 0)
      options.field_paths = {{"user.name", "login.device"}, {"login.channel", "login.device"}};
    ShapedLines made(seed);
    std::vector<std::string> lines;
    for (int i = 0; i < 250; ++i) lines.push_back(made.Make());
    CHECK(SameAsAlone(lines, options) > 60);
  }
}

TEST_CASE("steps that begin alike are told apart by what follows", "[ndjson]") {
  const std::string time = R"("@timestamp":"2024-05-01T10:11:12Z")";
  const std::vector<std::string> tails = {R"(,"user":{"name":7}})",
                                          R"(,"user":{"name":"7"}})",
                                          R"(,"user":{"name":null}})",
                                          R"(,"user":{"name":["7"]}})",
                                          R"(,"user":{"name":["7",8]}})",
                                          R"(,"user":{"name":true}})",
                                          R"(,"user":{}})",
                                          R"(})",
                                          R"(}})",
                                          R"(,"user":{"name":7})",
                                          R"(,"user":{"name":-7.5e1}})",
                                          R"(,"user":{"name":07}})",
                                          R"(,"user":{"name":{}}})",
                                          R"(,"user":{"name":7x}})",
                                          R"(,"user":{"name":nul}})",
                                          R"(,"user":{"name":"7"}}x)",
                                          R"(,"user":{"name":"7"x}})",
                                          R"(,"user":{"name":7 }})"};
  std::vector<std::string> lines;
  for (int round = 0; round < 3; ++round)
    for (const std::string& tail : tails) lines.push_back(Concat("{", time, tail));
  SameAsAlone(lines, Format("ndjson"));
}

TEST_CASE("the inside of a string is checked to its end, plain or not", "[ndjson]") {
  std::vector<std::string> lines;
  for (const std::string before : {"", "\\n", "\xc3\xa9", "a text of sixteen bytes and more \xe6\x97\xa5"}) {
    for (const std::string wrong : {"a", "\x01", "\x1f", "\x7f", "\xc3", "\xed\xa0\x80", "\xff", "\\", "\\x",
                                    "\\u12", "\\\x01", "\\\xc3\xa9", "\"", "\\\"", "\\\\", "\\ud800"}) {
      for (const std::string after : {"", "b"}) {
        lines.push_back(Concat(R"({"@timestamp":"2024-05-01T10:11:12Z","user":{"name":"alice"}})"));
        lines.push_back(Concat(R"({"@timestamp":"2024-05-01T10:11:12Z","user":{"name":")", before, wrong,
                               after, R"("}})"));
      }
    }
  }
  SameAsAlone(lines, Format("ndjson"));
}

TEST_CASE("one text means what it means by what is open in front of it", "[ndjson]") {
  FieldTable fields;
  for (const char* const name :
       {"a", "a.a", "a.b", "b.a", "a.a.b", "a.name.longer.than.the.head.of.a.step.is.a",
        "a.name.longer.than.the.head.of.a.step.is.b"})
    fields.Intern(name);
  SourceOptions options = Format("ndjson");
  options.fields = &fields;
  // Every line has `,"b":"` and `],"b":"` and the like somewhere, each time below another key or list.
  const std::vector<std::string> bodies = {R"("a":"1","b":"2")",
                                           R"("a":{"a":"1","b":"2"},"b":"3")",
                                           R"("a":{"a":{"a":"1","b":"2"},"b":"3"},"b":"4")",
                                           R"("b":{"a":"1","b":"2"},"b":"3")",
                                           R"("a":["1","2"],"b":"3")",
                                           R"("a":[["1","2"],"3"],"b":"4")",
                                           R"("a":["1",["2","3"],"4"],"b":"5")",
                                           R"("a":[{"a":"1","b":"2"},{"a":"3","b":"4"}],"b":"5")",
                                           R"("a":[{"a":["1","2"],"b":"3"}],"b":"5")",
                                           R"("a.a":{"b":"1"},"b":"2")",
                                           R"("\u0061":{"a":"1","b":"2"},"b":"3")",
                                           R"("{\"a":{"a":"1","b":"2"},"b":"3")",
                                           R"("a":{"\\":"1","b":"2"},"b":"3")",
                                           R"("user":{"name":["x","y"]},"b":"3")",
                                           R"("x":["x"],"user":{"name":["x","y"]},"b":"3")",
                                           R"("x":["x","y"],"user":{"name":"z"},"b":"3")",
                                           R"("x":[[{}],{"user.name":"y"}],"user":{"name":"z"},"b":"3")",
                                           R"("user":{"name":"1"})",
                                           R"("user":{"eman":"1"})",
                                           R"("user":[{"x":"1","name":"2"},{"x":"3","name":"4"}],"b":"5")",
                                           R"("user":[{"x":"1"},{"x":"3","name":"4"}],"b":"5")",
                                           R"("a.name.longer.than.the.head.of.a.step.is.a":"1")",
                                           R"("a.name.longer.than.the.head.of.a.step.is.b":"1")",
                                           R"("user":[{"name":"1"},{"name":"2"}],"b":"3")",
                                           R"("user":[[{"name":"1"}],{"name":"2"}],"b":"3")"};
  const std::string time = R"("@timestamp":"2024-05-01T10:11:12Z")";
  std::vector<std::string> lines;
  std::mt19937 random(7);
  for (int i = 0; i < 300; ++i) {
    const std::string& body = bodies[random() % bodies.size()];
    lines.push_back(random() % 2 == 0 ? Concat("{", time, ",", body, "}")
                                      : Concat("{", body, ",", time, "}"));
  }
  CHECK(SameAsAlone(lines, options) == 300);
}

TEST_CASE("the fields of a record are counted by its shape too", "[ndjson]") {
  const auto line = [](int count) {
    std::string text = R"({"@timestamp":"2024-05-01T10:11:12Z")";
    for (int i = 1; i < count; ++i) text += R"(,"w":1)";
    return text + "}";
  };
  const std::vector<std::string> lines = {line(10), line(20), line(kRecordFieldsMax),
                                          line(kRecordFieldsMax + 1), line(kRecordFieldsMax)};
  CHECK(SameAsAlone(lines, Format("ndjson")) == 4);
}

TEST_CASE("more shapes than are kept, longer ones and wider ones are read all the same", "[ndjson]") {
  const std::string time = R"({"@timestamp":"2024-05-01T10:11:12Z","user.name":"alice")";
  std::vector<std::string> lines;
  for (size_t i = 0; i < LineShapes::kStepsMax + LineShapes::kRest + 200; ++i) {
    lines.push_back(Concat(time, R"(,"k)", i % 1500, R"(":"v"})"));
    if (i % 5 == 0) lines.push_back(Concat(time, "}"));
  }
  for (const size_t size : std::initializer_list<size_t>{31, 32, 33, 255, 256, 257, 5000}) {
    std::string wide = time;
    for (size_t i = 0; i < size && i < 300; ++i) Append(&wide, ",\"w\":", i);
    for (int round = 0; round < 2; ++round) {
      lines.push_back(Concat(time, ",\"", std::string(size, 'k'), R"(":"v"})"));
      lines.push_back(Concat(time, ",\"", std::string(size, 'k'), R"(":"w"})"));
      lines.push_back(Concat(time, ",\"", std::string(size - 1, 'k'), R"(l":"w"})"));
      lines.push_back(wide + "}");
    }
  }
  std::string log;
  for (const std::string& line : lines) Append(&log, line, "\n");
  const auto result = ReadText(log, Format("ndjson"));
  REQUIRE(result.records.size() == lines.size());
  for (const ReadRecord& record : result.records) {
    REQUIRE(record.ok());
    REQUIRE(record.attempt().account == "alice");
    REQUIRE(record.attempt().time_ns == 1714558272000000000);
  }
}

TEST_CASE("bytes are compared and strings ended alike, sixteen at a time or one", "[ndjson]") {
  std::mt19937 random(5);
  for (int round = 0; round < 20000; ++round) {
    INFO("seed 5, round " << round);
    std::string text(80 + kStringStopPadding, 'a');
    for (char& c : text) c = static_cast<char>(random() % 40 == 0 ? random() % 256 : 'a' + random() % 20);
    const char* const begin = text.data() + random() % 20;
    const char* const end = begin + random() % 60;
    const char* const stop = FindStringStop(begin, end);
    const char* const portable = FindStringStopPortable(begin, end);
    REQUIRE((stop == portable || (stop >= end && portable >= end)));

    MaskedBytes pattern;
    const size_t size = random() % (MaskedBytes::kBytes + 1);
    std::copy_n(begin, size, pattern.bytes.begin());
    std::fill_n(pattern.mask.begin(), size, '\xff');
    CHECK(Fits(pattern, begin));
    const char* const other = text.data() + random() % 40;
    REQUIRE(Fits(pattern, other) == FitsPortable(pattern, other));
    if (size == 0) continue;
    pattern.bytes[random() % size] ^= static_cast<char>(1 << random() % 8);
    REQUIRE_FALSE(Fits(pattern, begin));
    REQUIRE_FALSE(FitsPortable(pattern, begin));
  }
}

}  // namespace
}  // namespace stockade
