// CSV with a header line, as RFC 4180 has it: quoted columns, "" for a quote in them, line ends in them (a
// row of at most kRowLinesMax lines). A quote inside a column that does not begin with one is an ordinary
// character; behind a closing quote only the delimiter may follow.
//
// Which column is which field, by its name in the header: SourceOptions::columns first; then the fields' own
// names (source.ip, @timestamp, …, and what rules ask for); then the names that other data sets use, without
// regard to case, spaces, dashes and underscores:
//   @timestamp        timestamp · time · datetime · date · login timestamp · event time · published
//   source.ip         ip · ip address · source ip · src ip · client ip · remote ip · remote addr ·
//   sourceipaddress user.name         user · username · user id · account · login · email event.outcome login
//   successful · success · outcome · result · login result · status event.reason      reason · failure reason
//   user_agent.original  user agent · user agent string
//   source.as.number  asn · as number      source.geo.country_iso_code  country · country code
//   url.path          path · url           login.device  device id     login.channel  channel
// which reads the header of the RBA data set (Wiefling et al., ACM TOPS 2022) as it is. Of two columns for
// one field the first one counts. Without a column for @timestamp the source cannot be made.
//
// An empty value is an absent field, but of user.name, where it is an empty name. Times without a zone are in
// SourceOptions::time_zone. Rows with another number of columns than the header, or with a quote that does
// not close, cost themselves; reading goes on at the next line. The header is counted as `other`.
#pragma once

#include <memory>

#include "adapters/source/byte_reader.h"
#include "adapters/source/options.h"
#include "adapters/source/registry.h"
#include "adapters/source/source.h"

namespace stockade {

inline constexpr int kRowLinesMax = 64;

// Errors: no header that names a time, with the columns that were found.
absl::StatusOr<std::unique_ptr<Source>> MakeCsvSource(std::unique_ptr<ByteReader> bytes,
                                                      const SourceOptions& options);

// A first line that names at least a time and one other field, and lines of as many columns.
Recognition RecognizeCsv(std::span<const std::string_view> lines, const SourceOptions& options);

// Cuts one row into its columns, unescaped ones in `arena`. `open` is set where a quote is still open at the
// end of the text, so that the row goes on in the next line. False: something behind a closing quote.
bool SplitCsvRow(std::string_view row, char delimiter, TextArena* arena,
                 std::vector<std::string_view>* columns, bool* open);

}  // namespace stockade
