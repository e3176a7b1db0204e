#include "tools/stockade/gate_orders.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/time/clock.h"
#include "engine/decision/target.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

int64_t WallMs() {
  return absl::ToUnixMillis(absl::Now());
}

StoreWriter::Deadline After(absl::Duration time) {
  return std::chrono::steady_clock::now() + absl::ToChronoNanoseconds(time);
}

// Never a rule's own name: what others decided is no repeater of ours, and spends none of its caps.
std::string OriginName(std::string_view origin) {
  return CutText(origin.starts_with(kImportedRule) ? std::string(origin) : Concat(kImportedRule, origin),
                 kOriginBytesMax);
}

Decision ToDecision(const NewDecision& order, int64_t now_ms) {
  Decision decision;
  decision.action = order.action.value_or(Action::kBlock);
  decision.scope = order.target.scope;
  decision.value = order.target.value;
  decision.prefix = order.target.prefix;
  decision.until_ms = order.until_ms ? *order.until_ms : now_ms + order.for_ms.value_or(0);
  decision.challenge_kind = order.challenge_kind;
  decision.all_lanes = order.all_lanes;
  decision.rule = order.origin.empty() ? kByHandRule : OriginName(order.origin);
  decision.reason = order.reason;
  return decision;
}

AddedDecision ToAdded(const Engine::Proposed& proposed) {
  AddedDecision added;
  added.state = static_cast<AddedDecision::State>(proposed.fate);
  static_assert(static_cast<int>(AddedDecision::State::kCovered) == static_cast<int>(Proposal::kCovered));
  static_assert(static_cast<int>(AddedDecision::State::kRefused) == static_cast<int>(Proposal::kRefused));
  added.id = proposed.decision.id;
  if (proposed.fate == Proposal::kRefused)
    added.why = "it is over already, or the ledger is full of decisions that last longer (store.memory)";
  return added;
}

}  // namespace

GateOrders::GateOrders(const Config& config, DeskListener* next, RunLog* log)
    : settings_(config.firewalls), store_settings_(config.store), next_(next), log_(*log) {}

absl::StatusOr<std::unique_ptr<GateOrders>> GateOrders::Open(const Config& config, DeskListener* next,
                                                             RunLog* log) {
  std::unique_ptr<GateOrders> orders(new GateOrders(config, next, log));
  orders->standing_ = std::make_unique<StandingOrders>(std::vector<Decision>());
  if (orders->store_settings_.has_value()) {
    ASSIGN_OR_RETURN(orders->store_, SqliteStore::Open(*orders->store_settings_));
  }
  return orders;
}

GateOrders::~GateOrders() {
  static_cast<void>(Stop());  // whoever wants to know has called it
}

absl::Status GateOrders::Restore(EngineDesk* desk) {
  desk_ = desk;
  if (store_ == nullptr) return absl::OkStatus();
  const int64_t now_ms = WallMs();
  std::vector<Decision> known;
  std::vector<Change> lapsed;
  size_t expired = 0;
  ASSIGN_OR_RETURN(const LoadReport report, store_->Load(now_ms, [&](LoadedAs as, Decision&& decision) {
    if (as == LoadedAs::kLapsed) lapsed.push_back({0, ChangeKind::kExpired, decision, {}, {}});
    // Whether firewalls were told before the stop nobody knows.
    const bool lately = decision.until_ms > now_ms - absl::ToInt64Milliseconds(kToldAgainFor);
    if (as == LoadedAs::kLapsed || (as == LoadedAs::kRemoved && decision.until_ms > now_ms) ||
        (as == LoadedAs::kExpired && lately && ++expired <= kToldAgainMax))
      gone_.push_back(decision);
    // Whoever was let go by hand is no repeater.
    if (as != LoadedAs::kRemoved) known.push_back(std::move(decision));
  }));
  if (report.unreadable > 0)
    log_.Error(Concat(report.unreadable,
                      " decisions of the store cannot be read, and do not stand: ", report.first_unreadable));
  writer_ = std::make_unique<StoreWriter>(store_.get(), [this](bool is_trouble, std::string_view text) {
    is_trouble ? log_.Error(text) : log_.Warn(text);
  });
  restoring_ = true;
  const std::vector<Decision> left = desk_->Restore(known);
  restoring_ = false;
  for (const Decision& decision : left) {
    constexpr const char* kWhy = "covered by a wider one, or the ledger has no room (store.memory)";
    lapsed.push_back({0, ChangeKind::kRemoved, decision, "restart", kWhy});
    gone_.push_back(decision);
  }
  standing_->SetGone(std::move(gone_));
  if (!left.empty())
    log_.Warn(Concat(left.size(),
                     " decisions of before do not stand any more: wider ones cover them, or store.memory is "
                     "too little for all"));
  if (!lapsed.empty()) NotePushed(writer_->Push(lapsed, now_ms));
  if (!report.enforcing) {
    desk_->SetEnforcing(false);
    const std::lock_guard lock(enforcement_mutex_);
    enforcement_.enforcing = false;
    Enforce();
    log_.Warn(
        "NOTHING IS ENFORCED: somebody switched enforcement off before the last stop; "
        "`stockade decisions on` switches it on");
  }
  if (report.standing > 0) log_.Say(Concat(standing_->size(), " decisions stand from before"));
  return absl::OkStatus();
}

