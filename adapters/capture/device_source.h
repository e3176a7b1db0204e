// A network interface as a live source: the logins that pass it, as they are answered.
//
//   DeviceSource::Open ─► (privileges are given up) ─► Start ─► thread: PacketDevice ─► LoginCapture ─► LiveQueue
//
// Opening needs CAP_NET_RAW, running needs nothing. Packets cannot be made to wait: where the queue has no room, a batch of
// logins is dropped and counted; where we read too slowly, the kernel drops and says how many (figures, "lost" of counters).
//
// Errors: as PacketDevice. An interface that goes away ends the source; `failure` says so. Threads: one of its own; members
// as live_source.h says.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "adapters/capture/capture_source.h"
#include "adapters/capture/login_records.h"
#include "adapters/capture/packet_device.h"
#include "adapters/source/live_source.h"

namespace stockade {

class DeviceSource final : public LiveSource {
 public:
  static absl::StatusOr<std::unique_ptr<DeviceSource>> Open(const PacketDeviceOptions& device,
                                                            const CaptureReading& reading);
  ~DeviceSource() override;

  absl::Status Start(LiveQueue* queue) override;
  void Stop() override;
  const std::string& name() const override { return name_; }
  LiveCounters counters() const override;
  void UseFields(std::shared_ptr<const FieldTable> fields) override;

  // As of the last second. Any thread.
  std::vector<SourceFigure> figures() const;
  absl::Status failure() const;

 private:
  DeviceSource(std::string name, std::unique_ptr<PacketDevice> device, const CaptureReading& reading);
  void Run();
  void TakePackets();
  void HandOn();
  void Count();

  const std::string name_;
  const std::unique_ptr<PacketDevice> device_;
  LoginRecords records_;
  LoginReading reading_;
  LoginCapture capture_;
  Assembly assembly_;
  LiveQueue* queue_ = nullptr;
  std::unique_ptr<LiveBatch> batch_;
  uint64_t dropped_ = 0;
  std::shared_ptr<const FieldTable> used_fields_;  // by records_

  std::atomic<bool> stopping_ = false;
  std::thread thread_;
  mutable std::mutex mutex_;  // of what follows
  LiveCounters counters_;
  std::vector<SourceFigure> figures_;
  absl::Status failure_;
  std::shared_ptr<const FieldTable> fields_;
};

}  // namespace stockade
