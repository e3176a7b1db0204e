#include "adapters/source/byte_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

class FileStream final : public ByteStream {
 public:
  FileStream(int descriptor, bool owned, std::string name, std::shared_ptr<uint64_t> count)
      : descriptor_(descriptor), owned_(owned), name_(std::move(name)), count_(std::move(count)) {}
  ~FileStream() override {
    if (owned_) ::close(descriptor_);
  }
  FileStream(const FileStream&) = delete;
  FileStream& operator=(const FileStream&) = delete;

  absl::StatusOr<size_t> Read(char* out, size_t room) override {
    ssize_t got = 0;
    do {
      got = ::read(descriptor_, out, room);
    } while (got < 0 && errno == EINTR);
    if (got < 0) return absl::ErrnoToStatus(errno, Concat(name_, ": cannot be read"));
    *count_ += static_cast<uint64_t>(got);
    return static_cast<size_t>(got);
  }

 private:
  int descriptor_;
  bool owned_;
  std::string name_;
  std::shared_ptr<uint64_t> count_;
};

// `*status` is what fstat says of it, or all zero where that fails; it may be null.
absl::StatusOr<std::unique_ptr<ByteStream>> OpenFile(const std::string& name, const std::string& shown,
                                                     std::shared_ptr<uint64_t> count, struct stat* status) {
  const int descriptor = name == "-" ? STDIN_FILENO : ::open(name.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return absl::ErrnoToStatus(errno, Concat(name, ": cannot be opened"));
  auto file = std::make_unique<FileStream>(descriptor, descriptor != STDIN_FILENO, shown, std::move(count));
  struct stat found {};
  if (::fstat(descriptor, &found) == 0 && S_ISDIR(found.st_mode)) {
    return absl::InvalidArgumentError(Concat(name, ": is a folder; name the files in it"));
  }
  if (status != nullptr) *status = found;
  return file;
}

class TextStream final : public ByteStream {
 public:
  TextStream(std::string text, std::shared_ptr<uint64_t> count)
      : text_(std::move(text)), count_(std::move(count)) {}
  absl::StatusOr<size_t> Read(char* out, size_t room) override {
    const size_t size = std::min(room, text_.size() - used_);
    if (size != 0) std::memcpy(out, text_.data() + used_, size);
    used_ += size;
    *count_ += size;
    return size;
  }

 private:
  std::string text_;
  size_t used_ = 0;
  std::shared_ptr<uint64_t> count_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ByteStream>> OpenBytes(const std::string& name) {
  return OpenFile(name, name == "-" ? "standard input" : name, std::make_shared<uint64_t>(0), nullptr);
}

absl::StatusOr<std::unique_ptr<ByteReader>> ByteReader::Open(const std::string& name) {
  std::unique_ptr<ByteReader> reader(new ByteReader);
  reader->name_ = name == "-" ? "standard input" : name;
  struct stat status {};
  ASSIGN_OR_RETURN(auto file, OpenFile(name, reader->name_, reader->stored_bytes_, &status));
  if (S_ISREG(status.st_mode)) {
    reader->stored_bytes_total_ = static_cast<uint64_t>(status.st_size);
    reader->changed_ = absl::TimeFromTimespec(status.st_mtim);
  }
  ASSIGN_OR_RETURN(reader->stream_, Decompress(std::move(file), reader->name_));
  return reader;
}

absl::StatusOr<std::unique_ptr<ByteReader>> ByteReader::OverStream(std::unique_ptr<ByteStream> stream,
                                                                   std::string name) {
  std::unique_ptr<ByteReader> reader(new ByteReader);
  reader->name_ = std::move(name);
  ASSIGN_OR_RETURN(reader->stream_, Decompress(std::move(stream), reader->name_));
  return reader;
}

std::unique_ptr<ByteReader> ByteReader::OverLive(std::unique_ptr<ByteStream> stream, std::string name) {
  std::unique_ptr<ByteReader> reader(new ByteReader);
  reader->name_ = std::move(name);
  reader->stream_ = std::move(stream);
  reader->begin_checked_ = true;
  return reader;
}

absl::StatusOr<std::unique_ptr<ByteReader>> ByteReader::OverText(std::string text, std::string name) {
  std::unique_ptr<ByteReader> reader(new ByteReader);
  reader->name_ = std::move(name);
  reader->stored_bytes_total_ = text.size();
  ASSIGN_OR_RETURN(
      reader->stream_,
      Decompress(std::make_unique<TextStream>(std::move(text), reader->stored_bytes_), reader->name_));
  return reader;
}

absl::Status ByteReader::ReadMore(char* out, size_t room, size_t* got) {
  *got = 0;
  absl::StatusOr<size_t> size = stream_->Read(out, room);
  if (!size.ok()) {
    ended_ = !absl::IsUnavailable(size.status());
    return size.status();
  }
  *got = *size;
  bytes_ += *size;
  if (*size == 0) ended_ = true;
  return absl::OkStatus();
}

absl::StatusOr<std::string_view> ByteReader::Peek(size_t size) {
  while (carry_.size() < size && !ended_) {
    const size_t had = carry_.size();
    carry_.resize(size);
    size_t got = 0;
    // An error is kept for later: what came before it is still good.
    if (absl::Status status = ReadMore(carry_.data() + had, size - had, &got); !status.ok())
      error_ = std::move(status);
    carry_.resize(had + got);
  }
  RETURN_IF_ERROR(CheckBegin());
  return std::string_view(carry_);
}

absl::Status ByteReader::CheckBegin() {
  if (begin_checked_) return absl::OkStatus();
  begin_checked_ = true;
  const std::string_view begin = carry_;
  if (begin.starts_with("\xEF\xBB\xBF")) {
    carry_.erase(0, 3);
    return absl::OkStatus();
  }
  using namespace std::string_view_literals;
  if (begin.starts_with("\xFF\xFE"sv) || begin.starts_with("\xFE\xFF"sv) ||
      begin.starts_with("\0\0\xFE\xFF"sv)) {
    error_ = absl::InvalidArgumentError(
        Concat(name_, ":1: the file is UTF-16 or UTF-32; convert it with: iconv -f UTF-16 -t UTF-8"));
    ended_ = true;
    carry_.clear();
    return error_;
  }
  return absl::OkStatus();
}

absl::StatusOr<size_t> ByteReader::ReadBytes(char* out, size_t room) {
  if (!carry_.empty()) {
    const size_t size = std::min(room, carry_.size());
    std::memcpy(out, carry_.data(), size);
    carry_.erase(0, size);
    return size;
  }
  RETURN_IF_ERROR(error_);
  if (ended_) return size_t{0};
  size_t got = 0;
  RETURN_IF_ERROR(ReadMore(out, room, &got));
  return got;
}

absl::StatusOr<bool> ByteReader::NextBlock(Batch* batch) {
  next_ = end_ = nullptr;
  if (!begin_checked_) RETURN_IF_ERROR(Peek(4).status());
  const size_t need = carry_.size() + kBlockBytes;
  if (batch->block_size < need) {
    // Not zeroed: only what was read is looked at, but for padding whose content is nobody's business.
    batch->block = std::make_unique_for_overwrite<char[]>(need + Batch::kBlockPadding);
    batch->block_size = need;
  }
  char* const block = batch->block.get();
  size_t size = carry_.size();
  if (size != 0) std::memcpy(block, carry_.data(), size);
  // What was put back is whole lines that were delivered before: there is news only behind it.
  const size_t old = std::exchange(put_back_, 0);
  size_t searched = old;  // no new line end before here
  carry_.clear();
  while (true) {
    if (size > searched) {
      if (skipping_) {
        const auto* const found = static_cast<const char*>(std::memchr(block, '\n', size));
        const size_t drop = found == nullptr ? size : static_cast<size_t>(found - block) + 1;
        std::memmove(block, block + drop, size - drop);
        size -= drop;
        skipping_ = found == nullptr;
      }
      const auto* const last = static_cast<const char*>(::memrchr(block + searched, '\n', size - searched));
      if (last != nullptr) {
        const auto whole = static_cast<size_t>(last - block) + 1;
        carry_.assign(block + whole, size - whole);
        next_ = block;
        end_ = block + whole;
        return true;
      }
      searched = size;
      if (size - old > kLineBytesMax + 1 && old != 0) {
        carry_.assign(block + old, size - old);
        next_ = block;
        end_ = block + old;
        return true;
      }
      if (size > kLineBytesMax + 1) {  // one more, for the CR of a line that just fits
        too_long_ = true;
        skipping_ = true;
        return true;
      }
    }
    if (ended_) break;
    if (batch->block_size - size < kBlockBytes / 4) {
      const size_t room = batch->block_size * 2;
      auto grown = std::make_unique_for_overwrite<char[]>(room + Batch::kBlockPadding);
      std::memcpy(grown.get(), batch->block.get(), size);
      carry_.assign(grown.get(), size);
      put_back_ = old;
      batch->block = std::move(grown);
      batch->block_size = room;
      return NextBlock(batch);
    }
    size_t got = 0;
    if (absl::Status status = ReadMore(block + size, batch->block_size - size, &got); !status.ok()) {
      if (!ended_) {  // nothing for now
        carry_.assign(block, size);
        put_back_ = old;
        return status;
      }
      error_ = std::move(status);
    }
    size += got;
  }
  if (!error_.ok()) {
    return absl::Status(error_.code(), Concat(FromAbsl(error_.message()), " (after line ", lines_, ")"));
  }
  if (size == 0) return false;
  next_ = block;
  end_ = block + size;
  return true;
}

void ByteReader::PutBack(const Line& line) {
  put_back_ = static_cast<size_t>(end_ - line.text.data());
  carry_.insert(0, line.text.data(), put_back_);
  lines_ = line.number - 1;
  next_ = end_ = nullptr;
}

}  // namespace stockade