absl::Status GateOrders::Start() {
  std::vector<Webhook*> webhooks;
  for (const FirewallSettings& settings : settings_) {
    ASSIGN_OR_RETURN(Carrier carrier, Carrier::Start(
                                          settings, standing_.get(),
                                          [this](std::vector<ImportedDecision> imported) {
                                            return TakeImported(std::move(imported));
                                          },
                                          &log_));
    carriers_.push_back(std::move(carrier));
    if (carriers_.back().webhook != nullptr) webhooks.push_back(carriers_.back().webhook);
  }
  alarms_ = std::make_unique<AlarmPost>(std::move(webhooks), &log_);
  // Last, for who is answered may order.
  for (Carrier& carrier : carriers_) RETURN_IF_ERROR(carrier.Open());
  return absl::OkStatus();
}

std::vector<absl::Status> GateOrders::Stop() {
  if (std::exchange(stopped_, true)) return {};
  std::vector<absl::Status> wrong;
  if (alarms_ != nullptr) alarms_->Stop();
  for (Carrier& carrier : carriers_) carrier.Stop();
  if (writer_ != nullptr) {
    if (absl::Status status = writer_->Stop(After(kDurableWait)); !status.ok())
      wrong.push_back(std::move(status));
  }
  return wrong;
}

void GateOrders::OnChanges(std::span<const Change> changes) {
  standing_->Take(changes);
  if (writer_ == nullptr) return;
  if (!restoring_) return NotePushed(writer_->Push(changes, WallMs()));
  // What the store said itself it is not told again.
  for (const Change& change : changes) {
    if (change.kind == ChangeKind::kRemoved) gone_.push_back(change.decision);
    if (change.by != "restart") NotePushed(writer_->Push({&change, 1}, WallMs()));
  }
}

void GateOrders::OnAlarm(const Alarm& alarm) {
  ++alarms_raised_;
  next_->OnAlarm(alarm);
  if (alarms_ != nullptr) alarms_->Post(alarm);
}

void GateOrders::Note(std::string_view by, std::string_view what, std::string_view why,
                      std::string_view text) {
  if (writer_ == nullptr) return;
  AuditNote note;
  note.time_ms = WallMs();
  note.by = std::string(by);
  note.what = std::string(what);
  note.why = std::string(why);
  note.text = std::string(text);
  NotePushed(writer_->Push(std::move(note)));
}

void GateOrders::NotePushed(StoreWriter::Ticket ticket) {
  StoreWriter::Ticket known = pushed_;
  while (known < ticket && !pushed_.compare_exchange_weak(known, ticket)) {
  }
}

void GateOrders::Enforce() {
  standing_->SetEnforcing(enforcement_.enforcing && !observing_);
}

void GateOrders::FollowMode(Mode mode) {
  const std::lock_guard lock(enforcement_mutex_);
  observing_ = mode == Mode::kObserve;
  Enforce();
}

absl::Status GateOrders::AwaitDurable(std::string_view what, absl::Duration wait) {
  if (writer_ == nullptr) return absl::OkStatus();
  const absl::Status status = writer_->WaitDurable(pushed_, After(wait));
  if (status.ok()) return status;
  return absl::UnavailableError(Concat(
      what, ", but that is not on the disk yet and a crash would undo it: ", FromAbsl(status.message())));
}

absl::Status GateOrders::AwaitCarriedOut(std::string_view what,
                                         const std::function<bool(Delivery*, absl::Duration)>& await) {
  const absl::Time until = absl::Now() + kCarriedOutWait;
  std::string late;
  for (const Carrier& carrier : carriers_)
    if (!await(carrier.delivery.get(), std::max(absl::ZeroDuration(), until - absl::Now())))
      Append(&late, late.empty() ? "" : ", ", carrier.delivery->name());
  if (late.empty()) return absl::OkStatus();
  return absl::UnavailableError(
      Concat(what, ", but not carried out yet by ", late,
             ", which is told until it is; `stockade decisions firewalls` says why"));
}

