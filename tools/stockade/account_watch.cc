#include "tools/stockade/account_watch.h"

#include <utility>

#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

// A certificate that the firm takes back or hands out counts this long after its table was put in place, at most.
constexpr absl::Duration kLookAtAccountsEvery = absl::Seconds(30);

}  // namespace

absl::StatusOr<std::shared_ptr<AccountWatch>> AccountWatch::Start(const std::string& file, absl::Time now,
                                                                  RunLog* log) {
  std::shared_ptr<AccountWatch> watch(new AccountWatch(file, now, log));
  ASSIGN_OR_RETURN(std::shared_ptr<const AccountTable> table, AccountTable::Load(file));
  watch->current_ = std::make_shared<Current<AccountTable>>(std::move(table));
  return watch;
}

void AccountWatch::Look(absl::Time now) {
  if (now < looked_ + kLookAtAccountsEvery) return;
  looked_ = now;
  if (!stamps_.HaveChanged()) return;
  absl::StatusOr<std::shared_ptr<const AccountTable>> table = AccountTable::Load(file_);
  if (!table.ok()) {
    log_.Error(Concat("table of accounts: ", FromAbsl(table.status().message()),
                      "; the one that was read before stays in force"));
    return;
  }
  log_.Say(Concat("table of accounts read anew: ", (*table)->certificates(), " certificates"));
  current_->Put(*std::move(table));
}

std::vector<MetricSample> AccountWatch::Samples() const {
  return {MetricSample{"stockade_account_table_certificates",
                       "Certificates that the table of accounts names",
                       MetricSample::Type::kGauge,
                       {},
                       static_cast<double>(current_->Get()->certificates())}};
}

}  // namespace stockade
