#include "adapters/capture/device_source.h"

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "adapters/source/live_queue.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

// Packets between two looks at whether to stop.
constexpr int kPacketsATurn = 4096;
constexpr absl::Duration kCountEvery = absl::Seconds(1);

}  // namespace

absl::StatusOr<std::unique_ptr<DeviceSource>> DeviceSource::Open(const PacketDeviceOptions& device,
                                                                 const CaptureReading& reading) {
  ASSIGN_OR_RETURN(std::unique_ptr<PacketDevice> opened, PacketDevice::Open(device));
  return std::unique_ptr<DeviceSource>(
      new DeviceSource(Concat("capture ", device.interface), std::move(opened), reading));
}

DeviceSource::DeviceSource(std::string name, std::unique_ptr<PacketDevice> device,
                           const CaptureReading& reading)
    : name_(std::move(name)),
      device_(std::move(device)),
      records_(nullptr),
      reading_(reading, &records_),
      capture_(reading.capture, &reading_),
      assembly_(reading.assembly, &capture_) {}

DeviceSource::~DeviceSource() {
  Stop();
}

absl::Status DeviceSource::Start(LiveQueue* queue) {
  queue_ = queue;
  batch_ = std::make_unique<LiveBatch>(queue_->Take());
  thread_ = std::thread([this] { Run(); });
  return absl::OkStatus();
}

void DeviceSource::Stop() {
  stopping_ = true;
  if (queue_ != nullptr) queue_->Interrupt();
  if (thread_.joinable()) thread_.join();
}

void DeviceSource::UseFields(std::shared_ptr<const FieldTable> fields) {
  const std::lock_guard lock(mutex_);
  fields_ = std::move(fields);
}

void DeviceSource::Run() {
  absl::Time counted = absl::InfinitePast();
  while (!stopping_) {
    {
      const std::lock_guard lock(mutex_);
      // Only between two batches: ids of one batch are of one table.
      if (used_fields_ != fields_ && batch_->batch.records.empty()) {
        used_fields_ = fields_;
        records_.UseFields(used_fields_.get());
      }
    }
    batch_->fields = used_fields_;
    records_.FillInto(&batch_->batch);
    TakePackets();
    HandOn();
    const absl::Time now = absl::Now();
    if (now - counted >= kCountEvery) {
      counted = now;
      Count();
    }
    const std::lock_guard lock(mutex_);
    if (!failure_.ok()) break;
  }
  records_.FillInto(&batch_->batch);
  assembly_.Finish();
  capture_.Finish();
  HandOn();
  Count();
}

void DeviceSource::TakePackets() {
  Packet packet;
  absl::Status failed;
  for (int i = 0; i < kPacketsATurn && batch_->batch.records.size() < kLoginsABatch; ++i) {
    absl::StatusOr<bool> more = device_->Next(&packet);
    if (more.ok() && *more) {
      assembly_.Take(packet);
      continue;
    }
    if (more.ok()) {
      // A quiet wire: whatever waits for more is told now.
      assembly_.Advance(absl::ToUnixNanos(absl::Now()));
      // What is there is not held back for what may come.
      if (batch_->batch.records.empty()) more = device_->Wait(PacketDevice::kBlockWait);
    }
    failed = more.status();
    break;
  }
  if (failed.ok()) return;
  const std::lock_guard lock(mutex_);
  failure_ = std::move(failed);
}

void DeviceSource::HandOn() {
  const uint64_t records = batch_->batch.records.size();
  if (records == 0) return;
  if (queue_->TryPush(batch_.get())) {
    *batch_ = queue_->Take();
  } else {
    dropped_ += records;
    batch_->batch.Clear();
  }
}

void DeviceSource::Count() {
  const absl::StatusOr<PacketDeviceCounts> device = device_->Counts();
  std::vector<SourceFigure> figures = CaptureFigures(assembly_.counts(), capture_, reading_);
  LiveCounters counters;
  counters.received = assembly_.counts().packets;
  counters.records = records_.records() - dropped_;
  counters.dropped = dropped_;
  counters.other = capture_.http().requests - std::min(capture_.http().requests, reading_.counts.logins);
  if (device.ok()) {
    counters.lost = device->dropped_by_kernel + device->dropped_by_interface;
    figures.push_back({"dropped_by_kernel", "packets dropped by the kernel", device->dropped_by_kernel});
    figures.push_back(
        {"dropped_by_interface", "packets dropped by the interface", device->dropped_by_interface});
  }
  figures.push_back({"logins_dropped", "logins dropped, for the engine had no room", dropped_});
  const std::lock_guard lock(mutex_);
  counters_ = counters;
  figures_ = std::move(figures);
}

LiveCounters DeviceSource::counters() const {
  const std::lock_guard lock(mutex_);
  return counters_;
}

std::vector<SourceFigure> DeviceSource::figures() const {
  const std::lock_guard lock(mutex_);
  return figures_;
}

absl::Status DeviceSource::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

}  // namespace stockade