absl::StatusOr<std::vector<AddedDecision>> GateOrders::Add(std::span<const NewDecision> orders,
                                                           const Actor& actor) {
  std::vector<Decision> decisions;
  const int64_t now_ms = WallMs();
  for (const NewDecision& order : orders) decisions.push_back(ToDecision(order, now_ms));
  const std::vector<Engine::Proposed> proposed = desk_->Order(std::move(decisions), actor.by, actor.reason);
  if (proposed.size() < orders.size()) return absl::UnavailableError("this instance is stopping");
  std::vector<AddedDecision> added;
  for (const Engine::Proposed& one : proposed) added.push_back(ToAdded(one));
  RETURN_IF_ERROR(AwaitDurable("the decisions stand"));
  return added;
}

std::vector<SharedDecision> GateOrders::Named(const DecisionFilter& filter, int64_t now_ms) const {
  const auto is_named = [&filter, now_ms](const Decision& decision) {
    return decision.until_ms > now_ms && filter.Matches(decision);
  };
  if (filter.value.empty()) {
    const PagePlace begin = PageBegin(filter);
    return standing_->Select(begin.until_ms, begin.id, filter.limit, is_named);
  }
  // What stands on one name is a few look-ups among however many.
  std::vector<SharedDecision> named;
  for (size_t scope = 0; scope < std::size(kScopeNames); ++scope)
    for (SharedDecision& decision : standing_->On(static_cast<Scope>(scope), filter.value))
      if (is_named(*decision)) named.push_back(std::move(decision));
  return named;
}

absl::StatusOr<size_t> GateOrders::Remove(const Removal& removal) {
  // What is over by the clock and not yet by event time goes, too.
  const std::vector<SharedDecision> named = Named(removal.filter, INT64_MIN);
  size_t removed = 0;
  std::vector<Decision> part;
  for (size_t i = 0; i < named.size(); ++i) {
    part.push_back(*named[i]);
    if (part.size() < kReleasedAtOnce && i + 1 < named.size()) continue;
    removed += desk_->Release(part, removal.actor.by, removal.actor.reason);
    part.clear();
  }
  // Who is let go should be through when the answer comes, whatever else firewalls are at.
  const auto released = [&named](Delivery* delivery, absl::Duration time) {
    const absl::Time until = absl::Now() + time;
    return std::none_of(named.begin(), named.end(), [&](const SharedDecision& decision) {
      return delivery->WaitFor(OrderKey::Of(*decision), until - absl::Now()) == DeliveryState::kPending;
    });
  };
  const absl::Status carried_out = AwaitCarriedOut(Concat(removed, " decisions were removed"), released);
  RETURN_IF_ERROR(AwaitDurable(Concat(removed, " decisions were removed")));
  RETURN_IF_ERROR(carried_out);
  return removed;
}

absl::Status GateOrders::SetEnforcing(bool enforcing, const Actor& actor) {
  {
    const std::lock_guard lock(enforcement_mutex_);
    desk_->SetEnforcing(enforcing);
    enforcement_ = {enforcing, WallMs(), actor};
    Enforce();
    if (writer_ != nullptr) {
      AuditNote note{enforcement_.since_ms,    actor.by, "enforcing", actor.reason,
                     enforcing ? "on" : "off", enforcing};
      NotePushed(writer_->Push(std::move(note)));
    }
  }
  log_.Warn(Concat(enforcing ? "decisions are enforced again, says " : "NOTHING IS ENFORCED any more, says ",
                   actor.by, actor.reason.empty() ? "" : ": ", actor.reason));
  const std::string_view what = enforcing ? "decisions are enforced" : "nothing is to be enforced";
  const absl::Status carried_out =
      AwaitCarriedOut(what, [](Delivery* delivery, absl::Duration time) { return delivery->WaitIdle(time); });
  RETURN_IF_ERROR(AwaitDurable(what));
  return carried_out;
}

std::optional<ExplainedDecision> GateOrders::Explain(std::string_view id) const {
  using State = FirewallShare::State;
  const std::vector<SharedDecision> found =
      standing_->Select(INT64_MIN, "", 1, [id](const Decision& one) { return one.id == id; });
  if (found.empty()) return std::nullopt;
  const Decision& decision = *found.front();
  ExplainedDecision explained;
  explained.decision = decision;
  explained.left_ms = decision.until_ms - WallMs();
  explained.allowlisted = desk_->IsAllowlisted(decision);
  const bool enforcing = standing_->enforcing();
  const OrderKey key = OrderKey::Of(decision);
  for (const Carrier& carrier : carriers_) {
    const DeliveryState state = carrier.delivery->State(key);
    const bool carries = !decision.shadow && carrier.delivery->capabilities().Carries(decision);
    explained.firewalls.push_back(
        {carrier.delivery->name(), !carries                                         ? State::kNotCarried
                                   : state == DeliveryState::kEnforced              ? State::kEnforced
                                   : state == DeliveryState::kRefused               ? State::kRefused
                                   : !enforcing && state == DeliveryState::kNothing ? State::kSwitchedOff
                                                                                    : State::kPending});
  }
  return explained;
}

