#include "tools/stockade/simulate_report.h"

#include <string>

#include "engine/text.h"

namespace stockade {
namespace {

std::string SettledText(const CampaignScore& campaign) {
  if (!campaign.settled) return "never";
  return Concat(CountText(campaign.settled_after), ", ", DurationText(campaign.settled_after_ms));
}

std::string FirstStopText(const CampaignScore& campaign) {
  if (campaign.first_stop == 0) return "never";
  return Concat(CountText(campaign.first_stop), ", ", DurationText(campaign.first_stop_ms));
}

void PrintCustomers(std::string_view name, const CustomerScore& score, std::ostream& out) {
  if (score.attempts == 0) return;
  out << "  " << PadRight(name, 26) << PadLeft(CountText(score.attempts), 11)
      << PadLeft(CountText(score.denied), 10) << PadLeft(CountText(score.challenged), 12)
      << PadLeft(ShareText(score.challenged, score.attempts), 9) << PadLeft(CountText(score.turned_away), 13)
      << PadLeft(CountText(score.throttled), 11) << "\n";
}

}  // namespace

void PrintScore(const Score& score, int lock_limit, const Console& console, std::ostream& out) {
  if (!score.campaigns().empty()) {
    out << Styled(console, Style::kBold, PadRight("Attacks", 18)) << PadLeft("attempts", 10)
        << PadLeft("reached", 10) << PadLeft("share", 9) << PadLeft("first stop", 16)
        << PadLeft("settled", 20) << PadLeft("right pairs", 13) << PadLeft("let in", 8) << "\n";
    size_t number = 0;
    for (const CampaignScore& campaign : score.campaigns()) {
      out << "  " << PadRight(Concat(++number, " ", Name(campaign.kind)), 16)
          << PadLeft(CountText(campaign.attempts), 10) << PadLeft(CountText(campaign.reached), 10)
          << PadLeft(ShareText(campaign.reached, campaign.attempts), 9)
          << PadLeft(FirstStopText(campaign), 16) << PadLeft(SettledText(campaign), 20)
          << PadLeft(CountText(campaign.valid_tried), 13) << PadLeft(CountText(campaign.taken_over), 8)
          << "\n";
    }
    out << "  reached: came as far as the password check. settled: from then on 95 % of the next 200 are "
           "stopped.\n\n";
  }
  out << Styled(console, Style::kBold, PadRight("Customers", 28)) << PadLeft("attempts", 11)
      << PadLeft("denied", 10) << PadLeft("challenged", 12) << PadLeft("share", 9)
      << PadLeft("turned away", 13) << PadLeft("throttled", 11) << "\n";
  constexpr std::string_view kPeriods[] = {"quiet", "while attacked", "24 h after"};
  for (size_t period = 0; period < 3; ++period) {
    PrintCustomers(Concat(kPeriods[period], ", known"), score.customers(static_cast<Period>(period), true),
                   out);
    PrintCustomers(Concat(kPeriods[period], ", first login"),
                   score.customers(static_cast<Period>(period), false), out);
  }
  PrintCustomers("programs of theirs", score.programs(), out);
  const LockScore& locks = score.locks();
  out << "\n";
  if (lock_limit == 0) {
    out << "The gateway has no lock.\n";
    return;
  }
  out << "Locked out, after " << lock_limit << " wrong passwords: " << CountText(locks.by_strangers)
      << " times by strangers (" << CountText(locks.customers_locked_by_strangers) << " customers), "
      << CountText(locks.after_proof)
      << " by a customer's own further failure after he had proved who he is, " << CountText(locks.by_owner)
      << " times by the customer alone.\n";
}

}  // namespace stockade
