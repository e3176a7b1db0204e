#include "adapters/client_hello/stack_lookup.h"

#include "adapters/client_hello/agent_claim.h"

namespace stockade {

void StackLookup::Fill(Attempt* attempt) {
  if (attempt->ja4.data() == nullptr) return;
  ++counts_.asked;
  const Found found = memo_.Of(attempt->ja4, attempt->user_agent, [&] {
    return Found{table_.StackOf(attempt->ja4), table_.MismatchOf(attempt->ja4, ClaimOf(attempt->user_agent))};
  });
  if (found.stack.empty()) return;
  ++counts_.known;
  const bool says_itself = attempt->tls_stack.data() != nullptr || attempt->tls_mismatch.data() != nullptr;
  if (!says_itself) attempt->tls_stack = found.stack;
  if (found.mismatch.empty()) return;
  ++counts_.mismatched;
  if (!says_itself) attempt->tls_mismatch = found.mismatch;
}

}  // namespace stockade