std::vector<FirewallFigures> GateOrders::Figures() const {
  std::vector<FirewallFigures> all;
  for (const Carrier& carrier : carriers_) {
    const DeliveryFigures figures = carrier.delivery->Figures();
    FirewallFigures shown;
    shown.name = carrier.delivery->name();
    shown.kind = carrier.kind;
    shown.decided = figures.decided;
    shown.enforced = figures.enforced;
    shown.pending = figures.pending;
    shown.lag_ms = figures.lag_ms;
    if (figures.failing) shown.last_error = figures.last_error;
    shown.last_error_ms = figures.last_error_at_ms;
    shown.reconciled_ms = figures.reconciled_at_ms;
    shown.repaired = figures.drift_missing + figures.drift_surplus;
    shown.left_out = figures.refused;
    all.push_back(std::move(shown));
  }
  return all;
}

absl::StatusOr<std::vector<AuditLine>> GateOrders::Audit(uint64_t after, size_t limit) {
  ASSIGN_OR_RETURN(const std::vector<std::string> lines, store_->ReadAudit(after, limit));
  std::vector<AuditLine> audit;
  for (const std::string& line : lines) audit.push_back({++after, line});
  return audit;
}

absl::Status GateOrders::TakeImported(std::vector<ImportedDecision> imported) {
  std::vector<Decision> decisions;
  const int64_t now_ms = WallMs();
  std::string machine;
  std::string refused;
  for (const ImportedDecision& one : imported) {
    machine = one.machine;
    NewDecision order;
    order.action = one.action;
    order.for_ms = one.for_ms;
    order.origin = one.scenario.empty() ? one.origin : one.scenario;
    order.reason = CutText(Concat("handed in by ", one.machine, ", from ", one.origin), kReasonBytesMax);
    // The bounds of whoever orders by hand: a machine that was taken over must not shut out the world.
    absl::StatusOr<DecisionTarget> target = ReadTarget(one.scope, one.value);
    absl::Status sound = target.status();
    if (target.ok()) {
      order.target = *std::move(target);
      sound = CheckNewDecision(order, now_ms);
    }
    if (sound.ok()) {
      decisions.push_back(ToDecision(order, now_ms));
    } else if (refused.empty()) {
      refused = Concat(one.value, ": ", FromAbsl(sound.message()));
    }
  }
  if (!refused.empty())
    log_.Warn(Concat(imported.size() - decisions.size(), " decisions that ", machine,
                     " handed in are not taken; the first: ", refused));
  const size_t size = decisions.size();
  if (desk_->Order(std::move(decisions), machine, "handed in").size() < size)
    return absl::UnavailableError("this instance is stopping");
  return AwaitDurable("they stand", kHandedInWait);
}

DecisionDeskParts GateOrders::Parts() {
  DecisionDeskParts parts;
  parts.decisions = [this](const DecisionFilter& filter) {
    const std::vector<SharedDecision> named = Named(filter, WallMs());
    std::vector<const Decision*> each;
    each.reserve(named.size());
    for (const SharedDecision& decision : named) each.push_back(decision.get());
    return SelectDecisions(each, filter);
  };
  parts.explain = [this](std::string_view id) { return Explain(id); };
  parts.add = [this](std::span<const NewDecision> orders, const Actor& actor) { return Add(orders, actor); };
  parts.remove = [this](const Removal& removal) { return Remove(removal); };
  parts.enforcement = [this] {
    const std::lock_guard lock(enforcement_mutex_);
    return enforcement_;
  };
  parts.set_enforcing = [this](bool enforcing, const Actor& actor) { return SetEnforcing(enforcing, actor); };
  parts.firewalls = [this] { return Figures(); };
  if (store_ != nullptr) parts.audit = [this](uint64_t after, size_t limit) { return Audit(after, limit); };
  parts.now_ms = WallMs;
  return parts;
}

std::vector<std::string> GateOrders::Describe() const {
  std::vector<std::string> texts;
  texts.push_back(store_settings_.has_value()
                      ? Concat("kept in ", store_settings_->path, ", ", standing_->size(), " stand")
                      : std::string("in memory alone: a restart forgets them (`store` keeps them)"));
  for (const Carrier& carrier : carriers_)
    texts.push_back(carrier.kind == carrier.delivery->name()
                        ? Concat("carried out by ", carrier.kind)
                        : Concat("carried out by ", carrier.delivery->name(), " (", carrier.kind, ")"));
  return texts;
}

}  // namespace stockade
